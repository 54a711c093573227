"""
How different are the ranges and the sites?
===========================================

Random effects are what a range or a site adds to the log odds of a good score. Sorted, with their
limits, they make a caterpillar: who is above, who is below, and how sure is that?
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with test scores from 0 to 100.
# Lengths count from 200, so that the intercept of a range is that of a dragon of this length.
import matplotlib.pyplot as plt

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
# The same effects as numbers: modes, and standard errors that count the uncertainty of the
# estimates of the other parameters, too.
print(model.random_effects().head(4).round(3))

# %%
# What does it look like?
# -----------------------
# A panel for each effect: the intercepts of the ranges, their slopes, the intercepts of the sites.
# Limits that leave out 0 belong to a range or site that is probably unlike the average. To tell
# two of them apart is another question, since their errors are correlated.
figure, axes = plt.subplot_mosaic(
    [["ranges", "sites"], ["slopes", "sites"]], figsize=(9, 5.5), layout="constrained"
)
RandomEffectsDisplay.from_estimator(
    model, ax=[axes[name] for name in ("ranges", "slopes", "sites")]
)
plt.show()
