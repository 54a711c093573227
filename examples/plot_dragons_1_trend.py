"""
A trend that belongs to the groups
==================================

Longer dragons have better test scores: a regression is quite sure of it. But colored by mountain
range, the same dots tell another story. Ranges of longer dragons score better, and within a range
length tells little.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with scores from 0 to 100.
from pathlib import Path

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay

X, y = make_dragons(random_state=3, return_X_y=True)

# %%
# Fit
# ---
# The plain beta regression knows nothing of the ranges. The other one has a level for each range,
# as a fixed effect, and one slope within all of them.
options = {"bounds": (0, 100), "boundary": 1e-4}
plain = BetaGLMMRegressor("bodyLength", **options).fit(X, y)
by_range = BetaGLMMRegressor("bodyLength + mountainRange", **options).fit(X, y)
for name, model in {"plain": plain, "ranges": by_range}.items():
    slope = model.coef_[model.coef_names_.index("bodyLength")]
    error = model.vcov().loc["bodyLength", "bodyLength"] ** 0.5
    print(f"{name}: {slope:.3f} log odds per unit of length, standard error {error:.3f}")

# %%
# What does it look like?
# -----------------------
# Both panels show the same dots.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
PredictionDisplay.from_estimator(plain, X, y, feature="bodyLength", ax=axes[0])
PredictionDisplay.from_estimator(
    by_range, X, y, feature="bodyLength", by="mountainRange", interval=None, ax=axes[1]
)
axes[0].set_title("all dragons alike: mean and 95 % limits")
axes[1].set_title("a level for each range")
axes[0].get_legend().remove()  # the title says it
axes[1].set_ylabel("")

picture = Path(__file__).with_suffix(".png")
figure.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
