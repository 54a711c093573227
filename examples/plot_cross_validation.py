"""
Which random effects predict dragons that nobody has seen?
==========================================================

Criteria and tests judge a model on the rows that it was fitted to, cross-validation on others.
Which rows are held out depends on the question: further dragons of known sites, or dragons of new
sites.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 ranges, with test scores from 0 to 100. No score
# needs standard errors, so ``inference=False`` leaves them out.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, cross_val_score

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.model_selection import compare, log_density_scorer

X, y = make_dragons(random_state=3, return_X_y=True)
STRUCTURES = {
    "no groups": None,
    "ranges": "mountainRange",
    "ranges, sites": ["mountainRange", "mountainRange:site"],
    "slopes": {"mountainRange": "bodyLength"},
    "slopes, sites": {"mountainRange": "bodyLength", "mountainRange:site": "1"},
}
SCALE = {"bounds": (0, 100), "boundary": 1e-4}
models = {
    name: BetaGLMMRegressor("bodyLength", groups=groups, inference=False, **SCALE)
    for name, groups in STRUCTURES.items()
}

# %%
# The same rows
# -------------
# The lowest AIC comes first.
for model in models.values():
    model.fit(X, y)
table = compare(*models.values(), names=list(models))
print(table[["n_params", "aic", "delta_aic", "lr_against", "lr_p_value"]].round(3))

# %%
# Other rows
# ----------
# Further dragons of known sites are judged one by one. Dragons of new sites are judged together:
# how alike the scores of one site are is just what the structures disagree about. Higher is
# better.
sites = X["mountainRange"] + X["site"]
SPLITS = {
    "further dragons of known sites": (KFold(6, shuffle=True, random_state=0), None, False),
    "dragons of new sites": (GroupKFold(6), sites, True),
}
scores = {
    question: {
        name: cross_val_score(
            model, X, y, groups=held, cv=splitter, scoring=log_density_scorer(joint=joint)
        )
        for name, model in models.items()
    }
    for question, (splitter, held, joint) in SPLITS.items()
}
print(pd.DataFrame(scores).map(np.mean).round(3))

# %%
# What does it look like?
# -----------------------
# What each structure gains on random intercepts of ranges, over the same folds, with standard
# errors. The model without groups is far out on the left.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for axis, (question, found) in zip(axes, scores.items(), strict=True):
    gains = pd.DataFrame(found).drop(columns="no groups").sub(found["ranges"], axis=0)
    axis.errorbar(
        gains.mean(), gains.columns, xerr=gains.sem(), fmt="o", color="#0072B2", capsize=3
    )
    axis.axvline(0, color="#999999", linewidth=1)
    axis.set(title=question, xlabel="gain in log density per dragon")
axes[0].margins(y=0.2)
plt.show()
