"""
Treatments and visits: means of categories
==========================================

The commonest picture of an experiment has no curve: a mean with its limits for each treatment,
before the data. The random effects belong into it, since plots of one treatment differ, too.
"""

# %%
# Data
# ----
# The cover of moss on 24 simulated plots, 8 of each treatment, at four visits. Nitrogen acts
# slowly.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay

rng = np.random.default_rng(3)
treatments, visits = ["control", "N", "N and P"], ["April", "June", "August", "October"]
plot, visit = (each.ravel() for each in np.mgrid[:24, :4])
eta = 0.4 - 0.5 * visit * (plot % 3 == 1) - 0.4 * visit * (plot % 3 == 2)
eta = eta + rng.normal(0, 0.6, 24)[plot]
y = pd.Series(rng.beta(15 * expit(eta), 15 * expit(-eta)), name="cover of moss")
X = pd.DataFrame(
    {
        "plot": [f"plot {k:02d}" for k in plot],
        "treatment": pd.Categorical.from_codes(plot % 3, treatments),
        "visit": pd.Categorical.from_codes(visit, visits, ordered=True),
    }
)

# %%
# Fit
# ---
# The order of the categories is that of the columns: the first one is the reference.
model = BetaGLMMRegressor("treatment * visit + (1 | plot)").fit(X, y)
print(model.tidy(effects="fixed")[["term", "estimate", "std_error"]].round(2).to_string())

# %%
# What does it look like?
# -----------------------
# Above, each gray dot is a plot, averaged over its visits; the average over plots and visits has
# 95 % limits. Below, the treatments stand side by side at each visit. Where a column holds numbers
# that the model takes as categories, ``C(visit)``, the picture is the same.
figure, axes = plt.subplots(2, 1, figsize=(7, 7.5), sharey=True, layout="constrained")
PredictionDisplay.from_estimator(model, X, y, feature="treatment", by="plot", ax=axes[0])
display = PredictionDisplay.from_estimator(model, X, y, feature="visit", by="treatment", ax=axes[1])
plt.show()
