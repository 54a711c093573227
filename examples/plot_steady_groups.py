"""
Are good groups steady groups, too?
===================================

Groups may differ in their precision as in their mean, and the two may be related. Random effects
in several formulas that share a letter, as in ``(1 |p| clinic)``, are correlated, and the
correlation is an estimate like any other.
"""

# %%
# Data
# ----
# Scores of patients from 0 to 1 in 60 clinics of 15. In better clinics scores are less spread out
# than their means alone would say.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.model_selection import compare

rng = np.random.default_rng(6)
effects = rng.multivariate_normal([0, 0], [[0.36, 0.21], [0.21, 0.25]], 60)
X = pd.DataFrame({"clinic": np.repeat(np.arange(60), 15)})
mean = expit(0.3 + effects[X["clinic"], 0])
precision = np.exp(2.0 + effects[X["clinic"], 1])
y = rng.beta(precision * mean, precision * (1 - mean))

# %%
# Fit
# ---
# The same precision everywhere; precisions that differ; and precisions that go with the means.
models = {
    "one precision": BetaGLMMRegressor("1 + (1 | clinic)"),
    "independent": BetaGLMMRegressor("1 + (1 | clinic)", precision="1 + (1 | clinic)"),
    "correlated": BetaGLMMRegressor("1 + (1 |p| clinic)", precision="1 + (1 |p| clinic)"),
}
for model in models.values():
    model.fit(X, y)
table = compare(*models.values(), names=list(models))
print(table[["n_params", "aic", "delta_aic", "lr_against", "lr_p_value"]].round(4))

# %%
# The truth has standard deviations of 0.6 and 0.5 and a correlation of 0.7.
print(models["correlated"].confint().filter(like="clinic", axis=0).round(2))

# %%
# What does it look like?
# -----------------------
# A dot for each clinic: its predicted effects, with a standard deviation in each direction. Behind
# them are the true effects, which lie farther out: predicted effects are pulled towards zero.
found = models["correlated"].random_effects().pivot(index="level", columns="effect")
names = ["Intercept", "precision(Intercept)"]
figure, axis = plt.subplots(figsize=(6.5, 5), layout="constrained")
axis.plot(*effects.T, "x", color="#D55E00", alpha=0.6, label="truth")
axis.errorbar(
    *(found["mode"][name] for name in names),
    xerr=found["std_dev"][names[0]],
    yerr=found["std_dev"][names[1]],
    fmt="o",
    color="#0072B2",
    elinewidth=0.6,
    markersize=4,
    label="predicted, with one standard deviation",
)
axis.axhline(0, color="gainsboro", zorder=0)
axis.axvline(0, color="gainsboro", zorder=0)
axis.set(xlabel="effect on the mean (log odds)", ylabel="effect on the precision (log)")
axis.legend(fontsize="small")
plt.show()
