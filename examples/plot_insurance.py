"""
What does a policy cost in a small region?
==========================================

Insurers model how often claims come and how large they are. Regions differ, and some have a handful
of policies: a coefficient for each of them follows the luck of a few drivers, none at all ignores
what is known of the large ones. Random effects lie between, and say how sure they are.
"""

# %%
# Data
# ----
# Simulated policies in 150 regions of very different sizes, observed for a part of a year each, and
# what each claim cost.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skglmm import GammaGLMMRegressor, NegativeBinomialGLMMRegressor

rng = np.random.default_rng(12)
n, n_regions = 12_000, 150
region = rng.choice(n_regions, n, p=rng.dirichlet(np.full(n_regions, 0.5)))
policies = pd.DataFrame(
    {
        "region": [f"R{k:03d}" for k in region],
        "young": (rng.random(n) < 0.15).astype(float),
        "power": rng.normal(size=n).round(2),
        "years": rng.uniform(0.1, 1.0, n).round(2),
    }
)
often, dear = rng.normal(0, 0.5, n_regions)[region], rng.normal(0, 0.4, n_regions)[region]
rate = np.exp(-1.2 + 0.6 * policies["young"] + 0.15 * policies["power"] + often)
policies["claims"] = rng.poisson(rate * policies["years"] * rng.gamma(1.5, 1 / 1.5, n))
train, test = train_test_split(policies, random_state=0)
claims = policies.loc[policies.index.repeat(policies["claims"])].drop(columns="claims")
cost = np.exp(7 + 0.2 * claims["power"] + dear[claims.index])
claims["cost"] = rng.gamma(1.8, cost / 1.8).round(2)
paid = claims[claims.index.isin(train.index)]
later = claims[claims.index.isin(test.index)]
print(f"{len(train)} policies and {len(paid)} claims to learn from")

# %%
# How often?
# ----------
# The number of claims grows with the years of a policy, its ``exposure``. A count varies by more
# than its mean, as drivers differ in what no column knows.
frequency = NegativeBinomialGLMMRegressor("young + power + (1 | region)", exposure="years")
frequency.fit(train, train["claims"])
print(frequency.summary())

# %%
# How dear?
# ---------
# Every claim has a cost: the coefficient of variation is the same for large means and small ones,
# a gamma distribution.
severity = GammaGLMMRegressor("power + (1 | region)").fit(paid, paid["cost"])
print(severity.summary())

# %%
# Against scikit-learn
# --------------------
# The same split, the same columns: without regions, with a column for each, and with these columns
# penalized by an amount that somebody has to choose. A mixed model estimates it: it is the variance
# of regions. scikit-learn takes rates and weights in place of an exposure. D² is the share of the
# deviance that is explained, of rows that no model has seen.
numbers = ["young", "power"]


def columns(*, regions):
    encoder = OneHotEncoder(handle_unknown="ignore") if regions else "drop"
    return make_column_transformer((StandardScaler(), numbers), (encoder, ["region"]))


def held_out(of_rates, of_costs):
    often = d2_tweedie_score(
        test["claims"] / test["years"], of_rates, power=1, sample_weight=test["years"]
    )
    return often, d2_tweedie_score(later["cost"], of_costs, power=2)


table = {}
for name, regions, alpha in (
    ("scikit-learn, no regions", False, 1e-6),
    ("scikit-learn, a column for each", True, 1e-6),
    ("the same, penalized", True, 1e-3),
):
    rates = make_pipeline(columns(regions=regions), PoissonRegressor(alpha=alpha, max_iter=1000))
    costs = make_pipeline(columns(regions=regions), GammaRegressor(alpha=alpha, max_iter=1000))
    rates.fit(
        train, train["claims"] / train["years"], poissonregressor__sample_weight=train["years"]
    )
    costs.fit(paid, paid["cost"])
    table[name] = held_out(rates.predict(test), costs.predict(later))
    if regions and alpha < 1e-4:
        of_columns = rates
table["mixed models"] = held_out(frequency.predict_rate(test), severity.predict(later))
print(pd.DataFrame(table, index=["D² of claims", "D² of costs"]).T.round(4))

# %%
# Region by region
# ----------------
# Where regions are large everybody is right; in the smallest ones a column for each explains less
# than nothing.
by = test.assign(columns=of_columns.predict(test), mixed=frequency.predict_rate(test))
policies_of = by["region"].map(train["region"].value_counts()).fillna(0)
sizes = pd.cut(policies_of, [-1, 30, 100, 1e5], labels=["up to 30 policies", "to 100", "more"])
for size, rows in by.groupby(sizes, observed=True):
    claims_a_year, years = rows["claims"] / rows["years"], rows["years"]
    scores = [
        d2_tweedie_score(claims_a_year, rows[name], power=1, sample_weight=years)
        for name in ("columns", "mixed")
    ]
    print(f"{size:18s} columns {scores[0]:6.3f}, mixed {scores[1]:6.3f}")

# %%
# Claims per year of the held-out policies against what was predicted; the area of a circle is that
# of the years. A column for each region believes its training rows, as extreme as they are.
by = by.assign(columns=by["columns"] * by["years"], mixed=by["mixed"] * by["years"])
sums = by.groupby("region")[["claims", "years", "mixed", "columns"]].sum()
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharex=True, sharey=True, layout="constrained")
titles = {"columns": "a column for each region", "mixed": "a mixed model"}
for axis, (name, title) in zip(axes, titles.items(), strict=True):
    predicted, seen = sums[name] / sums["years"], sums["claims"] / sums["years"]
    axis.scatter(predicted, seen, s=4 * sums["years"], alpha=0.4, edgecolor="k", linewidth=0.4)
    axis.axline((0.4, 0.4), slope=1, color="k", linewidth=0.8)
    axis.set(title=title, xlabel="predicted claims per year", xlim=(0, 1.7), ylim=(-0.05, 1.7))
axes[0].set_ylabel("claims per year of held-out policies")
plt.show()
