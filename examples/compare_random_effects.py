"""
Which random effects do the dragons need?
=========================================

Do ranges differ in their scores, in what a longer body is worth, and do sites differ within a
range? Five structures answer differently. Information criteria and tests judge them on the rows
that they were fitted to, cross-validation on rows that they have not seen.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 ranges, with scores from 0 to 100. The first step
# of the pipeline scales the lengths, so that intercepts are about dragons of average length.
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.model_selection import compare, likelihood_ratio_test, log_density_scorer

X, y = make_dragons(random_state=3, return_X_y=True)
STRUCTURES = {
    "no groups": None,
    "ranges": "mountainRange",
    "ranges, sites": ["mountainRange", "mountainRange:site"],
    "slopes": {"mountainRange": "bodyLength"},
    "slopes, sites": {"mountainRange": "bodyLength", "mountainRange:site": "1"},
}


def pipeline(groups=None, **options):
    """Return lengths in standard deviations, followed by a model with these random effects."""
    scaled = ColumnTransformer(
        [("scaled", StandardScaler(), ["bodyLength"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = BetaGLMMRegressor(
        "bodyLength", groups=groups, bounds=(0, 100), boundary=1e-4, **options
    )
    return make_pipeline(scaled, model)


# %%
# The same rows: criteria and tests
# ---------------------------------
# The lowest AIC comes first. A variance of zero lies on the boundary of its range, so the tests of
# random effects are corrected for it.
models = {name: pipeline(groups).fit(X, y) for name, groups in STRUCTURES.items()}
table = compare(*models.values(), names=list(models))
print(table[["n_params", "aic", "delta_aic", "weight", "bic"]].round(2), "\n")
for smaller, larger in [("ranges", "slopes"), ("slopes", "slopes, sites")]:
    test = likelihood_ratio_test(models[smaller], models[larger])
    print(f"{smaller} or {larger}? {test}")
full = models["slopes, sites"]
print(f"\n{full[-1].r2(full[:-1].transform(X), y)}\n")

# %%
# Other rows: cross-validation
# ----------------------------
# Two questions, two ways to split. Further dragons of known sites are judged one by one, with what
# is known of their site. Dragons of new sites are judged together: how alike the scores of one
# site are is just what the structures disagree about. Higher is better.
sites = X["mountainRange"] + ":" + X["site"]
known = list(KFold(6, shuffle=True, random_state=0).split(X))
new = list(GroupKFold(6).split(X, groups=sites))
QUESTIONS = {
    "known sites": (known, log_density_scorer(joint=False)),
    "new sites": (new, log_density_scorer(joint=True)),
}
scores = {
    (question, name): cross_val_score(
        pipeline(groups, inference=False), X, y, cv=splits, scoring=scorer
    )
    for question, (splits, scorer) in QUESTIONS.items()
    for name, groups in STRUCTURES.items()
}
means = pd.Series({key: values.mean() for key, values in scores.items()}).unstack(0)
print(means.loc[list(STRUCTURES), list(QUESTIONS)].round(3), "\n")

# %%
# The search
# ----------
# A grid search over `groups` asks the second question and refits the winner.
search = GridSearchCV(
    pipeline(inference=False),
    {"betaglmmregressor__groups": list(STRUCTURES.values())},
    cv=GroupKFold(6),
    scoring=log_density_scorer(joint=True),
).fit(X, y, groups=sites)
winner = list(STRUCTURES)[search.best_index_]
print(f"The search takes {winner!r}: {search.best_estimator_[-1].formula_}")

# %%
# What does it look like?
# -----------------------
# Above, how much each structure loses against the winner, fold by fold, with standard errors.
# Below, the winner itself: the curve of each range with its limits, among the scores.
figure = plt.figure(figsize=(11, 8.5), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=(2, 3))
for axis, question in zip(upper.subplots(1, 2, sharey=True), QUESTIONS, strict=True):
    lost = {name: scores[question, name] - scores[question, winner] for name in STRUCTURES}
    errors = [values.std(ddof=1) / np.sqrt(len(values)) for values in lost.values()]
    axis.errorbar([v.mean() for v in lost.values()], list(lost), xerr=errors, fmt="o", capsize=3)
    axis.axvline(0, color="gray", linewidth=0.8)
    axis.set_title(question)
    axis.set_xlabel(f"mean log density, less that of '{winner}'")

model = models[winner]
for axis, (name, rows) in zip(
    lower.subplots(2, 4, sharex=True, sharey=True).flat, X.groupby("mountainRange"), strict=True
):
    lengths = np.linspace(rows["bodyLength"].min(), rows["bodyLength"].max(), 40)
    grid = pd.DataFrame({"bodyLength": lengths, "mountainRange": name, "site": "a"})
    curve = model[-1].predict_frame(model[:-1].transform(grid), kind={"mountainRange"})
    axis.scatter(rows["bodyLength"], y[rows.index], s=8, alpha=0.5, color="gray")
    axis.plot(lengths, curve["mean"])
    axis.fill_between(lengths, curve["mean_ci_lower"], curve["mean_ci_upper"], alpha=0.3)
    axis.set_title(name)
lower.supxlabel("body length")
lower.supylabel("test score")

picture = Path(__file__).with_suffix(".png")
figure.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
