"""
How fast does a model learn about a new group?
==============================================

Of a group that it has not seen a model knows only what groups are like. A few rows of it are
enough to do better, and ``condition`` takes them in without fitting again.
"""

# %%
# Data
# ----
# 480 simulated dragons from 8 mountain ranges, with test scores from 0 to 100. One of the ranges
# is left out, and its dragons arrive one by one.
import matplotlib.pyplot as plt
import pandas as pd

from skglmm import OrderedBetaGLMMRegressor
from skglmm.datasets import make_dragons

X, y = make_dragons(random_state=3, return_X_y=True)
new = X["mountainRange"] == "Central"
arriving = X[new].sample(frac=1, random_state=1).index

# %%
# Fit
# ---
# To the seven other ranges. An ordered beta model takes scores of exactly 0 and 100 as they are.
model = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange)", bounds=(0, 100))
model.fit(X[~new], y[~new])

# %%
# What is known of the mean of a dragon of the new range, of its median length, after so many of
# its dragons? The parameters stay as they are: only the effect of the range is learned.
dragon = pd.DataFrame(
    {"bodyLength": [X.loc[new, "bodyLength"].median()], "mountainRange": "Central"}
)
frames = {0: model.predict_frame(dragon)}
for n_seen in range(1, 21):
    seen = arriving[:n_seen]
    frames[n_seen] = model.condition(X.loc[seen], y[seen]).predict_frame(dragon)
known = pd.concat(frames).droplevel(1)
print(known.loc[[0, 1, 5, 20], ["mean", "mean_ci_lower", "mean_ci_upper"]].round(1))

# %%
# A fit of all eight ranges, with all 60 dragons of this one, to compare with.
everything = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange)", bounds=(0, 100))
final = everything.fit(X, y).predict(dragon)[0]

# %%
# What does it look like?
# -----------------------
# At the left the average over ranges, and limits wide enough for whatever range it may be. After
# five dragons they are a third as wide.
figure, axis = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
axis.fill_between(
    known.index,
    known["mean_ci_lower"],
    known["mean_ci_upper"],
    color="#0072B2",
    alpha=0.2,
    linewidth=0,
    label="95 % limits",
)
axis.plot(
    known.index, known["mean"], "o-", color="#0072B2", markersize=4, label="mean of the range"
)
axis.plot(range(1, 21), y[arriving[:20]], "k.", alpha=0.6, label="score that arrives")
axis.axhline(final, color="#D55E00", linestyle="--", label="fit with all 60 of its dragons")
axis.set(xlabel="dragons of the new range that are known", ylabel="test score", ylim=(-3, 103))
axis.set_xticks(range(0, 21, 5))
axis.legend(loc="lower right", fontsize="small")
plt.show()
