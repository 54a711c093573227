"""
5. Nested sites, the full model, and a singular fit
===================================================

Sites lie in ranges. This page says so in a formula, goes on to the largest model that the study
allows, and meets the message that everybody meets there: the fit is singular.
"""

# %%
# Site a is not site a
# --------------------
# Three sites in each of eight ranges are 24 sites, but the column has three labels. A formula with
# ``(1 | site)`` takes all sites with label a for the same place. This is a common error, and costs
# a warning:
import textwrap
import warnings

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay, ProfileDisplay
from skglmm.model_selection import compare, likelihood_ratio_test

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
options = {"bounds": (0, 100), "boundary": 1e-4}


def fit(formula):
    """Fit, and print what the fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = BetaGLMMRegressor(formula, **options).fit(X, y)
    for warning in caught:
        print(textwrap.fill(f"{warning.category.__name__}: {warning.message}", 72))
    return model


wrong = fit("length + (length | mountainRange) + (1 | site)")
print(f"\nlevels: {wrong.n_levels_}")

# %%
# ``mountainRange:site`` names a site by both columns. ``(1 | mountainRange/site)`` is short for
# ``(1 | mountainRange) + (1 | mountainRange:site)``: ranges, and sites within ranges.
ranges = fit("length + (length | mountainRange)")
sites = fit("length + (length | mountainRange) + (1 | mountainRange:site)")
print(sites.summary())

# %%
# Sites have a standard deviation of 0.36 around their range, a third of that between ranges. The
# precision has gone up again, as less is left to it.

# %%
# The full model
# --------------
# If slopes differ between ranges, may they not differ between sites as well?
# ``(length | mountainRange/site)`` has intercepts, slopes and their correlation at both levels: the
# largest random structure that this study allows.
full = fit("length + (length | mountainRange/site)")
print()
print(full.variance_components()[["group", "effect", "sd", "corr", "n_levels"]].round(3))

# %%
# What a singular fit means
# -------------------------
# A fit is singular if a variance is estimated at 0, or a correlation at 1 or -1. It is not a
# failure of the optimizer: ``converged_`` is True, and the likelihood has its maximum there, on the
# boundary of what a covariance can be. Here slopes of sites have a standard deviation of nearly
# zero, 0.017, where those of ranges have 0.214; and what does hardly vary has no correlation to
# speak of.
#
# So the data say: sites do not differ in their slopes, as far as 20 dragons in each can tell. The
# profile shows how little they know. It is the likelihood of the best fit for each value of a
# parameter: anything from no variation to a standard deviation of 0.18 is compatible with the data,
# and any correlation at all. (Profile intervals know the boundary; Wald intervals do not, and are
# missing there.)
print(full.converged_, full.is_singular_)
doubtful = ["sd(length | mountainRange:site)", "corr(Intercept, length | mountainRange:site)"]
print(full.confint(X, y, method="profile", parameters=doubtful).round(3).to_string())

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
shown = ["sd(length | mountainRange)", "sd(length | mountainRange:site)"]
ProfileDisplay.from_estimator(full, X, y, parameters=shown, kind="likelihood", n_points=4, ax=axes)
plt.show()

# %%
# What to do about it
# -------------------
# In this order:
#
# 1. **Check the coding**: is a grouping factor used twice under two names, does the covariate vary
#    within the groups, is 0 a sensible value? ``diagnose`` looks at much of this.
# 2. **Leave out what is not there**, one thing at a time, from the top: first the correlation, then
#    the slope of the sites. The likelihood hardly changes.
# 3. **Or keep it**, if the design of the study asks for it. Estimates are valid, and the fixed
#    effects and their standard errors are much the same. Say in the report that the fit was
#    singular.
#
# Do not take a singular fit for a proof that sites are alike, and do not change optimizers or
# tolerances until the message goes.
steps = {
    "full": full,
    "without correlation": fit(
        "length + (length | mountainRange) + (length || mountainRange:site)"
    ),
    "without slopes of sites": sites,
    "without sites": ranges,
}
table = compare(*steps.values(), names=list(steps))
print("\n", table[["n_params", "log_likelihood", "aic", "singular"]].round(2))
print("slopes of sites:", likelihood_ratio_test(sites, full))
print("sites:          ", likelihood_ratio_test(ranges, sites))

# %%
# Slopes of sites cost two parameters and gain 0.06 of log likelihood: they go. Sites themselves
# stay. Their fixed effects agree, whichever of the two models one prefers:
for name in ("full", "without slopes of sites"):
    row = steps[name].tidy(effects="fixed").query("term == 'length'").iloc[0]
    print(f"{name}: slope {row['estimate']:.4f}, standard error {row['std_error']:.4f}")

# %%
# The picture
# -----------
# The model that we keep. A panel for each range, a curve for each of its sites with 95 % limits of
# its mean. On the scale of log odds the sites of a range are shifted, and equally steep.
display = PredictionDisplay.from_estimator(
    sites, X, y, feature="length", by=["mountainRange", "site"], facet="mountainRange"
)
display.figure_.set_size_inches(11, 6)
plt.show()

# %%
# :doc:`The next page <plot_6_assess_and_interpret>` asks whether this model fits, and what it says.
