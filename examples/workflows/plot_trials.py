"""
Successes in trials: does shade help turtle eggs to hatch?
==========================================================

The five steps for a number of successes out of a known number of trials: trials that are not alike,
a distribution that is wide enough, ratios of odds, and numbers of the next nest.
"""

# %%
# 1. Formulate
# ------------
# On 24 beaches eight nests each were moved to a hatchery, half of them into the shade. A nest has
# 50 to 120 eggs. How much does shade raise the share that hatches, and how many of 100 eggs will
# hatch in the next nest, on a beach that is not among these?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaBinomialGLMMRegressor, BinomialGLMMRegressor
from skglmm.inspection import PredictionDisplay, ResidualDisplay, comparisons, marginal_means
from skglmm.model_selection import compare, likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


rng = np.random.default_rng(7)
beach = np.repeat(np.arange(24), 8)
X = pd.DataFrame({"place": np.tile(["sun", "shade"], 96), "depth": rng.uniform(30, 70, 192)})
X["place"] = pd.Categorical(X["place"], ["sun", "shade"])
X["eggs"], X["beach"] = rng.integers(50, 121, 192), [f"B{k:02d}" for k in beach]
linear = 0.2 + 0.8 * (X["place"] == "shade") + 0.02 * (X["depth"] - 50)
chance = expit(linear + rng.normal(0, 0.5, 24)[beach])
y = pd.Series(rng.binomial(X["eggs"], rng.beta(8 * chance, 8 * (1 - chance))), name="hatched")
sums = pd.DataFrame({"hatched": y, "eggs": X["eggs"]}).groupby(X["place"], observed=True).sum()
print(sums.assign(share=(sums["hatched"] / sums["eggs"]).round(2)))

# %%
# 2. Choose the distribution
# --------------------------
# Shares alone would forget that 60 of 120 tell more than 30 of 60: y is the number of successes,
# and ``trials`` names the column with the number of trials. Begin with the binomial distribution,
# and ask.
FORMULA = "place + depth + (1 | beach)"
binomial = BinomialGLMMRegressor(FORMULA, trials="eggs").fit(X, y)
show(binomial.diagnose(X, y))

# %%
# Nests differ by far more than the chance of single eggs lets them, as eggs of one nest share their
# mother, and standard errors are too small then. Two models have room for that: a beta-binomial
# one, in which each nest draws its own probability, and a random intercept for each nest.
X["nest"] = np.arange(192)
MODELS = {
    "binomial": binomial,
    "beta-binomial": BetaBinomialGLMMRegressor(FORMULA, trials="eggs"),
    "an effect of each nest": BinomialGLMMRegressor(f"{FORMULA} + (1 | nest)", trials="eggs"),
}
for each in MODELS.values():
    each.fit(X, y)
table = compare(*MODELS.values(), names=list(MODELS))
print(table[["n_params", "aic", "delta_aic"]].round(1))

# %%
# Both are better by far, and the first one fits these nests best.
#
# 3. Organize the effects
# -----------------------
# Place and depth are fixed, beaches are random. Does shade do more on some beaches than on others?
model = MODELS["beta-binomial"]
slopes = BetaBinomialGLMMRegressor(
    "place + depth + (1 | beach) + (0 + I(place == 'shade') | beach)", trials="eggs"
)
print(likelihood_ratio_test(model, slopes.fit(X, y)))

# %%
# Not as far as these data tell. The simpler model it is.
print(model.summary())

# %%
# 4. Assess
# ---------
# Nothing is found. Quantiles of residuals of the binomial model leave their band on both sides:
# nests in which nearly all eggs hatch, or hardly any, are too many for it.
show(model.diagnose(X, y))
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for name, axis in zip(("binomial", "beta-binomial"), axes, strict=True):
    ResidualDisplay.from_estimator(MODELS[name], X, y, kind="qq", random_state=0, ax=axis)
    axis.set_title(name)
plt.show()

# %%
# 5. Interpret
# ------------
# Ratios of odds: in the shade the odds of hatching are 2.10 times those in the sun, on the same
# beach. (In the simulation, 2.23.)
odds = model.tidy("fixed", exponentiate=True).query("component == 'mean'")
print(odds[["term", "estimate", "conf_low", "conf_high"]].round(2))

# %%
# Probabilities are easier to tell: those of an average beach, at the mean depth, and what shade
# adds on average over these nests.
print(marginal_means(model, X, by="place", kind="marginal"))
print(comparisons(model, X, of="place"))

# %%
# The next nest of 100 eggs, on a new beach: the mean number that hatches, and limits of the number,
# which have in them what beaches, nests and eggs leave open.
new = pd.DataFrame({"place": ["sun", "shade"], "depth": 50.0, "eggs": 100, "beach": "a new one"})
new[["from", "to"]] = model.predict_interval(new, "response", level=0.8)
new["mean"] = model.predict(new).round(1)
print(new)

# %%
# The same by depth, averaged over beaches: of nests of 100 eggs, so that numbers are percentages.
figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
hundred = X.assign(eggs=100)
PredictionDisplay.from_estimator(model, hundred, feature="depth", by="place", ax=axis)
axis.set(xlabel="depth (cm)", ylabel="hatched, of 100 eggs", ylim=(0, 100))
plt.show()

# %%
# More: :doc:`successes in trials </guide/responses>`, an example :ref:`with seeds
# <sphx_glr_gallery_plot_seeds.py>`, :doc:`marginal means and comparisons </guide/marginal_means>`.
