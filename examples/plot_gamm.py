"""
A curve for each meadow
=======================

How does cover depend on moisture? Not along a straight line, and not alike in all meadows. A
generalized additive mixed model (GAMM) has a curve whose shape is estimated, and deviations of each
group from it that are random effects.
"""

# %%
# Data
# ----
# Which part of 360 plots moss covers, simulated: 12 meadows with 30 plots each. It is highest where
# it is neither dry nor wet, but where exactly, and how high, differs between meadows.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay, SmoothDisplay
from skglmm.model_selection import compare

rng = np.random.default_rng(0)
meadow = np.repeat(np.arange(12), 30)
X = pd.DataFrame({"moisture": rng.uniform(0, 100, 360)})
X["meadow"] = [f"meadow {k + 1}" for k in meadow]
level, best = rng.normal(0, 0.4, 12)[meadow], rng.normal(55, 8, 12)[meadow]
mean = expit(1.2 + level - ((X["moisture"] - best) / 28) ** 2)
y = pd.Series(rng.beta(12 * mean, 12 * (1 - mean)), name="cover")

# %%
# Compare
# -------
# ``s(moisture)`` is a smooth curve. ``s(moisture, meadow, bs="fs")`` adds one for each meadow, all
# with the same variances: those of a level, a slope and bends. However many columns its basis has,
# a curve takes two parameters here, its slope and the standard deviation of its bends, and AIC
# counts it so.
MODELS = {
    "line": "moisture + (1 | meadow)",
    "parabola": "poly(moisture, 2) + (1 | meadow)",
    "curve": "s(moisture) + (1 | meadow)",
    "curves": 's(moisture) + s(moisture, meadow, bs="fs", k=5)',
}
fits = {name: BetaGLMMRegressor(formula).fit(X, y) for name, formula in MODELS.items()}
table = compare(*fits.values(), names=list(fits))
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# Read
# ----
# The effective degrees of freedom, edf, say how much of a basis of nine columns is used: 1 is a
# straight line. The test is that the curve is zero everywhere, not that it is straight.
model = fits["curves"]
print(model.smooth_terms()[["name", "edf", "statistic", "p_value"]].round(3))

# %%
# How meadows differ: the standard deviations of the parts of their curves, on the logit scale.
print(model.variance_components()[["group", "effect", "sd"]].drop_duplicates("sd").round(2))

# %%
# What does it look like?
# -----------------------
# At the left, what moisture adds to the log odds of cover in a typical meadow. The band is
# simultaneous: it holds the whole curve with 95 % probability, so that a curve that leaves it
# anywhere is unlikely. At the right, mean cover by moisture in each meadow, and in a typical one.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
SmoothDisplay.from_estimator(model, X, terms="s(moisture)", simultaneous=True, ax=axes[0])
PredictionDisplay.from_estimator(
    model, X, y, feature="moisture", by="meadow", reference="fixed", ax=axes[1]
)
plt.show()
