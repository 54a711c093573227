"""
Parallel or each its own: random intercepts and random slopes
=============================================================

With random intercepts the curves of groups are parallel on the scale of log odds; with random
slopes each has its own steepness. The curve of a group with few or unusual rows is pulled towards
the average.
"""

# %%
# Data
# ----
# 480 simulated dragons from 3 sites in each of 8 mountain ranges, with test scores from 0 to 100.
import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import likelihood_ratio_test

X, y = make_dragons(random_state=3, return_X_y=True)

# %%
# Fit
# ---
FORMULAS = {
    "random intercepts": "bodyLength + (1 | mountainRange)",
    "random intercepts and slopes": "bodyLength + (bodyLength | mountainRange)",
}
models = {
    name: BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
    for name, formula in FORMULAS.items()
}
for name, model in models.items():
    slope = model.tidy(effects="fixed").set_index("term").loc["bodyLength"]
    print(f"{name}: slope {slope['estimate']:.4f}, standard error {slope['std_error']:.4f}")

# %%
# Do slopes differ more than by chance? The test knows that a variance cannot be negative.
print(likelihood_ratio_test(*models.values()))

# %%
# What does it look like?
# -----------------------
# Each range over the lengths that its dragons have, with 95 % limits of its mean. Dotted is a
# typical range, one whose random effects are 0.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    PredictionDisplay.from_estimator(
        model, X, y, feature="bodyLength", by="mountainRange", reference="fixed", ax=axis
    )
    axis.set(title=name, xlabel="body length", ylabel="")
axes[0].get_legend().remove()  # it is that of the other panel
axes[0].set_ylabel("test score")
plt.show()
