"""
What to do with exact zeros and ones?
=====================================

A few of the dragons have a score of exactly 0 or 100, where a beta density is zero or infinite.
Moving them inside by a little is quick, but the answer depends on how little. Models that give the
bounds probabilities of their own need no such choice, and can be compared with each other.
"""

# %%
# Data
# ----
# 480 simulated dragons from 8 mountain ranges, with test scores from 0 to 100.
import matplotlib.pyplot as plt
import numpy as np

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.datasets import make_dragons
from skglmm.inspection import data_grid
from skglmm.model_selection import compare

X, y = make_dragons(random_state=3, return_X_y=True)
print(f"{np.sum(y == 0)} scores of 0 and {np.sum(y == 100)} of 100, of {len(y)}")

# %%
# Moving them
# -----------
# Between moves of a thousandth and of a hundred-thousandth of the width the precision goes down by
# several standard errors: it is a product of the move. ``diagnose(X, y)`` says so, too.
FORMULA = "bodyLength + (1 | mountainRange)"
for boundary in (1e-3, 1e-4, 1e-5):
    moved = BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=boundary).fit(X, y)
    precision = moved.confint().loc["precision"].round(2).to_list()
    print(f"boundary={boundary:g}: precision {precision[0]} ({precision[1]} to {precision[2]})")

# %%
# Describing them
# ---------------
# In an ordered beta model one linear predictor moves scores up, and past a cut point to the bound;
# inflated models have predictors of their own for the bounds; an extended beta reaches beyond the
# bounds and is seen there. All three are likelihoods of the same scores.
models = {
    "ordered": OrderedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
    "inflated": ZeroOneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
    "extended": ExtendedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
}
for model in models.values():
    model.fit(X, y)
table = compare(*models.values(), names=list(models))
print(table[["n_params", "log_likelihood", "aic", "delta_aic", "weight"]].round(2))

# %%
# Who touches the bounds?
# -----------------------
# A dot for each range, and a line for each model. They differ in whom they give a perfect score:
# in the inflated one it is chance, the same for all; in the other two it is the good ones.
ranges = data_grid(X, by="mountainRange", n=1)  # a dragon of usual length in each
STYLES = {"ordered": "o-", "inflated": "s--", "extended": "^:"}
COLORS = {"ordered": "#0072B2", "inflated": "#D55E00", "extended": "#009E73"}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for name, model in models.items():
    found = model.predict_proba_boundary(ranges).assign(mean=model.predict(ranges))
    found = found.sort_values("mean")
    for axis, column in zip(axes, ("lower", "upper"), strict=True):
        axis.plot(found["mean"], found[column], STYLES[name], color=COLORS[name], label=name)
for axis, bound in zip(axes, (0, 100), strict=True):
    axis.set(xlabel="predicted mean score of a range", title=f"a score of exactly {bound}")
axes[0].set_ylim(0)
axes[0].set_ylabel("probability")
axes[0].legend()
plt.show()
