"""
How many birds will be there next year?
=======================================

A good year at a site tends to be followed by another one. A model whose years are independent has
no use for that: it forecasts what the site had on average. Autoregressive effects estimate how long
a site remembers, start from where it is now, and know how soon that is forgotten.
"""

# %%
# Data
# ----
# Simulated counts of breeding pairs at 40 sites in 20 years, some of which nobody visited, and in 5
# further years, which are held out.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import NegativeBinomialGLMMRegressor
from skglmm.model_selection import compare

rng = np.random.default_rng(2)
years, sites = np.arange(2000, 2025), [f"S{k:02d}" for k in range(40)]
together = 0.6**2 * 0.85 ** np.abs(np.subtract.outer(years, years))
state = rng.normal(size=(len(sites), len(years))) @ np.linalg.cholesky(together).T
mean = np.exp(2 + rng.normal(0, 0.8, (len(sites), 1)) + state)
X = pd.DataFrame({"site": np.repeat(sites, len(years)), "year": np.tile(years, len(sites))})
X["time"] = (X["year"] - 2010) / 10  # decades
X["pairs"] = rng.poisson(mean * rng.gamma(15, 1 / 15, mean.shape)).ravel()
X = X[rng.random(len(X)) < 0.85]
train, later = X[X["year"] < 2020], X[X["year"] >= 2020]

# %%
# Fit
# ---
# All three models have extra variation of each count, as the counts are negative binomial. Years
# that nobody visited need no care: autoregressive effects know how many years lie between.
MODELS = {
    "independent years": "time + (1 | site)",
    "own trends": "time + (time | site)",
    "autoregressive": "time + (1 | site) + ar1(0 + year | site)",
}
models = {
    name: NegativeBinomialGLMMRegressor(formula).fit(train, train["pairs"])
    for name, formula in MODELS.items()
}
compared = compare(*models.values(), names=list(models))
print(compared[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))
best = models["autoregressive"]
print(best.summary())
print(best.confint().round(2))

# %%
# Forecast
# --------
# Which model is better in years that it has not seen? The log density of each held-out count says
# so of the whole forecast, higher is better; limits of 95 % should hold 95 % of the counts.
scores = pd.DataFrame(index=later.index)
table = pd.DataFrame(columns=["log density", "absolute error", "within limits"])
for name, model in models.items():
    scores[name], frame = model.log_density(later, later["pairs"]), model.predict_frame(later)
    within = later["pairs"].between(frame["obs_ci_lower"], frame["obs_ci_upper"])
    error = (later["pairs"] - frame["mean"]).abs()
    table.loc[name] = scores[name].mean(), error.mean(), within.mean()
print(table.round(3))

# %%
# What does it look like?
# -----------------------
# At the left four sites; a line where the forecast begins, at where the site is. It goes back to
# the average of the site, while limits widen. At the right the gain on independent years, with
# standard errors. It does not end when the past is forgotten: to know how little is known of a
# site is worth something, too.
PANELS = [["S02", "S03", "gain"], ["S04", "S05", "gain"]]
figure, axes = plt.subplot_mosaic(PANELS, figsize=(11, 5.4), layout="constrained")
for name in ("S02", "S03", "S04", "S05"):
    grid = pd.DataFrame({"site": name, "year": years, "time": (years - 2010) / 10})
    axis, frame = axes[name], best.predict_frame(grid)
    for kind, alpha, label in (("obs", 0.15, "a count"), ("mean", 0.4, "the mean")):
        limits = frame[f"{kind}_ci_lower"], frame[f"{kind}_ci_upper"]
        style = {"color": "#0072B2", "alpha": alpha, "linewidth": 0}
        axis.fill_between(years, *limits, label=f"95 % limits of {label}", **style)
    axis.plot(years, frame["mean"], color="#0072B2", label="mean, autoregressive")
    steady = models["independent years"].predict(grid)
    axis.plot(years, steady, "--", color="#D55E00", label="mean, independent years")
    for rows, face, label in ((train, "k", "counted"), (later, "w", "held out")):
        style = {"markersize": 4, "markerfacecolor": face, "clip_on": False, "label": label}
        axis.plot("year", "pairs", "ko", data=rows[rows["site"] == name], **style)
    axis.axvline(2019.5, color="#999999", linewidth=1)
    axis.set(title=f"site {name}", ylim=0, ylabel="breeding pairs", xticks=(2000, 2010, 2020))
gains = scores.sub(scores["independent years"], axis=0).groupby(later["year"] - 2019)
for name, style, face, shift in (("autoregressive", "ko", "k", -1), ("own trends", "kD", "w", 1)):
    ahead, means, errors = 0.06 * shift + np.arange(1, 6), gains[name].mean(), gains[name].sem()
    axes["gain"].errorbar(ahead, means, errors, fmt=style, markerfacecolor=face, label=name)
axes["gain"].axhline(0, color="#D55E00", linestyle="--")
axes["gain"].set(xlabel="years ahead", ylabel="gain in log density of a count", ylim=-0.35)
axes["gain"].legend(loc="lower left")
entries = axes["S02"].get_legend_handles_labels()
figure.legend(*entries, loc="outside lower center", ncols=3, frameon=False)
plt.show()
