"""
What does a missing random slope look like?
===========================================

If groups differ in their slopes and the model gives them intercepts only, nothing is wrong on
average. But within each group the residuals have a trend, up in some and down in others, and the
standard error of the common slope is too small.
"""

# %%
# Data
# ----
# Shares of time that 24 hens spend outdoors on 20 days each. Hens differ in how much the
# temperature matters to them.
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import check_residuals

rng = np.random.default_rng(1)
X = pd.DataFrame({"temperature": rng.uniform(0, 30, 480), "hen": np.repeat(np.arange(24), 20)})
slope = rng.normal(0.05, 0.05, 24)[X["hen"]]
mean = expit(rng.normal(0, 0.5, 24)[X["hen"]] + slope * (X["temperature"] - 15))
y = rng.beta(8 * mean, 8 * (1 - mean)).clip(1e-6, 1 - 1e-6)

# %%
# Fit
# ---
# The standard error of the slope is more than twice as large when hens may differ.
models = {
    formula: BetaGLMMRegressor(formula).fit(X, y)
    for formula in ("temperature + (1 | hen)", "temperature + (temperature | hen)")
}
for formula, model in models.items():
    found = model.tidy(effects="fixed").set_index("term").loc["temperature"]
    print(f"{formula}: slope {found['estimate']:.3f}, standard error {found['std_error']:.3f}")

# %%
# Test
# ----
# ``check_residuals`` asks this of each covariate and grouping factor without a slope.
checks = {
    formula: check_residuals(model, X, y, random_state=0) for formula, model in models.items()
}
test = checks["temperature + (1 | hen)"]["missing slope"]
print(textwrap.fill(f"p = {test.p_value:.1e}: {test.sentence}", 80))

# %%
# What does it look like?
# -----------------------
# Quantile residuals, and a least-squares line through those of each hen.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, (formula, found) in zip(axes, checks.items(), strict=True):
    axis.plot(X["temperature"], found.residual, ".", color="#C8C8C8", markersize=4)
    for _, rows in X.assign(residual=found.residual).groupby("hen"):
        line = np.polynomial.Polynomial.fit(rows["temperature"], rows["residual"], 1)
        axis.plot(*line.linspace(2), color="#0072B2", linewidth=1.2)
    axis.axhline(0, color="#D55E00", linewidth=1)
    axis.set(title=formula, xlabel="temperature (°C)")
axes[0].set_ylabel("quantile residual")
plt.show()
