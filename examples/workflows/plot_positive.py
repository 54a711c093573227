"""
Positive amounts: how long do repairs take?
===========================================

The five steps for a response above zero, whose scatter grows with its mean: three distributions,
ratios of means, and limits of the next one.
"""

# %%
# 1. Formulate
# ------------
# A railway has 25 workshops. How many hours does the repair of an engine take, by its age, and how
# much of it is the workshop? The answer is to be a promise: when will nine of ten engines be back?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import GammaGLMMRegressor, InverseGaussianGLMMRegressor, LognormalGLMMRegressor
from skglmm.inspection import PredictionDisplay, ResidualDisplay
from skglmm.model_selection import compare, likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


rng = np.random.default_rng(7)
shop = np.repeat(np.arange(25), 20)
X = pd.DataFrame({"age": rng.uniform(0, 30, 500).round(1), "shop": [f"S{k:02d}" for k in shop]})
mean = np.exp(2.5 + 0.03 * X["age"] + rng.normal(0, 0.4, 25)[shop])
y = pd.Series(rng.gamma(2.5, mean / 2.5), name="hours")
print(y.groupby(pd.cut(X["age"], [0, 10, 20, 30])).agg(["mean", "std"]).round(1))

# %%
# 2. Choose the distribution
# --------------------------
# Means grow with age, and standard deviations with the means. Three distributions do that; they
# differ in their tails. The link is the logarithm, so effects multiply.
FORMULA = "age + (1 | shop)"
MODELS = {
    "gamma": GammaGLMMRegressor(FORMULA),
    "lognormal": LognormalGLMMRegressor(FORMULA),
    "inverse Gaussian": InverseGaussianGLMMRegressor(FORMULA),
}
for each in MODELS.values():
    each.fit(X, y)
print(compare(*MODELS.values(), names=list(MODELS))[["n_params", "delta_aic"]].round(1))

# %%
# The gamma distribution it is. Quantiles of residuals say the same: those of a distribution that
# fits stay in the band.
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
for axis, (name, each) in zip(axes, MODELS.items(), strict=True):
    ResidualDisplay.from_estimator(each, X, y, kind="qq", random_state=0, ax=axis)
    axis.set_title(name)
plt.show()

# %%
# 3. Organize the effects
# -----------------------
# Age is fixed, workshops are random. Are workshops needed? The test knows that a variance is not
# negative.
model = MODELS["gamma"]
print(likelihood_ratio_test(GammaGLMMRegressor("age").fit(X, y), model))

# %%
# 4. Assess
# ---------
# Do some workshops take longer with old engines than others? ``diagnose`` looks for such slopes,
# too.
show(model.diagnose(X, y))
print(model.summary())

# %%
# 5. Interpret
# ------------
# Exponentiated, a coefficient is a ratio of means: with each year repairs take 1.031 times as long.
# A workshop that is one standard deviation slower takes 1.46 times the hours of a typical one.
ratios = model.tidy("fixed", exponentiate=True)
print(ratios.query("term == 'age'")[["term", "estimate", "conf_low", "conf_high"]].round(3))
print(np.exp(model.variance_components()["sd"]).round(2).to_list())

# %%
# The promise, for an engine of ten years: the mean, and the hours that nine of ten will not exceed,
# in the fastest and the slowest workshop, and in one that nobody knows.
order = model.random_effects().sort_values("mode")["level"]
new = pd.DataFrame({"age": 10.0, "shop": [order.iloc[0], order.iloc[-1], "a new one"]})
new["mean"] = model.predict(new).round(1)
new["nine of ten"] = model.predict_quantile(new, 0.9).round(1)
print(new)

# %%
# Curves of four workshops, over the ages that were seen.
few = X["shop"].isin(["S00", "S01", "S02", "S03"])
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
PredictionDisplay.from_estimator(model, X[few], y[few], feature="age", by="shop", ax=axis)
axis.set(xlabel="age (years)")
plt.show()

# %%
# More: :doc:`positive responses </guide/positive>`, :doc:`predictions and their limits
# </guide/predictions>`, an example with :ref:`claims and costs
# <sphx_glr_gallery_plot_insurance.py>`.
