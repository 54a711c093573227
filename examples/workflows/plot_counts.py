"""
Counts: are there fewer ticks on mown paths?
============================================

The five steps for a response of whole numbers from 0 on: an exposure, a distribution that is wide
enough, zeros, and ratios of rates.
"""

# %%
# 1. Formulate
# ------------
# Ticks were counted by dragging a cloth along paths in 30 woods, on ten dates in each. Drags were
# 50 to 200 meters long, so the question is about ticks in 100 meters: how many fewer are there
# where the path is mown?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import NegativeBinomialGLMMRegressor, PoissonGLMMRegressor
from skglmm.inspection import RootogramDisplay, marginal_means
from skglmm.model_selection import compare, likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


rng = np.random.default_rng(8)
wood = np.repeat(np.arange(30), 10)
X = pd.DataFrame({"mown": np.tile(["no", "yes"], 150), "warm": rng.normal(size=300).round(2)})
X["hectometers"], X["wood"] = rng.choice([0.5, 1.0, 2.0], 300), [f"W{k:02d}" for k in wood]
rate = np.exp(1.2 - 0.7 * (X["mown"] == "yes") + 0.3 * X["warm"] + rng.normal(0, 0.6, 30)[wood])
y = pd.Series(rng.negative_binomial(1.5, 1.5 / (1.5 + rate * X["hectometers"])), name="ticks")
print(f"{np.mean(y == 0):.0%} are zero, the largest is {y.max()}")

# %%
# 2. Choose the distribution
# --------------------------
# Begin with Poisson, and ask. ``exposure`` makes the mean proportional to the length of the drag.
FORMULA = "mown + warm + (1 | wood)"
poisson = PoissonGLMMRegressor(FORMULA, exposure="hectometers").fit(X, y)
show(poisson.diagnose(X, y))

# %%
# Counts vary more than a Poisson distribution lets them, as ticks sit in clusters, and standard
# errors of the Poisson model are too small then. Which distribution? Extra zeros alone do not mend
# it, and a negative binomial has its zeros without them.
MODELS = {
    "Poisson": poisson,
    "Poisson, extra zeros": PoissonGLMMRegressor(FORMULA, exposure="hectometers", zero="1"),
    "negative binomial": NegativeBinomialGLMMRegressor(FORMULA, exposure="hectometers"),
    "the same, linear variance": NegativeBinomialGLMMRegressor(
        FORMULA, exposure="hectometers", variance="linear"
    ),
}
for each in MODELS.values():
    each.fit(X, y)
table = compare(*MODELS.values(), names=list(MODELS))
print(table[["n_params", "aic", "delta_aic"]].round(1))

# %%
# 3. Organize the effects
# -----------------------
# Mowing and warmth are fixed, woods are random. Does mowing do more in some woods than in others?
model = MODELS["negative binomial"]
slopes = NegativeBinomialGLMMRegressor(
    "mown + warm + (1 | wood) + (0 + I(mown == 'yes') | wood)", exposure="hectometers"
)
print(likelihood_ratio_test(model, slopes.fit(X, y)))

# %%
# Not as far as these data tell. The simpler model it is.
print(model.summary())

# %%
# 4. Assess
# ---------
# Nothing is found. In the picture bars of the observed counts hang from the expected ones: a bar
# that does not end near zero is a count that occurs too often or too rarely. Those of the Poisson
# model are at the left: there the bar of zeros, which are too many, hangs deepest.
show(model.diagnose(X, y))
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
for name, axis in zip(("Poisson", "negative binomial"), axes, strict=True):
    RootogramDisplay.from_estimator(MODELS[name], X, y, bins=range(16), random_state=0, ax=axis)
    axis.set_title(name)
plt.show()

# %%
# 5. Interpret
# ------------
# Ratios of rates: on mown paths there are 0.63 ticks for each one on others, in the same wood. (In
# the simulation 0.50, which is just within the limits.)
ratios = model.tidy("fixed", exponentiate=True)
print(ratios[["term", "estimate", "conf_low", "conf_high"]].head(3).round(2))

# %%
# The same as numbers of ticks in 100 meters, in a typical wood and averaged over woods.
here = X.assign(hectometers=1.0)
for kind in ("fixed", "marginal"):
    print(marginal_means(model, here, by="mown", kind=kind))

# %%
# How probable is a drag of 200 meters without a tick, in a wood that nobody has seen?
new = pd.DataFrame({"mown": ["no", "yes"], "warm": 0.0, "hectometers": 2.0})
print(model.predict_proba_zero(new, kind="marginal").round(2))

# %%
# More: :doc:`counts and their distributions </guide/responses>`, an example :ref:`with extra zeros
# <sphx_glr_gallery_plot_feeder_visits.py>`, :doc:`diagnostics </guide/diagnostics>`.
