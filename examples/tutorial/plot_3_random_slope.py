"""
3. A random slope: length counts more in some ranges than in others
===================================================================

A random slope lets the effect of a covariate differ between groups. This page fits slopes alone, to
see what the term means, and shows a term that looks like a random slope and is none.
"""

# %%
# Slopes without intercepts
# -------------------------
# ``(0 + length | mountainRange)`` reads: for each range a slope of ``length``, and no intercept.
# The ``0 +`` is needed, since as in any formula ``length`` alone means ``1 + length``.
import textwrap
import warnings

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import compare

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
options = {"bounds": (0, 100), "boundary": 1e-4}

model = BetaGLMMRegressor("length + (0 + length | mountainRange)", **options).fit(X, y)
print(model.summary())

# %%
# Slopes of ranges have a mean of 0.42 and a standard deviation of 0.37. Both numbers are about this
# model, and this model is odd, as the picture shows: all curves go through one point, at length 0
# on our scale. Dragons of length 200 would score the same in every range, although we know from the
# page before that ranges differ in their level. So each slope has to explain the level of its
# range, too, from wherever the dragons of the range are.
figure, axis = plt.subplots(figsize=(8, 4.3), layout="constrained")
PredictionDisplay.from_estimator(
    model, X, y, feature="length", by="mountainRange", reference="fixed", interval=None, ax=axis
)
axis.axvline(0, color="gray", linewidth=1, linestyle=":")
axis.set(xlabel="body length (tens of units from 200)", ylabel="test score")
plt.show()

# %%
# Where the curves meet depends on where 0 is: with lengths counted from 150 it is another model,
# with another likelihood. That is why slopes without intercepts are rare, and why it pays to put 0
# where it means something.
for start in (150, 200, 250):
    shifted = X.assign(length=(X["bodyLength"] - start) / 10)
    other = BetaGLMMRegressor("length + (0 + length | mountainRange)", **options).fit(shifted, y)
    print(f"lengths counted from {start}: log likelihood {other.log_likelihood_:.1f}")

# %%
# Why (x | 1) is not a random slope
# ---------------------------------
# On the right of the bar stands the grouping factor: slopes of what, on the left; different for
# whom, on the right. ``(length | 1)`` says that slopes differ between the levels of 1, and a
# constant has no levels. Some tutorials write it, and lead to believe that it makes a random slope
# with a common intercept. glmmTMB drops the term without a word. Here the fit is the same, and a
# warning says what happened:
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    not_a_slope = BetaGLMMRegressor("length + (length | 1)", **options).fit(X, y)
for warning in caught:
    print(textwrap.fill(f"{warning.category.__name__}: {warning.message}", 72))

# %%
# Formula and numbers are those of the plain regression: nothing in it is random.
plain = BetaGLMMRegressor("length", **options).fit(X, y)
print(not_a_slope.formula_)
print(f"{not_a_slope.log_likelihood_:.4f} {plain.log_likelihood_:.4f}")

# %%
# Is it better?
# -------------
# Better than the plain regression, much worse than a random intercept. Of the two the intercept is
# the term to begin with.
intercept = BetaGLMMRegressor("length + (1 | mountainRange)", **options).fit(X, y)
table = compare(plain, intercept, model, names=["plain", "intercept", "slope"])
print(table[["n_params", "aic", "delta_aic"]].round(1))

# %%
# :doc:`The next page <plot_4_intercept_and_slope>` takes both together.
