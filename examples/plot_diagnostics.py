"""
Does the model fit? Four pictures at once
=========================================

The quantiles of residuals, their trend, the random effects and the responses themselves:
each picture shows another way to be wrong. ``diagnose`` says in words what can be said in words.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with test scores from 0 to 100.
import matplotlib.pyplot as plt

from skglmm import OrderedBetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import DiagnosticsDisplay

X, y = make_dragons(random_state=3, return_X_y=True)

# %%
# Fit
# ---
# An ordered beta model, since some scores are exactly 0 or 100.
model = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange/site)", bounds=(0, 100)).fit(X, y)
model.diagnose(X, y)

# %%
# What does it look like?
# -----------------------
# Quantile residuals should have no trend and lie within the envelope; random effects should be
# about normal, too; responses that are simulated from the model should look like those that were
# observed.
figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
DiagnosticsDisplay.from_estimator(model, X, y, random_state=0, ax=axes)
plt.show()
