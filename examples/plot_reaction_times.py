"""
Does everybody slow down alike?
===============================

Reaction times grow with every night of little sleep, for some people much more than for others. A
linear mixed model has a line for each of them, compares structures of what differs, and may let
the noise grow, too.
"""

# %%
# Data
# ----
# 24 simulated people react in ten mornings, in milliseconds. They differ in their level, in what a
# night does to them, and the longer it takes, the less regular they are.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import LMMRegressor
from skglmm.inspection import PredictionDisplay, residuals
from skglmm.model_selection import compare

rng = np.random.default_rng(3)
person = np.repeat(np.arange(24), 10)
X = pd.DataFrame({"nights": np.tile(np.arange(10), 24), "person": [f"P{k:02d}" for k in person]})
level, slope = rng.normal(250, 25, 24)[person], rng.normal(10, 6, 24)[person]
noise = rng.normal(0, 12 * np.exp(0.12 * X["nights"]))
y = pd.Series(level + slope * X["nights"] + noise, name="reaction time (ms)")

# %%
# Compare
# -------
# With the same responses, AIC compares any structures. It is about maximum likelihood: the default
# of the estimator, restricted maximum likelihood, has variances that are nearly unbiased, but
# compares models with the same fixed effects only.
MODELS = {
    "one line": LMMRegressor("nights", reml=False),
    "own levels": LMMRegressor("nights + (1 | person)", reml=False),
    "own lines": LMMRegressor("nights + (nights | person)", reml=False),
    "growing noise": LMMRegressor("nights + (nights | person)", scale="nights", reml=False),
}
for model in MODELS.values():
    model.fit(X, y)
table = compare(*MODELS.values(), names=list(MODELS))
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# The residuals of own lines alone say the same: in standard deviations of the noise they are small
# in the first mornings, and large in the last.
spread = X[["nights"]].copy()
for name in ("own lines", "growing noise"):
    spread[name] = residuals(MODELS[name], X, y, kind="pearson")
spread = spread.groupby("nights").std()
print(spread.loc[[0, 4, 9]].round(1))

# %%
# Read
# ----
# Milliseconds everywhere but in the scale, which is the logarithm of a standard deviation.
best = MODELS["growing noise"]
print(best.summary())
print(best.variance_components().round(2))

# %%
# What does it look like?
# -----------------------
# At the left, what the residuals of each morning vary by: about one in a true model, a little less
# as lines were fitted to them. At the right, six people with their lines, and limits of what they
# might do on another such morning.
FEW = ["P00", "P01", "P02", "P03", "P04", "P05"]
figure, axes = plt.subplot_mosaic(
    [["spread", *FEW[:3]], ["spread", *FEW[3:]]],
    figsize=(11, 4.4),
    width_ratios=(2, 1, 1, 1),
    layout="constrained",
)
for (name, sd), style in zip(spread.items(), ("s--", "o-"), strict=True):
    color = {"own lines": "#D55E00", "growing noise": "#0072B2"}[name]
    axes["spread"].plot(sd, style, color=color, label=name)
axes["spread"].axhline(1, color="#999999", linewidth=1)
axes["spread"].set(xlabel="nights", ylabel="standard deviation of Pearson residuals", ylim=0)
axes["spread"].legend()
some, panels = X["person"].isin(FEW), np.array([axes[name] for name in FEW])
PredictionDisplay.from_estimator(
    best,
    X[some],
    y[some],
    feature="nights",
    by="person",
    facet="person",
    interval="response",
    ax=panels,
)
for k, axis in enumerate(panels):
    axis.set(ylim=(140, 560))
    if k % 3:
        axis.set(ylabel="", yticklabels=[])
    if k < 3:
        axis.set(xlabel="", xticklabels=[])
plt.show()
