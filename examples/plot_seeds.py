"""
How many seeds germinate?
=========================

Successes out of a number of trials are counted, not measured: a dish with 3 of 4 seeds says less
than one with 75 of 100. Where dishes differ by more than the luck of the draw, a binomial model is
too sure of everything, and a beta-binomial one says by how much.
"""

# %%
# Data
# ----
# Simulated dishes of 24 mother plants, some of them on acid soil, with 8 to 60 seeds each. Dishes
# differ in ways that no column knows.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaBinomialGLMMRegressor, BinomialGLMMRegressor
from skglmm.inspection import GroupCalibrationDisplay, check_residuals
from skglmm.model_selection import compare

rng = np.random.default_rng(3)
plant = np.repeat(np.arange(24), 12)
names = [f"plant {k:02d}" for k in plant]
X = pd.DataFrame({"plant": names, "acid": np.tile([0, 1], 144), "sown": rng.integers(8, 61, 288)})
mean = expit(0.6 - 0.7 * X["acid"] + rng.normal(0, 0.5, 24)[plant])
dish = rng.beta(8 * mean, 8 * (1 - mean))
seedlings = pd.Series(rng.binomial(X["sown"], dish), name="seedlings")

# %%
# Fit
# ---
# The response counts successes; ``trials`` names the column of what they are counted of.
plain = BinomialGLMMRegressor("acid + (1 | plant)", trials="sown").fit(X, seedlings)
wide = BetaBinomialGLMMRegressor("acid + (1 | plant)", trials="sown").fit(X, seedlings)
tests = check_residuals(plain, X, seedlings, random_state=0).tests
print(next(test.sentence for test in tests if test.name == "dispersion"))

# %%
# The second model has one parameter more, and it is worth it. The coefficient hardly moves; what it
# is known to does.
print(compare(plain, wide)[["n_params", "delta_aic"]].round(1))
for name, model in (("binomial", plain), ("beta-binomial", wide)):
    row = model.tidy(effects="fixed").set_index("term").loc["acid"]
    print(f"{name:14s} acid {row['estimate']:.2f}, standard error {row['std_error']:.3f}")

# %%
# Predict
# -------
# Means are of successes, out of the trials of each row; ``predict_rate`` is the probability, and
# needs no trials.
new = pd.DataFrame({"acid": [0, 1], "plant": ["a new one"] * 2, "sown": [50, 50]})
print("seedlings:", wide.predict(new).round(1))
print("probability:", wide.predict_rate(new.drop(columns="sown")).round(2))
print("of 50 seeds, 95 %:", wide.predict_interval(new, "response").tolist())

# %%
# What does it look like?
# -----------------------
# Seedlings of each plant against what a model without plants expects of it: bars have 95 % of what
# the model thinks possible.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
models = {
    "no plants": BetaBinomialGLMMRegressor("acid", trials="sown").fit(X, seedlings),
    "plants differ": wide,
}
for axis, (title, model) in zip(axes, models.items(), strict=True):
    GroupCalibrationDisplay.from_estimator(model, X, seedlings, by="plant", ax=axis)
    axis.set_title(title)
plt.show()
