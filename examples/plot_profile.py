"""
How large can the standard deviation of the groups be?
======================================================

With ten groups much larger than estimated, but not much smaller: the likelihood is skewed. A
profile follows it, refitting all other parameters, and so do its limits; Wald limits take it for
symmetric on the log scale.
"""

# %%
# Data
# ----
# Prater's gasoline yields: 32 distillations of 10 crude oils, with the end point ``EP`` of each,
# in degrees Fahrenheit.
import matplotlib.pyplot as plt
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.inspection import ProfileDisplay

X, y = load_petrol(return_X_y=True)

# %%
# Fit
# ---
model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)

# %%
# Limits by Wald's method and by profile, on the natural scale of each parameter.
NAME = "sd(Intercept | batch)"
limits = {
    "Wald": model.confint(parameters=NAME),
    "profile": model.confint(X, y, method="profile", parameters=NAME),
}
print(pd.concat(limits).droplevel(1).round(3))

# %%
# What does it look like?
# -----------------------
# The profile likelihood relative to its maximum. Where it crosses the horizontal line are its
# limits. The bar has those of Wald, which are nearer to 0 on both sides.
figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
ProfileDisplay.from_estimator(model, X, y, parameters=NAME, kind="likelihood", n_points=15, ax=axis)
wald = limits["Wald"].loc[NAME, ["conf_low", "conf_high"]]
axis.plot(wald, [0.05, 0.05], "k|-", linewidth=3, markersize=12, label="95 % limits, Wald")
axis.set_xlabel("standard deviation between batches (log odds)")
axis.legend()
plt.show()
