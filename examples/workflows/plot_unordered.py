"""
Classes without an order: where do bees go when it is warm?
===========================================================

The five steps for one of several labels that have no order: a predictor for each class but one,
random effects that are correlated between classes, and probabilities that add up to one.
"""

# %%
# 1. Formulate
# ------------
# Of each of 45 hives 16 bees were followed, on days of 12 to 30 degrees. They went to clover, lime
# or sage. Do they choose others when it is warm, and do hives have tastes of their own?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, cross_val_score

from skglmm import MultinomialGLMMClassifier
from skglmm.inspection import ClassProbabilityDisplay, GroupCalibrationDisplay
from skglmm.model_selection import compare, likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


PLANTS = ["clover", "lime", "sage"]
rng = np.random.default_rng(2)
hive = np.repeat(np.arange(45), 16)
X = pd.DataFrame({"warm": rng.uniform(12, 30, 720).round(1), "hive": [f"H{k:02d}" for k in hive]})
taste = rng.multivariate_normal([0.3, 0.0], [[1.0, 0.7], [0.7, 1.0]], size=45)[hive]
worth = np.outer(X["warm"] - 20, [0.0, 0.02, 0.12])
worth[:, 1:] += taste
y = pd.Series(np.take(PLANTS, (worth + rng.gumbel(size=(720, 3))).argmax(axis=1)), name="plant")
print(pd.crosstab(pd.cut(X["warm"], [11, 18, 24, 30]), y))

# %%
# 2. Choose the distribution
# --------------------------
# There is one distribution of several labels. What is to be known is the class that others are
# compared with: the first in alphabetical order, here "clover"; ``reference="sage"`` takes another.
# Labels that have an order, such as "cold", "mild" and "hot", have :doc:`a page of their own
# <plot_ordered>`.
#
# 3. Organize the effects
# -----------------------
# Warmth is fixed, hives are random. Each class but the first has a coefficient of warmth, and each
# hive an effect on each of these classes. With a key, ``(1 |p| hive)``, these effects are
# correlated: a hive that dislikes clover prefers both others to it, whatever they are.
model = MultinomialGLMMClassifier("warm + (1 |p| hive)").fit(X, y)
apart = MultinomialGLMMClassifier("warm + (1 | hive)").fit(X, y)
table = compare(model, apart, names=["correlated", "independent"])
print(table[["n_params", "delta_aic"]].round(1))
alike = MultinomialGLMMClassifier("warm").fit(X, y)
print(likelihood_ratio_test(alike, apart))

# %%
# 4. Assess
# ---------
# Nothing is found. (With a few bees of each hive it would be that Laplace's approximation is rough:
# ``n_quadrature=5`` is the cure, for up to three effects of a hive.)
show(model.diagnose(X, y))

# %%
# Hives that were held out: the log loss with and without warmth (higher is better, as scikit-learn
# has it negative).
for formula in ("1 + (1 |p| hive)", "warm + (1 |p| hive)"):
    scores = cross_val_score(
        MultinomialGLMMClassifier(formula),
        X,
        y,
        groups=X["hive"],
        cv=GroupKFold(5),
        scoring="neg_log_loss",
    )
    print(f"{scores.mean():.3f}  {formula}")

# %%
# Are probabilities right? For each class rows are sorted by what the model says of a hive that
# nobody knows, and compared with the share of bees that went there. Of 18 dots one is outside of
# its bar, as one in twenty may be.
GroupCalibrationDisplay.from_estimator(model, X, y, kind="marginal", n_bins=6)
plt.show()

# %%
# 5. Interpret
# ------------
# Coefficients compare with clover. Each degree multiplies the odds of sage against clover by 1.12,
# for bees of the same hive, and hardly changes those of lime. (In the simulation, 1.13 and 1.02.)
show(model.summary())
odds = model.tidy("fixed", exponentiate=True).query("term == 'warm'")
print(odds[["component", "term", "estimate", "conf_low", "conf_high"]].round(2))

# %%
# Is it the warmth at all? One test for all classes.
print(model.wald_test(["lime(warm) = 0", "sage(warm) = 0"]))

# %%
# In probabilities, which need no reference: of a bee from a hive that nobody knows, on a cool day
# and on a warm one.
new = pd.DataFrame({"warm": [15.0, 28.0]})
chances = model.predict_proba(new, kind="marginal")
print(pd.DataFrame(chances.round(2), new["warm"], model.classes_))

# %%
# Shares add up to one: more bees on sage are fewer on both others, also on lime, whose odds against
# clover do not change.
ClassProbabilityDisplay.from_estimator(model, X, y, feature="warm", kind="marginal")
plt.show()

# %%
# More: :doc:`classes without an order </guide/responses>`, :doc:`calibration </guide/calibration>`,
# :doc:`which likelihood </guide/likelihood>`.
