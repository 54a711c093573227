"""
How sour is the soil between the samples?
=========================================

Places that are near each other are alike. A random field estimates how near, and how smoothly the
response changes, tells it apart from the noise of a sample, and predicts any other place: with a
map of how sure that is. Geostatistics calls it kriging.
"""

# %%
# Data
# ----
# Simulated acidity, in pH, of 180 samples from a square of 100 hectares: 120 anywhere, and 60 close
# to one of these, which tell noise and smoothness. Coordinates are in units of 100 m. The true
# field is known at the samples and on a grid.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.special import kv

from skglmm import LMMRegressor
from skglmm.model_selection import compare

rng = np.random.default_rng(6)
noise = rng.normal(0, 0.15, 180)
somewhere = rng.uniform(0, 10, (120, 2))
near = somewhere[:60] + rng.normal(0, 0.2, (60, 2))
side = np.linspace(0, 10, 26)
grid = np.column_stack([each.ravel() for each in np.meshgrid(side, side)])
points = np.concatenate([somewhere, near.clip(0, 10).round(2), grid])
places = pd.DataFrame(points, columns=["east", "north"])
scaled = cdist(points, points) / 1.5 + 1e-9
covariance = 0.6**2 * scaled * kv(1, scaled) + 1e-9 * np.eye(len(points))  # of smoothness 1
field = 6 + np.linalg.cholesky(covariance) @ rng.normal(size=len(points))
samples, grid, truth = places[:180], places[180:], field[180:]
ph = pd.Series(field[:180] + noise, name="pH")

# %%
# Fit
# ---
# One field over all rows, so there is a 1 where groups would be. An exponential field is rough:
# that of Matérn has its smoothness, 0.5 for the exponential one, as a further parameter.
FIELDS = {"no field": "1", "exponential": "exp(0 + east + north | 1)"}
FIELDS["Matérn"] = "mat(0 + east + north | 1)"
models = {name: LMMRegressor(formula).fit(samples, ph) for name, formula in FIELDS.items()}
compared = compare(*models.values(), names=list(models))
print(compared[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))

# %%
# Standard deviation, range and smoothness hang together: a field of a longer range that varies by
# more looks the same in a window as small as this one. Their limits are wide, with the true values
# inside; predictions within the window depend on them little.
best = models["Matérn"]
print(best.summary())
table = best.confint().round(2)
print(table.assign(truth=[6, 0.15, 0.6, 1.5, 1]))

# %%
# Predict
# -------
# The mean at each place of the grid, with its standard error and limits, against the truth.
predicted = best.predict_frame(grid)
for name, model in models.items():
    error = np.sqrt(np.mean((model.predict(grid) - truth) ** 2))
    print(f"{name}: root mean square error {error:.2f}")
inside = (predicted["mean_ci_lower"] < truth) & (truth < predicted["mean_ci_upper"])
print(f"{inside.mean():.0%} of the grid within limits of 95 %")

# %%
# What does it look like?
# -----------------------
# The true field, the predicted one, which is smoother as it leaves out what nobody can know, and
# its standard errors: small where samples are, which are the points, larger in gaps and at edges.
figure, axes = plt.subplots(1, 3, figsize=(12, 4), sharex=True, sharey=True, layout="constrained")
heights = {"true field": truth, "predicted field": predicted["mean"]}
for axis, (title, values) in zip(axes, heights.items(), strict=False):
    style = {"levels": np.arange(4.8, 7.4, 0.2), "cmap": "cividis", "extend": "both"}
    shown = axis.contourf(side, side, np.reshape(values, (26, 26)), **style)
    axis.set(title=title, xlabel="east (100 m)", aspect="equal")
figure.colorbar(shown, ax=axes[:2], label="pH", shrink=0.8)
errors = np.reshape(predicted["mean_se"], (26, 26))
shown = axes[2].contourf(side, side, errors, levels=10, cmap="Greys")
figure.colorbar(shown, ax=axes[2], label="standard error (pH)", shrink=0.8)
axes[2].plot(samples["east"], samples["north"], "o", ms=3.5, color="#D55E00", mec="w", mew=0.4)
axes[2].set(title="standard error", xlabel="east (100 m)", aspect="equal")
axes[0].set_ylabel("north (100 m)")
plt.show()
