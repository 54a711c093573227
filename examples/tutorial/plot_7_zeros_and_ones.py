"""
7. Zeros and ones, done properly
================================

Ten dragons scored exactly 0 or 100, where a beta density is zero or infinite. So far they were
moved inside by a ten-thousandth of the width. This page asks what that did, and describes them
instead.
"""

# %%
# Why is it a problem?
# --------------------
# Without ``boundary`` the fit refuses. The message counts, and names the ways out.
import textwrap

import matplotlib.pyplot as plt
import pandas as pd

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.datasets import make_dragons
from skglmm.inspection import ResidualDisplay, data_grid
from skglmm.model_selection import compare

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
FORMULA = "length + (length | mountainRange) + (1 | mountainRange:site)"
try:
    BetaGLMMRegressor(FORMULA, bounds=(0, 100)).fit(X, y)
except ValueError as error:
    print(textwrap.fill(str(error), 72))

# %%
# Moving them, and what it costs
# ------------------------------
# How far should they move? Nothing in the data says so. A well-known rule, ``"squeeze"``, takes
# *all* responses a little towards the middle, the less the more rows there are; a fraction moves
# only those on a bound. The choice matters, since the logarithm of a response enters the
# likelihood, and the logarithm of nearly nothing is large. The last row leaves these dragons out,
# which is no better: the best and the worst dragons are not missing at random.
inside = (y > 0) & (y < 100)
choices = {str(boundary): boundary for boundary in ("squeeze", 1e-2, 1e-3, 1e-4, 1e-5)}
fits = {
    name: BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=boundary).fit(X, y)
    for name, boundary in choices.items()
}
fits["left out"] = BetaGLMMRegressor(FORMULA, bounds=(0, 100)).fit(X[inside], y[inside])
estimates = pd.DataFrame({name: fit.confint()["estimate"] for name, fit in fits.items()})
print(estimates.loc[["length", "precision", "sd(Intercept | mountainRange:site)"]].round(3).T)

# %%
# The slope of length, which is our question, hardly cares. The precision goes from 8.4 down to 6.6,
# by several of its standard errors of about 0.5, and the standard deviation of the sites up. The
# picture shows the precision with its 95 % limits: each fit is sure of itself, since it takes the
# moved scores for observed ones.
limits = pd.DataFrame({name: fit.confint().loc["precision"] for name, fit in fits.items()}).T
figure, axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
errors = [limits["estimate"] - limits["conf_low"], limits["conf_high"] - limits["estimate"]]
axis.errorbar(limits["estimate"], list(limits.index), xerr=errors, fmt="o", capsize=3)
axis.margins(y=0.1)
axis.invert_yaxis()
axis.set(xlabel="precision with 95 % limits", ylabel="boundary")
plt.show()

# %%
# Moving is good enough if there are a few such rows, if the conclusions do not depend on how far
# they move, and if the report says what was done. ``diagnose`` makes this comparison on its own.

# %%
# Describing them
# ---------------
# There are models in which a response on a bound is possible. The question is how it comes about:
#
# * **Ordered**: on the same scale as all other scores. A dragon good enough passes a cut
#   point and gets the full 100.
# * **Zero-one-inflated**: by another process, with predictors of its own (``zero``, ``one``): a
#   dragon that did not turn up gets 0, however good it is. Here these are the same for all dragons.
# * **Extended**: scores would reach beyond 0 and 100 if they could, and are seen at the nearer
#   bound.
models = {
    "ordered": OrderedBetaGLMMRegressor(FORMULA, bounds=(0, 100)).fit(X, y),
    "inflated": ZeroOneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)).fit(X, y),
    "extended": ExtendedBetaGLMMRegressor(FORMULA, bounds=(0, 100)).fit(X, y),
}
print(models["ordered"].summary())

# %%
# Compare them
# ------------
# All three are likelihoods of the same 480 scores, so that criteria can be compared. (Fits to moved
# scores are likelihoods of other data, and ``compare`` refuses to put them in one table.) Zeros and
# full scores come from bad and good dragons: models which say so are 16 and more points of AIC
# better than the one in which they are luck.
table = compare(*models.values(), names=list(models))
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# The picture shows the difference: the probability of the full score for a dragon of average length
# in each range.
ranges = data_grid(X, by="mountainRange", n=1)
figure, axis = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
for (name, model), marker in zip(models.items(), "os^", strict=True):
    chances = model.predict_proba_boundary(ranges, kind={"mountainRange"})["upper"]
    means = model.predict(ranges, kind={"mountainRange"})
    axis.plot(means, chances, marker, label=name)
axis.set(xlabel="predicted mean score of a range", ylabel="probability of the score 100")
axis.legend()
plt.show()

# %%
# Does it fit?
# ------------
# Residuals tell moved and described zeros apart. On the left, the dots that leave the line at both
# ends are the ten moved scores; on the right they have their place.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, (title, model) in zip(
    axes, {"moved by 1e-4": fits["0.0001"], "ordered": models["ordered"]}.items(), strict=True
):
    ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=0, ax=axis)
    axis.set_title(title)
plt.show()
print(models["ordered"].diagnose(X, y))

# %%
# The answer stays
# ----------------
# The effect of length in the models of this page, with that of the last one. In all of them it is
# zero within its uncertainty, so this part of the report need not change.
for name, model in {"moved by 1e-4": fits["0.0001"], **models}.items():
    row = model.tidy(effects="fixed").query("term == 'length'").iloc[0]
    print(f"{name:14} {row['estimate']:.3f} ({row['conf_low']:.3f} to {row['conf_high']:.3f})")

# %%
# Their precisions should not be compared with each other, nor with the 8 of the simulation: each is
# about something else. That of the ordered model is about scores between the bounds, from which the
# most extreme ones have been taken.
#
# Where to go next: :doc:`/guide/zeros_and_ones` has the details of these models,
# :doc:`/guide/cross_validation` judges models on dragons that they have not seen, and the
# :doc:`/guide/index` covers everything else.
