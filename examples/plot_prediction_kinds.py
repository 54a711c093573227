"""
Whose mean is it: one group's, a typical group's, or the average?
=================================================================

Behind a curved link the mean of a typical group is not the average over groups: where groups
differ much, the average is nearer to the middle. ``predict`` knows both, and the mean of each
group that it has seen; to mix them up is a common error.
"""

# %%
# Data
# ----
# Shares of leaves that a fungus has infected, on 12 plants of each of 30 cultivars that differ
# much in their resistance. Humidity is in standard deviations.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay

rng = np.random.default_rng(4)
X = pd.DataFrame(
    {"humidity": rng.uniform(-2.5, 2.5, 360), "cultivar": np.repeat(np.arange(30), 12)}
)
resistance = rng.normal(0, 2, 30)[X["cultivar"]]
mean = expit(1.0 + 1.2 * X["humidity"] - resistance)
y = pd.Series(rng.beta(10 * mean, 10 * (1 - mean)).clip(1e-6, 1 - 1e-6), name="infected")

# %%
# Fit
# ---
model = BetaGLMMRegressor("humidity + (1 | cultivar)").fit(X, y)
print(model.variance_components()[["group", "effect", "sd"]].round(2))

# %%
# Three means at the same humidity. "fixed" is that of a cultivar whose random effect is 0,
# "marginal" is integrated over the cultivars, and "conditional" uses what is known of this
# cultivar.
row = pd.DataFrame({"humidity": [1.0], "cultivar": [7]})
for kind in ("conditional", "fixed", "marginal"):
    print(f"{kind}: {model.predict(row, kind=kind)[0]:.2f}")

# %%
# What does it look like?
# -----------------------
# Each cultivar has a thin curve. The typical cultivar is as steep as they are. The average is
# flatter: it is what a new cultivar is expected to have, and what the data have on average.
figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
PredictionDisplay.from_estimator(
    model, X, y, feature="humidity", by="cultivar", reference=None, ax=axis
)
axis.get_legend().remove()
grid = pd.DataFrame({"humidity": np.linspace(-2.5, 2.5, 100)})
STYLES = {
    "fixed": ("#0072B2", "-", "typical cultivar (fixed)"),
    "marginal": ("#D55E00", "--", "average over cultivars (marginal)"),
}
axis.plot([], [], color="#999999", linewidth=1, label="each cultivar (conditional)")
for kind, (color, dashes, label) in STYLES.items():
    means = model.predict(grid, kind=kind)
    axis.plot(grid["humidity"], means, color=color, linestyle=dashes, linewidth=3, label=label)
axis.set(xlabel="humidity (standard deviations)", ylabel="share of infected leaves")
figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize="small")
plt.show()
