"""
How far does a mixed model trust a small group?
===============================================

A group with three rows may be extreme by chance. A model with a fixed effect for each group takes
it at its word; a random effect pulls it towards the average, the more so the fewer its rows, and
is nearer to the truth.
"""

# %%
# Data
# ----
# Shares of seeds that germinate, in lots of 3 to 40 dishes. The true log odds of the lots have a
# standard deviation of 0.6 about 0.5.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor

rng = np.random.default_rng(8)
sizes = np.repeat([3, 6, 12, 40], 6)
names = np.array([f"lot {k:02d}" for k in range(len(sizes))])
truth = rng.normal(0.5, 0.6, len(sizes))
lots = np.repeat(np.arange(len(sizes)), sizes)
X = pd.DataFrame({"lot": names[lots]})
y = rng.beta(3 * expit(truth[lots]), 3 * (1 - expit(truth[lots])))

# %%
# Fit
# ---
# The same model of the responses twice, with lots as fixed and as random effects.
separate = BetaGLMMRegressor("0 + lot").fit(X, y)
pooled = BetaGLMMRegressor("1 + (1 | lot)").fit(X, y)
alone = separate.coef_
together = pooled.group_coefficients()["estimate"].to_numpy()

# %%
# Distances to the truth, as the root of the mean square over lots of one size. What a random
# effect gains is in the small lots.
errors = pd.DataFrame({"size": sizes, "separate": alone - truth, "pooled": together - truth})
print(errors.groupby("size").agg(lambda error: np.sqrt(np.mean(error**2))).round(2))

# %%
# What does it look like?
# -----------------------
# An arrow for each lot, from its separate estimate to the pooled one. Lots are sorted by their
# number of dishes, and by their separate estimate among equals.
order = np.lexsort((alone, sizes))
place = np.arange(len(order))
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
axis.axhline(pooled.intercept_, color="#999999", linewidth=1, label="average of the lots")
axis.plot(place, alone[order], "o", color="#D55E00", mfc="none", label="separate estimate")
axis.plot(place, together[order], "o", color="#0072B2", label="pooled estimate")
axis.plot(place, truth[order], "k_", markersize=11, label="truth")
for k, lot in enumerate(order):
    arrow = {"arrowstyle": "->", "color": "#999999", "shrinkA": 4, "shrinkB": 4}
    axis.annotate("", (k, together[lot]), (k, alone[lot]), arrowprops=arrow)
for edge in (5.5, 11.5, 17.5):
    axis.axvline(edge, color="gainsboro", linewidth=1)
axis.set_xticks([2.5, 8.5, 14.5, 20.5], [f"6 lots of {n} dishes" for n in (3, 6, 12, 40)])
axis.tick_params(axis="x", length=0)
axis.set_ylabel("log odds of germination")
figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize="small")
plt.show()
