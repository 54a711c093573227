"""
Does the drug work, although patients drop out?
===============================================

In a trial patients come to visits until they leave, and those who fare badly leave first. Those who
are still there flatter both arms, and most of all the one that helps less. A mixed model for
repeated measures (MMRM) uses all visits of everybody: what a patient had before tells what he would
have had later.
"""

# %%
# Data
# ----
# Three hundred simulated patients and five visits, with a score of complaints that falls in
# both arms, by six points more with the drug in the end. Whoever has a high score is more likely to
# stay away from the next visit on: that depends on what was seen alone, as an MMRM takes for
# granted.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import LMMRegressor
from skglmm.model_selection import likelihood_ratio_test

WEEKS, GAIN = np.array([2, 4, 8, 12, 16]), np.array([0.5, 1.5, 3.0, 4.5, 6.0])
rng = np.random.default_rng(6)
n, drug = 300, np.arange(300) % 2
spread = np.array([4.0, 5.0, 6.0, 7.0, 8.0])
correlation = 0.85 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
noise = rng.multivariate_normal(np.zeros(5), correlation * np.outer(spread, spread), n)
before = rng.normal(30, 6, n)
scores = 6 + 0.7 * before[:, None] - 0.3 * WEEKS - np.outer(drug, GAIN) + noise
leaves = rng.random((n, 5)) < expit((scores - 30) / 2)
stays = np.cumsum(leaves, axis=1) - leaves == 0  # the visit after which one leaves is there

wide = np.repeat(np.arange(n), 5)
X = pd.DataFrame({"patient": wide, "drug": drug[wide], "before": before[wide] - 30})
X["visit"] = pd.Categorical(np.tile([f"week {w:02d}" for w in WEEKS], n))
X["number"] = np.tile(np.arange(5), n)
X, y = X[stays.ravel()], pd.Series(scores.ravel()[stays.ravel()], name="score")
y.index = X.index
print(pd.crosstab(X["visit"], X["drug"]))

# %%
# Fit
# ---
# ``scale="0"`` leaves the residual out, so that the visits of a patient have the covariance of
# ``us(0 + visit | patient)`` and no other: any variances, any correlations. The effect of the drug
# is one number for each visit.
FIXED = "visit + visit:before + visit:drug"
model = LMMRegressor(f"{FIXED} + us(0 + visit | patient)", scale="0").fit(X, y)
print(model.variance_components().drop(columns=["group", "variance"]).round(2).to_string())

# %%
# Would a structure with fewer numbers do? An autoregression whose spread grows from visit to visit
# has six in place of fifteen.
simple = LMMRegressor(f"{FIXED} + hetar1(0 + number | patient)", scale="0").fit(X, y)
print(likelihood_ratio_test(simple, model))

# %%
# Test
# ----
# Intervals with Kenward and Roger's degrees of freedom, which know that a covariance was estimated,
# and that fewer patients tell of later visits.
terms = [f"visit[week {w:02d}]:drug" for w in WEEKS]
table = model.confint(df="kenward-roger", parameters=terms)
print(table.round(2))
print(model.wald_test(" = ".join([terms[-1], "0"]), df="kenward-roger"))

# %%
# What does it look like?
# -----------------------
# Differences between the arms at each visit. A regression of the visits alone, without what other
# visits tell, believes that those who left would have fared like those who stayed: it sees less of
# what the drug does, the later the less.
alone = LMMRegressor(FIXED).fit(X, y).confint(parameters=terms)["estimate"]
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
estimate, low, high = table.to_numpy().T
limits = [estimate - low, high - estimate]
axes.errorbar(WEEKS, estimate, limits, fmt="o", color="#0072B2", capsize=3, label="MMRM, 95 %")
axes.plot(WEEKS, alone, "s--", color="#D55E00", label="each visit alone")
axes.plot(WEEKS, -GAIN, color="black", linewidth=1, label="truth")
axes.axhline(0, color="gray", linewidth=0.5)
axes.set(xlabel="week", ylabel="drug less placebo (points)", xticks=WEEKS)
axes.legend()
plt.show()
