"""
What is a category with three rows worth?
=========================================

Late parcels, by driver and by depot: most drivers drive for one depot, and many have driven a few
times. Averages of each column count a bad depot twice, once as its drivers, and believe in drivers
of whom little is known. A mixed model tells the two apart, and pulls what it knows little of.
"""

# %%
# Data
# ----
# 20,000 parcels, 60 depots, 2,000 drivers. Nine parcels in ten are those of a driver's own depot.
# True effects are on the scale of log odds, with standard deviations of 1.2 and 0.8.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from skglmm.preprocessing import GLMMEncoder

rng = np.random.default_rng(4)
n, n_depots, n_drivers = 20_000, 60, 2_000
shares = 1.0 / (np.arange(n_drivers) + 30.0)
driver = rng.choice(n_drivers, n, p=shares / shares.sum())
home = rng.integers(0, n_depots, n_drivers)
depot = np.where(rng.random(n) < 0.9, home[driver], rng.integers(0, n_depots, n))
of_depot, of_driver = rng.normal(0, 1.2, n_depots), rng.normal(0, 0.8, n_drivers)
X = pd.DataFrame({"driver": driver, "depot": depot})
y = rng.random(n) < expit(of_depot[depot] + of_driver[driver] - 1.0)

# %%
# Two encoders
# ------------
# Both are cross-fitted: the rows of a fold are encoded by the others. ``GLMMEncoder`` fits the
# model ``1 + (1 | driver) + (1 | depot)``.
averages = TargetEncoder().fit(X, y)
effects = GLMMEncoder(random_state=0).fit(X, y)
print(f"standard deviations: {effects.effects_std_.round(2)}")
for encoder in (TargetEncoder(), GLMMEncoder(random_state=0)):
    pipeline = make_pipeline(encoder, LogisticRegression())
    scores = -cross_val_score(pipeline, X, y, scoring="neg_log_loss")
    print(f"{type(encoder).__name__}: log loss {scores.mean():.4f}")

# %%
# What does it look like?
# -----------------------
# The effect of each driver against the truth, by the number of parcels. Averages are drawn as
# differences of log odds, those of drivers without, or with late parcels only at the edges:
# where all rows of a category agree, ``TargetEncoder`` does not pull it at all.
EDGE = 3.5
counts = np.bincount(driver, minlength=n_drivers)
known = averages.categories_[0].astype(int)
size, truth = counts[known], of_driver[known]
found = {
    "TargetEncoder": np.clip(logit(averages.encodings_[0]) - logit(y.mean()), -EDGE, EDGE),
    "GLMMEncoder": effects.encodings_[0],
}
figure, axes = plt.subplots(
    1, 2, figsize=(8.6, 4.3), sharex=True, sharey=True, layout="constrained"
)
groups = {"1 to 4 parcels": (1, 4, "#E69F00"), "5 to 19": (5, 19, "#56B4E9")}
groups["20 and more"] = (20, n, "#0072B2")
for axis, (name, encoding) in zip(axes, found.items(), strict=True):
    axis.axline((0, 0), slope=1, color="#999999", linewidth=1)
    for label, (low, high, color) in groups.items():
        chosen = (size >= low) & (size <= high)
        error = np.sqrt(np.mean((encoding[chosen] - truth[chosen]) ** 2))
        text = f"{label}, error {error:.2f}"
        axis.plot(truth[chosen], encoding[chosen], ".", color=color, markersize=4, label=text)
    axis.set_title(f"{name}, r = {np.corrcoef(encoding, truth)[0, 1]:.2f}")
    axis.set_xlabel("true effect of a driver, log odds")
    axis.legend(frameon=False, fontsize="small", loc="upper left", markerscale=2)
    axis.set_ylim(-EDGE - 0.2, EDGE + 2.2)
axes[0].set_ylabel("encoded effect")
plt.show()
