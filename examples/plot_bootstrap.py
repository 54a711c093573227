"""
Do three ways to make limits agree?
===================================

Wald limits take an estimate for normal, on a suitable scale; a profile follows the likelihood; the
parametric bootstrap simulates the study again and again. Where data are many they agree. Here,
with ten groups, one can see where they do not.
"""

# %%
# Data
# ----
# Prater's gasoline yields: 32 distillations of 10 crude oils, with the end point ``EP`` of each,
# in degrees Fahrenheit.
import matplotlib.pyplot as plt
import numpy as np

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol

X, y = load_petrol(return_X_y=True)

# %%
# Fit
# ---
model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)

# %%
# Refit to 300 simulated responses. Fewer than 999, the default, are enough for a picture.
found = model.bootstrap(X, y, n_replicates=300, random_state=0)
ends = found.interval(0.95, "percentile")
limits = {
    "Wald": model.confint(),
    "profile": model.confint(X, y, method="profile"),
    "bootstrap": model.confint().assign(conf_low=ends.low, conf_high=ends.high),
}
for name, table in limits.items():
    print(name, table.round(4), sep="\n", end="\n\n")

# %%
# What does it look like?
# -----------------------
# Above, the bootstrap distribution of each parameter; below, the limits, with a line at the
# estimate. Estimates of the standard deviation between batches are too small on average, and those
# of the precision too large: so are limits that are quantiles of them.
COLORS = {"Wald": "#0072B2", "profile": "#D55E00", "bootstrap": "#009E73"}
figure, axes = plt.subplots(
    2, 4, figsize=(9.5, 4), sharex="col", height_ratios=(3, 1), layout="constrained"
)
for column, name in enumerate(limits["Wald"].index):
    above, below = axes[:, column]
    above.hist(found.replicates[:, column], bins=25, color="#C8C8C8")
    above.set(title=name, yticks=[])
    for place, (method, table) in enumerate(limits.items()):
        ends = table.loc[name, ["conf_low", "conf_high"]]
        below.plot(ends, [-place, -place], "|-", color=COLORS[method], linewidth=2, markersize=9)
    for axis in (above, below):
        axis.axvline(limits["Wald"].loc[name, "estimate"], color="k", linewidth=0.8)
    below.set(ylim=(-2.7, 0.7), yticks=-np.arange(3), yticklabels=limits if column == 0 else [])
plt.show()
