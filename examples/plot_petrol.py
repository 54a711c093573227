"""
Why do crude oils give different yields?
========================================

Prater's gasoline yields are a classical example of beta regression, with a fixed effect for each
crude. Random effects leave room for what differs between crudes but not within them: here, one
property explains nearly all that crudes differ by.
"""

# %%
# Data
# ----
# 32 distillations of 10 crudes. ``EP`` is the temperature at which all gasoline has vaporized,
# chosen run by run. ``V10``, at which 10 % of the crude has vaporized, is a property of the crude.
# Both are in degrees Fahrenheit, and yields in percent.
import matplotlib.pyplot as plt
import numpy as np

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.inspection import PredictionDisplay
from skglmm.model_selection import compare

X, y = load_petrol(return_X_y=True)
print(X.assign(Y=y).head(5))

# %%
# Fit
# ---
# With a fixed effect of each crude ``V10`` would have no coefficient: it is constant within
# crudes.
without = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
with_v10 = BetaGLMMRegressor("EP + V10 + (1 | batch)", bounds=(0, 100)).fit(X, y)
print(compare(without, with_v10)[["n_params", "aic", "delta_aic", "lr_p_value"]].round(4))
print(with_v10.tidy(effects="fixed")[["component", "term", "estimate", "std_error"]].round(4))

# %%
# The standard deviation between crudes, on the scale of log odds: a seventh of it is left.
for name, model in {"without V10": without, "with V10": with_v10}.items():
    print(f"{name}: {model.variance_components()['sd'].iloc[0]:.3f}")

# %%
# What does it look like?
# -----------------------
# At the left, yields over end points, with a curve for each crude. At the right, the random
# effects of the crudes in the model without V10: they follow it.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
display = PredictionDisplay.from_estimator(
    without, X, y, feature="EP", by="batch", interval=None, ax=axes[0]
)
axes[0].set(xlabel="end point (°F)", ylabel="yield (%)")
axes[0].get_legend().remove()
for batch, line in zip(sorted(X["batch"].unique()), display.lines_, strict=True):
    end = line.get_xydata()[-1]
    # Where curves end side by side, letters stand above and below.
    shift = {"D": (3, 3), "E": (-9, 5), "F": (3, -6)}.get(batch, (3, 0))
    style = {"textcoords": "offset points", "va": "center", "color": line.get_color()}
    axes[0].annotate(batch, end, shift, **style)

effects = without.random_effects().set_index("level")
v10 = X.groupby("batch")["V10"].first()[effects.index]
axes[1].errorbar(v10, effects["mode"], 1.96 * effects["std_dev"], fmt="o", color="#0072B2")
ends = np.array([v10.min(), v10.max()])
slope = with_v10.coef_[with_v10.coef_names_.index("V10")]
axes[1].plot(ends, slope * (ends - v10.mean()), color="#D55E00", label="slope in the other model")
for batch, effect in effects["mode"].items():
    axes[1].annotate(batch, (v10[batch], effect), (5, 4), textcoords="offset points")
axes[1].set(xlabel="V10 (°F)", ylabel="random effect of the crude (log odds)")
axes[1].legend(fontsize="small")
plt.show()
