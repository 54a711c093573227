"""
Do longer dragons score better?
===============================

The scores of dragons from one mountain range resemble each other, and so do those from one site.
A regression that ignores this finds an effect of length which is one of the ranges. Here are the
models of a beginner's tour of mixed models, from none of that knowledge to all of it.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 ranges, and their test scores from 0 to 100. The
# labels of the sites, a, b and c, are used again in every range.
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons

X, y = make_dragons(random_state=3, return_X_y=True)
print(X.assign(testScore=y).groupby("mountainRange").mean(numeric_only=True).round(1), "\n")

# %%
# Fit
# ---
# The scores are percentages. The few that are exactly 0 or 100, where a Beta density ends, move
# inside by a ten-thousandth of the width.
STRUCTURES = {
    "no groups": "bodyLength",
    "ranges differ": "bodyLength + (1 | mountainRange)",
    "and their slopes": "bodyLength + (bodyLength | mountainRange)",
    "and their sites": "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)",
}
models = {
    name: BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
    for name, formula in STRUCTURES.items()
}

# %%
# Which structure?
# ----------------
# A lower AIC is better. The coefficient is the effect of one more unit of length on the logit of
# the mean: clearly positive without groups, and zero within its uncertainty as soon as the model
# knows about them.
comparison = pd.DataFrame(
    {
        "log likelihood": {name: model.log_likelihood_ for name, model in models.items()},
        "AIC": {name: model.aic_ for name, model in models.items()},
        "length": {name: model.coef_[0] for name, model in models.items()},
        "std. error": {
            name: model.vcov().loc["bodyLength", "bodyLength"] ** 0.5
            for name, model in models.items()
        },
    }
)
print(comparison.round(4), "\n")
final = models["and their sites"]
print(final.summary())

# %%
# What does it look like?
# -----------------------
# Each site with its own curve, and in gray what the regression without groups says. The picture is
# also that of the README; the script takes another place for it as its argument.
COLORS = ("#0072B2", "#D55E00", "#009E73")  # apart for color-blind readers, too
figure, axes = plt.subplots(2, 4, figsize=(9, 4.8), sharex=True, sharey=True, layout="constrained")
for axis, (name, dragons) in zip(axes.flat, X.groupby("mountainRange"), strict=True):
    for k, (site, rows) in enumerate(dragons.sort_values("bodyLength").groupby("site")):
        color = COLORS[k]
        axis.scatter(rows["bodyLength"], y[rows.index], s=8, alpha=0.5, color=color)
        axis.plot(rows["bodyLength"], final.predict(rows), color=color, label=f"site {site}")
    ends = dragons.sort_values("bodyLength")
    naive = models["no groups"].predict(ends)
    axis.plot(ends["bodyLength"], naive, color="gray", linestyle="--", label="no groups")
    axis.set_title(name)
figure.supxlabel("body length")
figure.supylabel("test score")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False
)

picture = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".png")
figure.savefig(picture, dpi=110)
print(f"\nThe picture is in {picture}")
