"""
Does the link matter?
=====================

Links that are symmetric, as logit and probit are, hardly differ but in their coefficients. The
complementary log-log and the log-log approach 0 and 1 at different speeds, and data that do so
tell them apart.
"""

# %%
# Data
# ----
# Shares of insects that die at 8 doses of a poison, in 15 colonies, simulated with a complementary
# log-log link: near 0 the share rises slowly, and near 1 it is fast.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.inspection import check_residuals
from skglmm.model_selection import compare

rng = np.random.default_rng(5)
X = pd.DataFrame(
    {"dose": np.tile(np.linspace(-2, 2, 8), 15), "colony": np.repeat(np.arange(15), 8)}
)
mean = 1 - np.exp(-np.exp(-0.5 + 0.9 * X["dose"] + rng.normal(0, 0.3, 15)[X["colony"]]))
y = rng.beta(25 * mean, 25 * (1 - mean)).clip(1e-6, 1 - 1e-6)

# %%
# Fit
# ---
# All have the same number of parameters, so AIC compares the likelihoods.
LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit")
models = [BetaGLMMRegressor("dose + (1 | colony)", link=link).fit(X, y) for link in LINKS]
table = compare(*models, names=LINKS)
print(table[["log_likelihood", "delta_aic", "weight"]].round(2))

# %%
# Test
# ----
# A test of the link needs no other model: it asks whether the mean bends away from it.
for link, model in zip(LINKS, models, strict=True):
    test = check_residuals(model, X, y, random_state=0)["link"]
    print(f"{link}: p = {test.p_value:.3f}")

# %%
# What does it look like?
# -----------------------
# The mean of a typical colony under each link, over the mean responses at each dose.
COLORS = {
    "logit": ("#0072B2", "-"),
    "probit": ("#56B4E9", "--"),
    "cloglog": ("#D55E00", "-"),
    "loglog": ("#009E73", "-."),
    "cauchit": ("#CC79A7", ":"),
}
grid = pd.DataFrame({"dose": np.linspace(-2, 2, 100)})
figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
axis.plot(X["dose"] + rng.uniform(-0.04, 0.04, len(X)), y, ".", color="#999999", alpha=0.5)
for link, model in zip(LINKS, models, strict=True):
    color, dashes = COLORS[link]
    label = f"{link}, ΔAIC {table.loc[link, 'delta_aic']:.1f}"
    curve = model.predict(grid, kind="fixed")
    axis.plot(grid["dose"], curve, color=color, linestyle=dashes, linewidth=2, label=label)
axis.set(xlabel="log dose", ylabel="share of dead insects")
axis.legend()
plt.show()
