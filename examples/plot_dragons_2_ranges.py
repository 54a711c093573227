"""
A curve for each mountain range, with and without slopes of its own
===================================================================

A mixed model takes the ranges for a sample of ranges. With a random intercept their curves are
parallel on the scale of log odds; with a random slope each has its own steepness. Few or unusual
dragons pull a curve less than many: it shrinks towards the average.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with scores from 0 to 100.
from pathlib import Path

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay

X, y = make_dragons(random_state=3, return_X_y=True)

# %%
# Fit
# ---
# A lower AIC is better.
FORMULAS = {
    "random intercepts": "bodyLength + (1 | mountainRange)",
    "random intercepts and slopes": "bodyLength + (bodyLength | mountainRange)",
}
models = {
    name: BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
    for name, formula in FORMULAS.items()
}
for name, model in models.items():
    print(f"{name}: AIC {model.aic_:.1f}, slope {model.coef_[0]:.4f}")

# %%
# What does it look like?
# -----------------------
# Each range over the lengths that its dragons have, with 95 % limits of its mean. Dotted is a
# typical range, one whose random effects are 0.
figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.4), sharey=True, layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    PredictionDisplay.from_estimator(
        model, X, y, feature="bodyLength", by="mountainRange", reference="fixed", ax=axis
    )
    axis.set_title(name)
axes[0].get_legend().remove()  # it is that of the other panel
axes[1].set_ylabel("")

picture = Path(__file__).with_suffix(".png")
figure.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
