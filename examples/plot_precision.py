"""
Does the spread change, and not only the mean?
==============================================

The precision of a beta model says how little responses scatter about their mean. It may depend on
covariates and on groups as the mean does; a model with a single precision is then too sure of some
rows and too modest about others.
"""

# %%
# Data
# ----
# Shares of ground that is covered by plants, on 12 plots of 25 meadows. Plots are alike in old
# meadows and differ in young ones.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import compare

rng = np.random.default_rng(2)
age = np.sort(rng.uniform(0, 40, 25))
X = pd.DataFrame({"meadow": np.repeat(np.arange(25), 12)})
X["age"] = age[X["meadow"]]
mean = expit(0.2 + 0.02 * X["age"] + rng.normal(0, 0.4, 25)[X["meadow"]])
precision = np.exp(1.0 + 0.07 * X["age"])
y = pd.Series(rng.beta(precision * mean, precision * (1 - mean)), name="cover")

# %%
# Fit
# ---
# ``precision`` is a formula for the logarithm of the precision.
models = {
    "one precision": BetaGLMMRegressor("age + (1 | meadow)"),
    "precision by age": BetaGLMMRegressor("age + (1 | meadow)", precision="age"),
}
for model in models.values():
    model.fit(X, y)
print(compare(*models.values(), names=list(models))[["n_params", "aic", "lr_p_value"]].round(2))

# %%
# The truth is 1 + 0.07 age, on the log scale.
found = models["precision by age"].tidy(effects="fixed").query("component == 'precision'")
print(found[["term", "estimate", "std_error", "conf_low", "conf_high"]].round(3))

# %%
# What does it look like?
# -----------------------
# The means are nearly the same. The bands, in which 95 % of new responses of new meadows should
# lie, are not.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    PredictionDisplay.from_estimator(
        model, X, y, feature="age", kind="marginal", interval="response", ax=axis
    )
    axis.set(title=name, xlabel="age of the meadow (years)", ylabel="")
axes[0].set_ylabel("share of covered ground")
axes[0].get_legend().remove()  # it is that of the other panel
plt.show()
