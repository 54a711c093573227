"""
A factorial experiment: means, and which of them differ
=======================================================

What a paper reports of an experiment with two factors: the mean of each treatment with its limits,
a table of differences, and letters that say which means differ at each level of the other factor.
"""

# %%
# Data
# ----
# The yield of four simulated varieties at three rates of nitrogen, in six fields with a plot of
# each combination. The variety Drost does not need nitrogen.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import LMMRegressor
from skglmm.inspection import MarginalMeansDisplay, marginal_means

rng = np.random.default_rng(11)
varieties, rates = ["Abed", "Bonus", "Carlsberg", "Drost"], ["0", "60", "120"]
field, variety, rate = (each.ravel() for each in np.mgrid[:6, :4, :3])
truth = np.array([[3.2, 4.1, 4.6], [3.4, 4.2, 5.0], [4.0, 5.0, 5.4], [5.0, 5.1, 5.1]])
noise = rng.normal(0, 0.5, 6)[field] + rng.normal(0, 0.4, len(field))
y = pd.Series(truth[variety, rate] + noise, name="yield (t/ha)")
X = pd.DataFrame(
    {
        "field": field,
        "variety": pd.Categorical.from_codes(variety, varieties),
        "nitrogen": pd.Categorical.from_codes(rate, rates, ordered=True),
    }
)

# %%
# Fit
# ---
# Fields differ, and each has all combinations: they are blocks.
model = LMMRegressor("variety * nitrogen + (1 | field)").fit(X, y)
print(model.anova())

# %%
# Means and contrasts
# -------------------
# The factors interact, so varieties are compared at each rate by itself, with Tukey's adjustment
# for the six pairs among four means.
means = marginal_means(model, X, by=["variety", "nitrogen"])
contrasts = means.contrasts("pairwise", by="nitrogen")
print(contrasts)

# %%
# What does it look like?
# -----------------------
# Letters compare means of the same color: without nitrogen Drost yields more than all others,
# with 120 kg of it no more than Bonus and Carlsberg. Markers stay apart in print, too.
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
MarginalMeansDisplay.from_means(
    means, contrasts=contrasts, target_name="mean yield (t/ha)", ax=axis
)
axis.get_legend().set_title("nitrogen (kg/ha)")
plt.show()
