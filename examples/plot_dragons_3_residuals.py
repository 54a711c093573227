"""
Where do residuals tell that a model forgets the groups?
========================================================

Residuals of a regression without groups may look as they should, against the fitted means and in
their quantiles. Sorted by mountain range they do not: whole ranges lie above or below zero.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with scores from 0 to 100.
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import ResidualDisplay

X, y = make_dragons(random_state=3, return_X_y=True)

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
# What does it look like?
# -----------------------
# A row for each model: quantile residuals, which are standard normal if the model is true, against
# fitted means, in their quantiles, and in a box for each of the three sites of a range. The few
# dots at the ends are scores of exactly 0 and 100: these data were cut there.
sites = X["mountainRange"] + X["site"]
ranges = sorted(X["mountainRange"].unique())
figure, axes = plt.subplots(3, 3, figsize=(12, 10), layout="constrained")
for row, (name, model) in zip(axes, models.items(), strict=True):
    display = ResidualDisplay.from_estimator(model, X, y, random_state=0, ax=row[0])
    ResidualDisplay.from_residuals(
        display.residual, kind="qq", residual_name="", random_state=0, ax=row[1]
    )
    boxes = [part for _, part in pd.Series(display.residual).groupby(sites)]
    row[2].axhline(0, color="gray", linewidth=1)
    row[2].vlines([3 * k + 0.5 for k in range(1, 8)], -4.5, 4.5, color="gainsboro", linewidth=1)
    row[2].boxplot(boxes, widths=0.6, flierprops={"markersize": 3}, medianprops={"color": "k"})
    row[2].set_xticks([3 * k + 2 for k in range(8)], ranges, rotation=45, ha="right")
    row[0].set_title(name, loc="left", fontweight="bold")
    row[2].set_title("three sites of each range", fontsize="medium")

picture = Path(__file__).with_suffix(".png")
figure.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
