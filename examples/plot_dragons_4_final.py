"""
What is left for the length of a dragon?
========================================

With ranges, their slopes and their sites in the model, the average over all of them is flat: a
longer dragon is not a better one. Each site still has its curve, and predictions for its dragons
use it.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with scores from 0 to 100. The
# labels of the sites, a, b and c, are used again in every range.
from pathlib import Path

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay

X, y = make_dragons(random_state=3, return_X_y=True)

# %%
# Fit
# ---
model = BetaGLMMRegressor(
    "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)",
    bounds=(0, 100),
    boundary=1e-4,
).fit(X, y)
print(model.summary())

# %%
# What does it look like?
# -----------------------
# A panel for each range, a color for each site, with 95 % limits of its mean, and dotted the
# average over all ranges and sites.
display = PredictionDisplay.from_estimator(
    model,
    X,
    y,
    feature="bodyLength",
    by=["mountainRange", "site"],
    facet="mountainRange",
    reference="marginal",
)

picture = Path(__file__).with_suffix(".png")
display.figure_.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
