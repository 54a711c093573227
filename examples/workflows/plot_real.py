"""
Real numbers: what does fertilizer add to a harvest?
====================================================

The five steps of an analysis for a response that is any number: a linear mixed model, with
restricted maximum likelihood and degrees of freedom.
"""

# %%
# 1. Formulate
# ------------
# 18 farms grew wheat on 10 plots each, with 0 to 160 kg of nitrogen per hectare. How much does a
# kilogram add to the harvest, and does it add the same on every farm? The answer is wanted for
# farms like these, and for one that has not been seen.
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import LMMRegressor
from skglmm.inspection import DiagnosticsDisplay, PredictionDisplay
from skglmm.model_selection import likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


rng = np.random.default_rng(5)
farm = np.repeat(np.arange(18), 10)
X = pd.DataFrame({"dose": np.tile(np.linspace(0, 160, 5).repeat(2), 18)})
X["farm"] = [f"F{k:02d}" for k in farm]
level, slope = rng.normal(5, 0.8, 18)[farm], rng.normal(0.015, 0.006, 18)[farm]
y = pd.Series(level + slope * X["dose"] + rng.normal(0, 0.5, 180), name="harvest (t/ha)")
print(y.groupby(X["dose"]).agg(["mean", "std"]).round(2))

# %%
# 2. Choose the distribution
# --------------------------
# Harvests are positive, but all are far from zero, and they scatter by about a ton at every
# dose: a normal distribution will do. The estimator is ``LMMRegressor``. If the scatter grew with
# the mean, the page on :doc:`positive amounts <plot_positive>` would be the one.
#
# 3. Organize the effects
# -----------------------
# * *Fixed*: the dose, which the question is about.
# * *Random*: farms, of which these are a sample. Each has a level of its own, and perhaps a slope
#   of its own: ``(dose | farm)`` is both, and their correlation.
parallel = LMMRegressor("dose + (1 | farm)").fit(X, y)
model = LMMRegressor("dose + (dose | farm)").fit(X, y)
print(model.summary())

# %%
# 4. Assess
# ---------
# Are slopes of their own needed? Both models have the same fixed effects, so their restricted
# likelihoods may be compared; the test knows that a variance cannot be negative.
print(likelihood_ratio_test(parallel, model))
show(model.diagnose(X, y))

# %%
# ``diagnose`` looks for what a page of pictures would show. Here are four of them: quantiles of the
# residuals, their trend, the effects of farms, and the harvests beside simulated ones.
DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
plt.show()

# %%
# 5. Interpret
# ------------
# A kilogram of nitrogen adds 0.0128 tons on a typical farm, with limits from a t distribution with
# Satterthwaite's degrees of freedom. Farms are what counts: there are 17.0 degrees of freedom, of
# 180 rows. The truth of the simulation, 0.015, lies within the limits.
print(model.confint(parameters=["dose"]).round(4))
print(model.tidy("fixed")[["term", "estimate", "std_error", "df"]].head(2).round(4))

# %%
# How different are farms? About two thirds of them have a slope within one standard deviation,
# 0.0042, of the typical one.
print(model.variance_components()[["group", "effect", "sd"]].round(4))

# %%
# What to expect of a plot with 80 kg on a new farm? The limits of the mean (``mean_ci``) are those
# of the average over farms; those of the plot (``obs_ci``) have in them what farms, plots and the
# estimates leave open.
new = pd.DataFrame({"dose": [80.0], "farm": ["a new one"]})
print(model.predict_frame(new, kind="marginal").round(2).T)

# %%
# Lines of six farms, with the typical one dotted.
few = X["farm"].isin([f"F{k:02d}" for k in range(6)])
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
PredictionDisplay.from_estimator(
    model, X[few], y[few], feature="dose", by="farm", reference="fixed", interval=None, ax=axis
)
axis.set(xlabel="nitrogen (kg/ha)")
plt.show()

# %%
# More: :doc:`linear mixed models </guide/linear_mixed_models>`, :doc:`degrees of freedom
# </guide/degrees_of_freedom>`, :doc:`repeated measures </guide/repeated_measures>`.
