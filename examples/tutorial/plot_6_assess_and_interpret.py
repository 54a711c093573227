"""
6. Does it fit, and what does it say?
=====================================

The last two steps: look at the residuals of the chosen model, and turn its numbers into an answer
to the question with which we began.
"""

# %%
# Assess
# ------
# The panel shows, from the upper left: quantiles of the residuals, which should lie within the
# band; residuals against fitted means, with a smooth that should be flat; the random effects, which
# should look like a sample from a normal distribution; and observed and simulated scores, which
# should have the same histogram.
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import DiagnosticsDisplay, check_residuals

X, y = make_dragons(random_state=3, return_X_y=True)
X["length"] = (X["bodyLength"] - 200) / 10
model = BetaGLMMRegressor(
    "length + (length | mountainRange) + (1 | mountainRange:site)",
    bounds=(0, 100),
    boundary=1e-4,
).fit(X, y)
DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
plt.show()

# %%
# The same as tests. Each has an effect size, which says how much, and a p-value, which says how
# surely. With many rows small deviations become significant: look at the effect first.
tests = check_residuals(model, X, y, random_state=0).to_frame()
print(tests[["name", "subject", "effect", "p_value"]].round(3))

# %%
# The shape of the distribution, its spread, the link and the slopes are as they should be. What is
# left are the ten scores of exactly 0 and 100: they are the dots at both ends of the first panel,
# the outliers, and the inflation of both bounds. ``diagnose`` puts it in words, together with what
# can go wrong apart from residuals: convergence, few levels, influential groups.
for line in str(model.diagnose(X, y)).splitlines():
    print(textwrap.fill(line, 72, subsequent_indent="  "))

# %%
# Interpret: the parameters
# -------------------------
# ``confint`` gives intervals on the natural scale of each parameter.
print(model.confint().round(2))

# %%
# An effect on log odds is easier to say as a ratio of odds: ten more units of length multiply the
# odds by 1.00, and the data are compatible with everything from 0.83 to 1.19.
ratios = model.tidy(effects="fixed", exponentiate=True).set_index("term")
print(ratios.loc[["length"], ["estimate", "conf_low", "conf_high"]].round(2))

# %%
# Interpret: predictions
# ----------------------
# Better still in points of the score. There are two averages. That of a *typical range and site*,
# whose random effects are 0 (``"fixed"``), and that *over all ranges and sites* (``"marginal"``);
# behind the curved link they differ, the second one lying nearer to the middle. Both are for
# dragons of any range, so the rows need no columns of groups.
grid = pd.DataFrame({"length": [-2.0, 0.0, 2.0]})
for kind in ("fixed", "marginal"):
    table = model.predict_frame(grid, kind=kind).set_index(200 + 10 * grid["length"])
    print(f"{kind}:\n{table.round(0).astype(int)}\n")

# %%
# ``mean_ci`` are limits of the mean, ``obs_ci`` those of one new dragon of a typical range, or of
# any range. Dragons of one range are predicted with its own effects:
dragon = pd.DataFrame({"length": [0.0], "mountainRange": ["Julian"], "site": ["b"]})
print(model.predict_frame(dragon).round(0).astype(int).to_string(index=False))

# %%
# A picture for the report: the average over ranges and sites with its limits, among the dragons.
lengths = pd.DataFrame({"length": np.linspace(X["length"].min(), X["length"].max(), 50)})
curve = model.predict_frame(lengths, kind="marginal")
body = 200 + 10 * lengths["length"]
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.scatter(X["bodyLength"], y, s=8, alpha=0.4, color="gray")
axis.plot(body, curve["mean"], color="#0072B2", label="average over ranges and sites")
axis.fill_between(
    body,
    curve["mean_ci_lower"],
    curve["mean_ci_upper"],
    color="#0072B2",
    alpha=0.2,
    label="95 % limits of the average",
)
axis.fill_between(
    body,
    curve["obs_ci_lower"],
    curve["obs_ci_upper"],
    color="#0072B2",
    alpha=0.07,
    label="95 % of dragons",
)
axis.set(xlabel="body length", ylabel="test score", ylim=(0, 100))
axis.legend(loc="lower right", fontsize="small")
plt.show()

# %%
# The dots rise and the curve does not
# ------------------------------------
# The rise is one *between* ranges: ranges of longer dragons have better scores. So far it hides in
# the random intercepts. The mean length of a range, as a fixed effect, separates the two:
# ``length`` is then the effect within a range, and ``rangeLength`` how much more a range scores
# whose dragons are longer. It explains most of the variance between ranges.
X["rangeLength"] = X.groupby("mountainRange")["length"].transform("mean")
both = BetaGLMMRegressor(
    "length + rangeLength + (length | mountainRange) + (1 | mountainRange:site)",
    bounds=(0, 100),
    boundary=1e-4,
).fit(X, y)
columns = ["term", "estimate", "std_error", "p_value"]
print(
    both.tidy(effects="fixed").query("component == 'mean'")[columns].round(3).to_string(index=False)
)
for name, fit in {"without": model, "with": both}.items():
    deviation = fit.variance_components()["sd"].iloc[0]
    print(f"{name} rangeLength: sd of the ranges {deviation:.2f}, AIC {fit.aic_:.1f}")

# %%
# Whether this belongs into the report depends on the question. It does not make longer dragons
# better in their range, and with eight ranges anything else that differs between them may be behind
# it. But random intercepts are supposed to have nothing to do with the covariates. Where they do,
# as here, the mean of the group is the usual remedy, and predictions for new ranges gain most from
# it.

# %%
# The answer
# ----------
# *Do longer dragons score better?* A report could say:
#
#   Scores were modeled by a beta mixed regression with a logit link (maximum likelihood, Laplace
#   approximation), with random intercepts and slopes of length for 8 mountain ranges, and random
#   intercepts for 24 sites within them. On average over ranges we found no effect of length (odds
#   ratio for ten units 1.00, 95 % interval 0.83 to 1.19). Slopes differed between ranges (standard
#   deviation 0.21 on the scale of log odds, 0.11 to 0.43). Ranges differed much more in their level
#   (1.07) than sites within ranges (0.36).
#
# The dragons are simulated, so we can look up the truth in the documentation of
# :func:`~skglmm.datasets.make_dragons`: no effect of length on average within a range, slopes with
# a standard deviation of 0.25 for ten units, sites with one of 0.3, and a precision of 8. All of it
# lies within the intervals above; the precision, 7.0, only just. :doc:`The last page
# <plot_7_zeros_and_ones>` shows what it depends on: the ten scores on the bounds.
