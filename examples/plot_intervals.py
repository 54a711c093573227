"""
Where is the mean, and where will the next response be?
=======================================================

Limits of a mean become narrow with more data; those of a new response do not, since responses
scatter. Both belong to a question about a group that is known, or about one that is not.
"""

# %%
# Data
# ----
# Shares of correct answers of 30 students in 8 sessions each. They come close to 1, where limits
# of the kind "mean plus and minus two standard errors" would leave the range of shares.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from skglmm import BetaGLMMRegressor

rng = np.random.default_rng(11)
X = pd.DataFrame(
    {"session": np.tile(np.arange(1.0, 9), 30), "student": np.repeat(np.arange(30), 8)}
)
talent = rng.normal(0, 0.8, 30)[X["student"]]
mean = expit(-0.6 + 0.5 * X["session"] + talent)
y = pd.Series(rng.beta(9 * mean, 9 * (1 - mean)).clip(1e-6, 1 - 1e-6), name="correct")

# %%
# Fit
# ---
model = BetaGLMMRegressor("session + (1 | student)").fit(X, y)
print(model.summary())

# %%
# Predict
# -------
# Student 3, a typical student, and a student that nobody knows yet. A level that fit has not seen
# asks for the average over students; the limits of the mean are those of the new student's own
# mean.
sessions = np.linspace(1, 8, 50)
STUDENTS = {
    "student 3": (3, "conditional"),
    "a typical student": (3, "fixed"),
    "a new student": (99, "conditional"),
}
frames = {
    name: model.predict_frame(pd.DataFrame({"session": sessions, "student": student}), kind=kind)
    for name, (student, kind) in STUDENTS.items()
}
print(pd.concat({name: frame.iloc[0] for name, frame in frames.items()}, axis=1).round(2))

# %%
# What does it look like?
# -----------------------
# All limits stay within 0 and 1. For the mean of the typical student 240 rows speak, for student 3
# mostly eight. The mean of a new student may be anywhere that students are.
figure, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True, layout="constrained")
for axis, (name, frame) in zip(axes, frames.items(), strict=True):
    for kind, alpha, label in [("obs", 0.15, "new response"), ("mean", 0.4, "mean")]:
        lower, upper = frame[f"{kind}_ci_lower"], frame[f"{kind}_ci_upper"]
        style = {"color": "#0072B2", "alpha": alpha, "linewidth": 0}
        axis.fill_between(sessions, lower, upper, label=f"95 % limits, {label}", **style)
    axis.plot(sessions, frame["mean"], color="#0072B2", linewidth=2, label="mean")
    axis.set(title=name, xlabel="session", ylim=(-0.02, 1.02))
own = (X["student"] == 3).to_numpy()
axes[0].plot(X.loc[own, "session"], y[own], "k.", label="responses")
for axis in axes[1:]:
    axis.plot(X["session"], y, "k.", alpha=0.25, markersize=3)
axes[0].set_ylabel("share of correct answers")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
)
plt.show()
