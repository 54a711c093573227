"""
Do the counts fit, zeros and all?
=================================

Animals are counted at sites again and again, and most counts are zero: because there are none, or
because they hide. Which distribution makes such counts? Start with the simplest, ask what it gets
wrong, and stop when a rootogram has no more to say.
"""

# %%
# Data
# ----
# 644 simulated counts of salamanders: seven species, four visits to each of 23 streams, half of them
# below old mines. Streams differ, numbers vary more than Poisson ones do, and in dry weather animals
# are often out of sight, however many there are.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import NegativeBinomialGLMMRegressor, PoissonGLMMRegressor
from skglmm.inspection import RootogramDisplay
from skglmm.model_selection import compare, likelihood_ratio_test

rng = np.random.default_rng(2)
SPECIES = ["brook", "cave", "dusky", "larva", "mud", "ridge", "spring"]
site, visit, species = (part.ravel() for part in np.indices((23, 4, 7)))
X = pd.DataFrame({"site": [f"stream {k}" for k in site], "species": np.take(SPECIES, species)})
X["mined"] = np.where(site % 2, "yes", "no")
log_mean = np.array([1.3, -0.6, 1.2, 1.6, 0.0, 0.9, 1.0])[species] - 1.4 * (site % 2)
mean = np.exp(log_mean + rng.normal(0, 0.5, 23)[site])
X["dry"] = np.where(rng.random((23, 4)) < 0.5, "yes", "no")[site, visit]
is_seen = rng.random(644) < np.where(X["dry"] == "yes", 0.4, 0.8)
y = pd.Series(is_seen * rng.negative_binomial(2.0, 2.0 / (2.0 + mean)), name="salamanders")
print(f"{np.mean(y == 0):.0%} of the counts are zero, the largest is {y.max()}")

# %%
# Begin with Poisson, and ask
# ---------------------------
# ``diagnose`` says in words what the model gets wrong, and what to try.
FORMULA = "mined + species + (1 | site)"
poisson = PoissonGLMMRegressor(FORMULA).fit(X, y)
found = poisson.diagnose(X, y).to_frame()
for row in found[found["finding"].str.contains("counts vary|are 0")].itertuples():
    print(f"* {row.finding}.\n  {row.advice}.")

# %%
# Compare distributions
# ---------------------
# Extra zeros (``zero``) are those of animals out of sight, by weather; a hurdle has a probability
# of any zero. Each can have Poisson or negative binomial counts. Models of one table are fitted to
# the same responses, and their likelihoods may be compared.
MODELS = {
    "Poisson": poisson,
    "Poisson, extra zeros": PoissonGLMMRegressor(FORMULA, zero="dry"),
    "negative binomial": NegativeBinomialGLMMRegressor(FORMULA),
    "negative binomial, extra zeros": NegativeBinomialGLMMRegressor(FORMULA, zero="dry"),
    "negative binomial, hurdle": NegativeBinomialGLMMRegressor(
        FORMULA, zero="mined + species + dry", zero_kind="hurdle"
    ),
}
for model in MODELS.values():
    model.fit(X, y)
table = compare(*MODELS.values(), names=list(MODELS))
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# Are sites needed, and do species suffer alike below mines?
best = MODELS["negative binomial, extra zeros"]
smaller = NegativeBinomialGLMMRegressor("mined + species", zero="dry").fit(X, y)
larger = NegativeBinomialGLMMRegressor("mined * species + (1 | site)", zero="dry").fit(X, y)
print(f"sites: p = {likelihood_ratio_test(smaller, best).p_value:.2g}")
print(f"species below mines: p = {likelihood_ratio_test(best, larger).p_value:.2g}")

# %%
# Look
# ----
# Bars of observed frequencies hang from the expected ones, as square roots. Those of the Poisson
# model miss zero: too many zeros and large counts hang too deep, too few ones and twos hang in the
# air. Dark bars end outside the limits, in which all bars of a true model end together in 95 of 100
# data sets.
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
for name, ax in zip(("Poisson", "negative binomial, extra zeros"), axes, strict=True):
    RootogramDisplay.from_estimator(MODELS[name], X, y, bins=range(16), random_state=0, ax=ax)
    ax.set_title(name, fontsize="medium")
plt.show()

# %%
# Nothing is left to say about the better model's zeros and spread.
found = best.diagnose(X, y).to_frame()
print(found[["kind", "severity", "subject", "finding"]].to_string() if len(found) else "nothing")

# %%
# How likely is it to see none?
# -----------------------------
# A visit without a salamander is no proof that there are none. In wet weather, of each species,
# averaged over streams, with two standard errors; bars are the observed shares.
grid = pd.DataFrame(
    [(kind, mined, "no") for mined in ("no", "yes") for kind in SPECIES],
    columns=["species", "mined", "dry"],
)
chance, error = best.predict_proba_zero(grid, kind="marginal", return_std=True)
wet = X["dry"] == "no"
shares = (y == 0)[wet].groupby([X["mined"], X["species"]]).mean()
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for shift, mined, color, marker in ((-0.2, "no", "#0072B2", "o"), (0.2, "yes", "#D55E00", "s")):
    rows = (grid["mined"] == mined).to_numpy()
    place = np.arange(len(SPECIES)) + shift
    ax.bar(place, shares[mined][SPECIES], 0.36, color="#E3E8EC", edgecolor="#999999")
    label = f"mined: {mined}"
    ax.errorbar(
        place, chance[rows], 2 * error[rows], fmt=marker, color=color, capsize=3, label=label
    )
ax.set_xticks(range(len(SPECIES)), SPECIES)
ax.set(ylabel="probability of a count of zero", ylim=(0, 1.15))
ax.legend(ncols=2, loc="upper right")
plt.show()

# %%
# In three visits to a new stream below mines, in wet weather, how often is no cave salamander seen
# at all? The visits share the effect of their stream, so it is more than the product of three probabilities.
three = pd.DataFrame({"site": "new stream", "species": "cave", "mined": "yes", "dry": ["no"] * 3})
never = np.mean(np.all(best.sample_y(three, 20_000, random_state=0) == 0, axis=0))
print(f"one visit: {best.predict_proba_zero(three)[0]:.0%}, all three: {never:.0%}")
