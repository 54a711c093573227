"""
1. The question, the distribution, and a regression without groups
==================================================================

We begin with the simplest model that could answer the question. It is wrong, and the way in which
it is wrong shows what a mixed model is for.
"""

# %%
# Formulate the question
# ----------------------
# *Do longer dragons score better?* Scores are percentages. Every dragon belongs to a site, and
# every site to a mountain range. The labels of the sites, a, b and c, are used again in each range.
import textwrap

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay, ResidualDisplay, check_residuals

X, y = make_dragons(random_state=3, return_X_y=True)
print(X.assign(testScore=y).groupby("mountainRange").head(1).round(1).to_string(index=False))

# %%
# We count the length from 200, which is about the average, in tens. Then an intercept is about a
# dragon of average length, and not about one of length 0, which does not exist. This costs nothing
# and makes every later table easier to read.
X["length"] = (X["bodyLength"] - 200) / 10
print(X["length"].describe()[["mean", "std", "min", "max"]].round(2))

# %%
# Choose the distribution
# -----------------------
# A score lies between 0 and 100. A linear regression does not know that: its lines leave the
# bounds, and it takes the spread to be the same everywhere, while scores near a bound have no room
# to spread. The beta distribution lives between two bounds. It has a *mean*, and a *precision*:
# the higher the precision, the closer responses are to their mean.
#
# The mean follows the covariates on the scale of log odds (the logit), so that no prediction leaves
# the bounds: ``logit(mean) = intercept + slope * length``.
#
# ``bounds`` says where the scores live. A beta variable is never exactly on a bound, but ten scores
# are. For the time being ``boundary=1e-4`` moves these inside by a ten-thousandth of the width; the
# last page of the tutorial treats them properly.
print(f"{(y == 0).sum()} scores of 0, {(y == 100).sum()} of 100, of {len(y)}")
model = BetaGLMMRegressor("length", bounds=(0, 100), boundary=1e-4).fit(X, y)
print(model.summary())

# %%
# How to read it: one more step of 10 in length adds 0.46 to the log odds of the mean score, with a
# standard error of 0.03. That is 14 standard errors from zero: it looks as if longer dragons were
# better.
#
# The picture shows the mean with its 95 % limits, and the dragons. The band is narrow, since the
# model believes in 480 independent dragons.
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
PredictionDisplay.from_estimator(model, X, y, feature="length", ax=axis)
axis.set(xlabel="body length (tens of units from 200)", ylabel="test score")
plt.show()

# %%
# A first look at the residuals
# -----------------------------
# Are they independent? Quantile residuals are standard normal where a model is right, whatever the
# distribution of the response. Here they are, dragon by dragon, against the fitted mean, and in a
# box for each range.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
display = ResidualDisplay.from_estimator(model, X, y, random_state=0, ax=axes[0])
ranges = sorted(X["mountainRange"].unique())
boxes = [display.residual[X["mountainRange"] == name] for name in ranges]
axes[1].boxplot(boxes, tick_labels=ranges, medianprops={"color": "black"})
axes[1].axhline(0, color="gray", linewidth=1)
axes[1].tick_params(axis="x", rotation=45)
plt.show()

# %%
# On the left nothing is very wrong. On the right whole ranges lie above or below zero. Dragons of
# one range resemble each other: they are not independent, and the standard error of the slope,
# which counts 480 independent dragons, is far too small. ``check_residuals`` tries the columns that
# the model does not use, and finds the same.
test = check_residuals(model, X, y, random_state=0)["missing effect"]
print(textwrap.fill(f"{test.sentence} (p = {test.p_value:.0e})", 72))

# %%
# So the ranges have to enter the model. :doc:`The next page <plot_2_random_intercept>` lets them.
