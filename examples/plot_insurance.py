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
# Simulated policies in 150 regions of very different sizes, seen for parts of a year, and what each
# claim cost.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import GammaRegressor, PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skglmm import GammaGLMMRegressor, NegativeBinomialGLMMRegressor

rng = np.random.default_rng(12)
n, n_regions = 12_000, 150
region = rng.choice(n_regions, n, p=rng.dirichlet(np.full(n_regions, 0.5)))
X = pd.DataFrame({"region": [f"R{k:03d}" for k in region], "power": rng.normal(size=n).round(2)})
X["young"], X["years"] = (rng.random(n) < 0.15).astype(float), rng.uniform(0.1, 1.0, n).round(2)
often, dear = rng.normal(0, 0.5, n_regions)[region], rng.normal(0, 0.4, n_regions)[region]
rate = np.exp(-1.2 + 0.6 * X["young"] + 0.15 * X["power"] + often)
X["claims"] = rng.poisson(rate * X["years"] * rng.gamma(1.5, 1 / 1.5, n))
claims = X.loc[X.index.repeat(X["claims"])].drop(columns="claims")
claims["cost"] = rng.gamma(1.8, np.exp(7 + 0.2 * claims["power"] + dear[claims.index]) / 1.8)
train, test = train_test_split(X, random_state=0)
paid, later = (claims[claims.index.isin(part.index)] for part in (train, test))

# %%
# How often, and how dear?
# ------------------------
# The number of claims grows with the years of a policy, its ``exposure``, and varies by more than
# its mean, as drivers differ in what no column knows. Costs have a gamma distribution: their
# standard deviation is a share of their mean.
frequency = NegativeBinomialGLMMRegressor("young + power + (1 | region)", exposure="years")
frequency.fit(train, train["claims"])
print(frequency.summary())
severity = GammaGLMMRegressor("power + (1 | region)").fit(paid, paid["cost"])
print(severity.variance_components())

# %%
# Against scikit-learn
# --------------------
# The same split, the same columns: with a column for each region, and with these penalized by an
# amount that somebody has to choose. A mixed model estimates it, as the variance of regions. D² is
# the share of the deviance that is explained, of rows that no model has seen.
rates = {"mixed": frequency.predict_rate(test)}
costs = {"mixed": severity.predict(later)}
numbers, regions = ["young", "power"], OneHotEncoder(handle_unknown="ignore")
for name, made, alpha in (
    ("none", "drop", 0),
    ("columns", regions, 1e-6),
    ("tuned", regions, 1e-3),
):
    columns = make_column_transformer(("passthrough", numbers), (made, ["region"]))
    often = make_pipeline(columns, PoissonRegressor(alpha=alpha, max_iter=1000))
    dear = make_pipeline(columns, GammaRegressor(alpha=alpha, max_iter=1000))
    weight = {"poissonregressor__sample_weight": train["years"]}
    rates[name] = often.fit(train, train["claims"] / train["years"], **weight).predict(test)
    costs[name] = dear.fit(paid, paid["cost"]).predict(later)


def explained(rows, predicted):
    seen, years = test["claims"] / test["years"], test["years"]
    return d2_tweedie_score(seen[rows], predicted[rows], power=1, sample_weight=years[rows])


sizes = test["region"].map(train["region"].value_counts()).fillna(0).to_numpy()
table = {"claims": sizes >= 0, "small regions": sizes <= 30, "large regions": sizes > 100}
table = {key: [explained(rows, each) for each in rates.values()] for key, rows in table.items()}
table["costs"] = [d2_tweedie_score(later["cost"], each, power=2) for each in costs.values()]
print(pd.DataFrame(table, rates).round(3))

# %%
# Region by region
# ----------------
# Claims per year of the held-out policies against what was predicted; the area of a circle is that
# of the years. A column for each region believes its training rows, as extreme as they are.
by = test.assign(**{name: rate * test["years"] for name, rate in rates.items()}).groupby("region")
sums = by[["claims", "years", "mixed", "columns"]].sum()
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharex=True, sharey=True, layout="constrained")
titles = {"columns": "a column for each region", "mixed": "a mixed model"}
for axis, (name, title) in zip(axes, titles.items(), strict=True):
    predicted, seen = sums[name] / sums["years"], sums["claims"] / sums["years"]
    axis.scatter(predicted, seen, s=4 * sums["years"], alpha=0.4, edgecolor="k", linewidth=0.4)
    axis.axline((0.4, 0.4), slope=1, color="k", linewidth=0.8)
    axis.set(title=title, xlabel="predicted claims per year", xlim=(0, 1.7), ylim=(-0.05, 1.7))
axes[0].set_ylabel("claims per year of held-out policies")
plt.show()
