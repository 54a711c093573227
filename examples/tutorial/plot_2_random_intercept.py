"""
2. A random intercept: every range has its own level
====================================================

Dragons of one range resemble each other. A random intercept says so: it gives every range a level
of its own, and treats these levels as a sample from a normal distribution, whose standard deviation
is estimated.
"""

# %%
# Fixed or random?
# ----------------
# Length is a *fixed* effect: its slope is what the question is about. Ranges are *random*: we do
# not ask about these eight, but about ranges, of which these are a sample. There should be more
# than a handful of levels; with fewer than five or six their standard deviation is hardly known,
# and the factor is better a fixed effect.
#
# ``(1 | mountainRange)`` reads: an intercept, ``1``, for each level of ``mountainRange``.
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logit

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import PredictionDisplay, RandomEffectsDisplay
from skglmm.model_selection import compare, likelihood_ratio_test

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
options = {"bounds": (0, 100), "boundary": 1e-4}

plain = BetaGLMMRegressor("length", **options).fit(X, y)
model = BetaGLMMRegressor("length + (1 | mountainRange)", **options).fit(X, y)
print(model.summary())

# %%
# There are two new things in this summary, and one has gone.
#
# * *Random effects*: the levels of the ranges have a standard deviation of 1.11 on the scale of log
#   odds. That is a lot: a range one standard deviation above the average has a mean score of 75
#   where the average has 50.
# * *Precision*: from 3.2 to 5.8, since part of the spread is now explained by the ranges.
# * The slope has gone: -0.05, with a standard error of 0.05. Within a range, longer dragons are
#   not better. What the first model saw is that ranges of longer dragons have better scores.
print(f"mean score one standard deviation above: {100 / (1 + np.exp(-1.11)):.0f}")

# %%
# The picture
# -----------
# Each range has its curve, drawn over the lengths that occur in it. On the scale of log odds these
# curves are parallel: ranges differ in their level, and in nothing else. The dotted curve is a
# typical range, one whose random effect is 0.
figure, axis = plt.subplots(figsize=(8, 4.3), layout="constrained")
PredictionDisplay.from_estimator(
    model, X, y, feature="length", by="mountainRange", reference="fixed", ax=axis
)
axis.set(xlabel="body length (tens of units from 200)", ylabel="test score")
plt.show()

# %%
# The random effects themselves
# -----------------------------
# They are predicted, not estimated like the coefficients: each is pulled towards zero, the more so
# the fewer dragons a range has. R's name for this table is ``ranef``, and the picture is called a
# caterpillar. Where the limits leave out zero, a range is probably unlike the average.
print(model.random_effects().round(2).to_string(index=False))
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
RandomEffectsDisplay.from_estimator(model, ax=axis)
plt.show()

# %%
# A range's own intercept is the fixed one plus its random effect. ``group_coefficients`` adds them
# (R's ``coef``). Compared with the raw means of the ranges, which are other numbers since lengths
# differ, the order is much the same.
own = model.group_coefficients().query("term == 'Intercept'").set_index("level")["estimate"]
raw = logit(y.groupby(X["mountainRange"]).mean() / 100)
print(own.to_frame("intercept").assign(raw_log_odds=raw).round(2))

# %%
# Is it better?
# -------------
# Compare both models on the same rows. The lowest AIC comes first. The likelihood-ratio test asks
# whether the standard deviation of the ranges is zero; zero is the end of its range, which the
# p-value takes into account.
print(compare(plain, model, names=["plain", "random intercept"])[["n_params", "aic"]].round(1))
print(likelihood_ratio_test(plain, model))

# %%
# How much of the variance belongs to the ranges? ``r2`` answers on two scales: the share of the
# fixed effects (marginal), of fixed and random effects (conditional), and of the groups in what the
# fixed effects leave (ICC, the intraclass correlation).
print(model.r2(X, y))

# %%
# What is still missing? The model says that length has the same effect in every range. ``diagnose``
# doubts it: it proposes a slope for each range.
for found in model.diagnose(X, y).notes:
    if found.kind == "missing slope":
        print(textwrap.fill(f"{found.finding}. {found.advice}", 72))

# %%
# :doc:`The next page <plot_3_random_slope>` tries slopes.
