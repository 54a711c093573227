"""
Why are there so many zeros?
============================

Some feeders are not found at all, whatever is inside. Counts of visits have more zeros then than a
Poisson model allows, and means of the others come out too low. A model of extra zeros, or a hurdle,
keeps the two questions apart: is it found, and how often is it visited?
"""

# %%
# Data
# ----
# 300 simulated watches at feeders in 30 gardens, of one to six hours. Sugar attracts, a cover hides
# the feeder, and gardens differ in how many animals live there.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import PoissonGLMMRegressor
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import compare

rng = np.random.default_rng(2)
garden = np.repeat(np.arange(30), 10)
X = pd.DataFrame({"sugar": rng.uniform(0, 1, 300), "covered": np.tile(["no", "yes"], 150)})
X["hours"], X["garden"] = rng.choice([1, 2, 4, 6], 300), [f"garden {k}" for k in garden]
rate = np.exp(-0.5 + 1.2 * X["sugar"] + rng.normal(0, 0.5, 30)[garden])
is_found = rng.random(300) < np.where(X["covered"] == "yes", 0.5, 0.9)
y = pd.Series(np.where(is_found, rng.poisson(X["hours"] * rate), 0), name="visits")
print(f"{np.mean(y == 0):.0%} of the counts are zero")

# %%
# Compare
# -------
# The exposure multiplies the mean: twice the hours, twice the visits. ``zero`` is a formula of the
# probability of extra zeros, or in a hurdle model of all zeros, which then do not get fewer in
# longer watches.
FORMULA = "sugar + (1 | garden)"
MODELS = {
    "plain": PoissonGLMMRegressor(FORMULA, exposure="hours"),
    "inflated": PoissonGLMMRegressor(FORMULA, exposure="hours", zero="covered"),
    "hurdle": PoissonGLMMRegressor(FORMULA, exposure="hours", zero="covered", zero_kind="hurdle"),
}
for model in MODELS.values():
    model.fit(X, y)
table = compare(*MODELS.values(), names=list(MODELS))
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# Read
# ----
# Exponentiated, coefficients of the mean are ratios of rates, those of the zeros ratios of odds.
best = MODELS["inflated"]
ratios = best.tidy(effects="fixed", exponentiate=True).round(2)
print(ratios[["component", "term", "estimate", "conf_low", "conf_high"]])

# %%
# Visits in one hour need no hours; the probability of none does.
some = pd.DataFrame({"sugar": 0.5, "covered": ["no", "yes"], "hours": [1, 6]})
some["visits in an hour"] = best.predict_rate(some, kind="marginal").round(2)
some["P(no visit)"] = best.predict_proba_zero(some, kind="marginal").round(2)
print(some)

# %%
# What does it look like?
# -----------------------
# At the left, how many watches have each count, and how many do in 200 data sets that the models
# simulate. The plain model has too few zeros, and makes up for it by small counts. At the right,
# mean visits in four hours, averaged over gardens.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
counts = np.arange(11)
STYLES = {"plain": ("#D55E00", "s", -0.2), "inflated": ("#0072B2", "o", 0.2)}
axes[0].bar(counts, [np.sum(y == k) for k in counts], color="#D0D0D0", label="observed")
for name, (color, marker, shift) in STYLES.items():
    draws = MODELS[name].sample_y(X, 200, random_state=0)
    found = np.array([np.sum(draws == k, axis=0) for k in counts])
    low, middle, high = np.quantile(found, [0.025, 0.5, 0.975], axis=1)
    axes[0].errorbar(
        counts + shift, middle, (middle - low, high - middle), fmt=marker, color=color, label=name
    )
axes[0].set(xlabel="visits", ylabel="watches", xticks=counts)
axes[0].legend()
four = X.assign(hours=4)
display = PredictionDisplay.from_estimator(
    best, four, feature="sugar", by="covered", kind="marginal", ax=axes[1]
)
for lines in (display.lines_, display.legend_.get_lines()):
    lines[1].set_linestyle("--")
axes[1].set(ylabel="mean visits in 4 hours", ylim=0)
plt.show()
