"""
Do longer dragons score better?
===============================

A regression is quite sure that they do. But ranges of longer dragons have better scores, for
reasons of their own, and within a range length tells little: this is Simpson's paradox, and a
model that knows the groups sees it.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with test scores from 0 to 100.
import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay

X, y = make_dragons(random_state=3, return_X_y=True)
print(X.assign(testScore=y).groupby("mountainRange").mean(numeric_only=True).round(1))

# %%
# Fit
# ---
# Beta regressions, since scores have bounds. The first knows nothing of the ranges. The second has
# a random intercept and a random slope for each range, and an intercept for each site in it. The
# few scores of exactly 0 and 100 move inside by a ten-thousandth of the width.
FORMULAS = {
    "no groups": "bodyLength",
    "ranges and sites": "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)",
}
models = {
    name: BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
    for name, formula in FORMULAS.items()
}

# %%
# The slopes are in log odds per unit of length. Without groups the slope is fourteen standard
# errors from zero; with them it is nothing.
for name, model in models.items():
    slope = model.tidy(effects="fixed").set_index("term").loc["bodyLength"]
    print(f"{name}: slope {slope['estimate']:.4f}, standard error {slope['std_error']:.4f}")

# %%
# What does it look like?
# -----------------------
# Both panels show the same dragons: as if they were all alike, and by range, with a curve over the
# lengths that occur in each.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
PredictionDisplay.from_estimator(models["no groups"], X, y, feature="bodyLength", ax=axes[0])
PredictionDisplay.from_estimator(
    models["ranges and sites"],
    X,
    y,
    feature="bodyLength",
    by="mountainRange",
    interval=None,
    ax=axes[1],
)
for axis, name in zip(axes, models, strict=True):
    axis.set(title=name, xlabel="body length", ylabel="")
axes[0].set_ylabel("test score")
axes[0].get_legend().remove()  # it is the mean with its 95 % limits
plt.show()
