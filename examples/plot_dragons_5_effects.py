"""
How different are the ranges and the sites?
===========================================

Random effects are what a range or a site adds to the log odds of a good score. Sorted, with their
limits, they make a caterpillar: who is above, who is below, and how sure is that?
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with scores from 0 to 100.
# Lengths count from 200, so that the intercept of a range is that of a dragon of this length.
from pathlib import Path

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import RandomEffectsDisplay

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = X["bodyLength"] - 200

# %%
# Fit
# ---
# The standard deviations say it in one number for each effect.
model = BetaGLMMRegressor(
    "length + (length | mountainRange) + (1 | mountainRange:site)",
    bounds=(0, 100),
    boundary=1e-4,
).fit(X, y)
print(model.variance_components()[["group", "effect", "sd", "corr"]].round(3))

# %%
# What does it look like?
# -----------------------
# A panel for each effect: the intercepts of the ranges, their slopes, the intercepts of the sites.
display = RandomEffectsDisplay.from_estimator(model)

picture = Path(__file__).with_suffix(".png")
display.figure_.savefig(picture, dpi=120)
print(f"The picture is in {picture}")
