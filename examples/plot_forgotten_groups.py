"""
Where do residuals tell that a model forgets the groups?
========================================================

Residuals of a regression without groups may look as they should, against the fitted means and in
their quantiles. Sorted by group they do not: whole groups lie above or below zero.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with test scores from 0 to 100.
import matplotlib.pyplot as plt
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import check_residuals

X, y = make_dragons(random_state=3, return_X_y=True)
X["where"] = X["mountainRange"] + " " + X["site"]

# %%
# Fit
# ---
# From none of the groups to all of them.
FORMULAS = {
    "no groups": "bodyLength",
    "ranges": "bodyLength + (bodyLength | mountainRange)",
    "ranges and sites": "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)",
}
models = {
    name: BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
    for name, formula in FORMULAS.items()
}

# %%
# Test
# ----
# Quantile residuals are standard normal if the model is true. ``by`` tests whether they differ
# between sites more than by chance: the effect is the standard deviation between sites that is
# missing in the model.
checks = {
    name: check_residuals(model, X, y, by="where", random_state=0) for name, model in models.items()
}
for name, found in checks.items():
    test = found["missing effect"]
    print(f"{name}: missing effect of sites {test.effect:.2f}, p = {test.p_value:.3f}")

# %%
# What does it look like?
# -----------------------
# A box for each site, three for each range. Whole boxes away from zero are what no picture of all
# rows together shows. (The dots far off are scores of exactly 0 and 100: these data were cut
# there.)
ranges = sorted(X["mountainRange"].unique())
figure, axes = plt.subplots(3, 1, figsize=(8, 7), sharex=True, sharey=True, layout="constrained")
for axis, (name, found) in zip(axes, checks.items(), strict=True):
    boxes = [part for _, part in pd.Series(found.residual).groupby(X["where"])]
    axis.axhline(0, color="#D55E00", linewidth=1)
    for k in range(1, 8):
        axis.axvline(3 * k + 0.5, color="gainsboro", linewidth=1)
    axis.boxplot(boxes, widths=0.6, flierprops={"markersize": 3}, medianprops={"color": "#0072B2"})
    axis.set_title(name, loc="left", fontsize="medium")
axes[-1].set_xticks([3 * k + 2 for k in range(8)], ranges)
axes[-1].tick_params(axis="x", length=0)
figure.supylabel("quantile residual")
plt.show()
