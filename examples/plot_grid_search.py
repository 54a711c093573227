"""
Can R² choose random effects?
=============================

Hardly, if whole groups are held out: the random effects of a new group hardly move its mean, and
R² is about means. The joint log density of the rows of a group sees how alike they are, and tells
the structures apart.
"""

# %%
# Data
# ----
# Shares of a task that 40 workers finish, in 12 shifts each. Workers differ in their level and in
# what a longer shift is worth: intercepts and slopes are the true structure.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.model_selection import GridSearchCV, GroupKFold

from skglmm import BetaGLMMRegressor
from skglmm.model_selection import log_density_scorer

rng = np.random.default_rng(0)
X = pd.DataFrame({"hours": rng.normal(size=480), "worker": np.repeat(np.arange(40), 12)})
level, slope = rng.normal(0, 0.7, 40)[X["worker"]], rng.normal(0.8, 0.5, 40)[X["worker"]]
mean = expit(0.3 + level + slope * X["hours"])
y = rng.beta(8 * mean, 8 * (1 - mean)).clip(1e-6, 1 - 1e-6)

# %%
# Search
# ------
# ``groups`` holds the random effects, so that a grid can vary them. The ``groups`` of the search
# are scikit-learn's: what the splitter keeps together.
STRUCTURES = {"none": None, "intercepts": "worker", "intercepts\nand slopes": {"worker": "hours"}}
search = GridSearchCV(
    BetaGLMMRegressor("hours", inference=False),
    {"groups": list(STRUCTURES.values())},
    cv=GroupKFold(8),
    scoring={"R²": "r2", "joint log density": log_density_scorer(joint=True)},
    refit="joint log density",
).fit(X, y, groups=X["worker"])
print(search.best_estimator_.formula_)

# %%
# The scores, mean and standard deviation over the folds.
found = pd.DataFrame(search.cv_results_, index=[name.replace("\n", " ") for name in STRUCTURES])
print(found.filter(regex="^(mean|std)_test").round(3).T)

# %%
# What does it look like?
# -----------------------
# A thin line for each fold, in which five workers are held out, and a thick one for their mean.
# The best structure has a ring. What R² gains is little beside what folds differ by; the log
# density of nearly every fold rises.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for axis, name in zip(axes, ("R²", "joint log density"), strict=True):
    folds = found.filter(regex=rf"^split\d+_test_{name}$").to_numpy()
    means = found[f"mean_test_{name}"].to_numpy()
    axis.plot(list(STRUCTURES), folds, color="#C8C8C8")
    axis.plot(list(STRUCTURES), means, "o-", color="#0072B2", linewidth=2.5)
    best = int(np.argmax(means))
    axis.plot(best, means[best], "o", color="#D55E00", markersize=16, mfc="none", mew=2)
    axis.set(title=f"{name} of held-out workers", ylabel=name, xlim=(-0.3, 2.3))
plt.show()
