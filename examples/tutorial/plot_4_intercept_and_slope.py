"""
4. Random intercept and random slope
====================================

With both, every range has a curve of its own, in level and in steepness. The two may be correlated,
and the correlation is one more thing to estimate, to read, or to leave out.
"""

# %%
# The formula
# -----------
# ``(length | mountainRange)`` is short for ``(1 + length | mountainRange)``: an intercept and a
# slope for each range, with a correlation between them.
import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import compare, likelihood_ratio_test

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
options = {"bounds": (0, 100), "boundary": 1e-4}

intercept = BetaGLMMRegressor("length + (1 | mountainRange)", **options).fit(X, y)
model = BetaGLMMRegressor("length + (length | mountainRange)", **options).fit(X, y)
print(model.summary())

# %%
# How to read it:
#
# * ``Intercept``, standard deviation 1.11: how ranges differ at length 200, where our scale has 0.
# * ``length``, standard deviation 0.27: how their slopes differ. The fixed slope, -0.03, is that of
#   a typical range; about two thirds of all ranges have a slope between -0.30 and 0.23. In some
#   ranges longer dragons do better, in others worse.
# * ``corr.`` 0.379: ranges of a higher level tend to have a steeper slope. From eight ranges this
#   is hardly known, as its interval says:
print(model.confint().round(2))

# %%
# The standard error of the fixed slope has doubled, from 0.05 to 0.11. This is the price of
# an honest question: if slopes differ between ranges, then eight slopes tell less about the average
# slope than 480 dragons seemed to.
for name, fit in {"intercept": intercept, "intercept and slope": model}.items():
    row = fit.tidy(effects="fixed").query("term == 'length'").iloc[0]
    print(f"{name}: {row['estimate']:.3f}, standard error {row['std_error']:.3f}")

# %%
# The picture
# -----------
# On the left the curves of the page before last, parallel on the scale of log odds; on the right
# each range has its own slope. Curves with few dragons, or with dragons of much the same length,
# are pulled towards the typical range, which is dotted.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.3), sharey=True, layout="constrained")
fits = {"intercepts": intercept, "intercepts and slopes": model}
for axis, (title, fit) in zip(axes, fits.items(), strict=True):
    PredictionDisplay.from_estimator(
        fit, X, y, feature="length", by="mountainRange", reference="fixed", interval=None, ax=axis
    )
    axis.set(title=title, xlabel="body length (tens of units from 200)", ylabel="")
axes[0].set_ylabel("test score")
axes[0].get_legend().remove()
plt.show()

# %%
# With or without the correlation?
# --------------------------------
# A double bar, ``(length || mountainRange)``, sets the correlation to 0. It is a smaller model,
# with one parameter less, and a choice that depends on where 0 is: move the zero of the length, and
# intercept and slope become correlated. With lengths from 0, where no dragon is, the correlation is
# -0.98, because a range whose curve is steeper has to start lower down there; this is geometry and
# says nothing about dragons. The model with a correlation is the same wherever 0 is.
FORMULAS = {
    "from 200, |": "length + (length | mountainRange)",
    "from 200, ||": "length + (length || mountainRange)",
    "from 0, |": "bodyLength + (bodyLength | mountainRange)",
    "from 0, ||": "bodyLength + (bodyLength || mountainRange)",
}
for name, formula in FORMULAS.items():
    fit = BetaGLMMRegressor(formula, **options).fit(X, y)
    correlation = "0" if "||" in formula else f"{fit.variance_components()['corr'].iloc[-1]:.2f}"
    print(f"{name:13} log likelihood {fit.log_likelihood_:.2f}, correlation {correlation}")

# %%
# Is it better?
# -------------
# Slopes improve the model clearly. The correlation does not: it could be left out here, as long as
# lengths are counted from 200.
uncorrelated = BetaGLMMRegressor("length + (length || mountainRange)", **options).fit(X, y)
table = compare(
    intercept, uncorrelated, model, names=["intercept", "both, uncorrelated", "both, correlated"]
)
print(table[["n_params", "aic", "delta_aic"]].round(1))
print("slopes:     ", likelihood_ratio_test(intercept, model))
print("correlation:", likelihood_ratio_test(uncorrelated, model))

# %%
# We keep the correlation: it does no harm, and the model does not depend on the zero of the length.
# What is still missing are the sites: :doc:`the next page <plot_5_nested_and_singular>`.
