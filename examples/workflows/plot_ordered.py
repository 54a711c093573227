"""
Ordered ratings: does the new recipe taste better?
==================================================

The five steps for labels that have an order, but no distances: judges and breads are crossed, and
judges use the scale in their own ways.
"""

# %%
# 1. Formulate
# ------------
# 40 judges tasted 16 breads, half of them made by a new recipe, and said "poor", "fair", "good" or
# "great". Do they like the new recipe better, and will they like the next bread that is made by it?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skglmm import OrdinalGLMMClassifier
from skglmm.inspection import ClassProbabilityDisplay, RandomEffectsDisplay
from skglmm.model_selection import compare, likelihood_ratio_test


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


GRADES = ["poor", "fair", "good", "great"]
rng = np.random.default_rng(3)
judge, bread = (part.ravel() for part in np.indices((40, 16)))
X = pd.DataFrame({"judge": judge, "bread": bread})
X["recipe"] = pd.Categorical(np.where(bread % 2, "new", "old"), ["old", "new"])
liking = 0.9 * (bread % 2) + rng.normal(0, 1.0, 40)[judge] + rng.normal(0, 0.6, 16)[bread]
liking = liking + rng.logistic(size=640)
y = pd.Series(np.take(GRADES, np.digitize(liking, [-1.5, 0.3, 2.6])), name="grade")
y = y.astype(pd.CategoricalDtype(GRADES, ordered=True))
print(pd.crosstab(X["recipe"], y))

# %%
# 2. Choose the distribution
# --------------------------
# Means of 1, 2, 3, 4 would claim that steps between the grades are alike. A cumulative model says
# less: behind a grade is a number on a line, and thresholds cut the line. Texts have no order, so
# an ordered ``Categorical`` tells it, or ``categories=GRADES``. Are the thresholds equally far
# apart after all?
FORMULA = "recipe + (1 | judge) + (1 | bread)"
model = OrdinalGLMMClassifier(FORMULA).fit(X, y)
even = OrdinalGLMMClassifier(FORMULA, thresholds="equidistant").fit(X, y)
print(likelihood_ratio_test(even, model))

# %%
# 3. Organize the effects
# -----------------------
# No. Each judge tasted each bread: they are *crossed*, and each has a term. The recipe varies
# between breads, so 16 breads are what its test has to live on; without their term there would seem
# to be 640, and the standard error would be 0.15 in place of 0.28.
without = OrdinalGLMMClassifier("recipe + (1 | judge)").fit(X, y)
table = compare(without, model, names=["judges alone", "judges and breads"])
print(table[["n_params", "delta_aic"]].round(1))
for name, each in {"judges alone": without, "judges and breads": model}.items():
    row = each.tidy("fixed").query("term.str.contains('recipe')")
    print(f"{name}: {row['estimate'].item():.2f}, standard error {row['std_error'].item():.2f}")

# %%
# 4. Assess
# ---------
# The finding is about those 16 breads. Does the spread of the line differ by recipe, too? It does
# not.
show(model.diagnose(X, y))
spread = OrdinalGLMMClassifier(FORMULA, scale="recipe").fit(X, y)
print(likelihood_ratio_test(model, spread))

# %%
# 5. Interpret
# ------------
# The coefficient is about the better grades: the new recipe multiplies the odds of a grade above
# any threshold by 2.13, for the same judge. (In the simulation, 2.46.) The test counts breads.
show(model.summary())
odds = model.tidy("fixed", exponentiate=True).query("component == 'location'")
print(odds[["term", "estimate", "conf_low", "conf_high"]].round(2))
print(model.wald_test("recipe[T.new] = 0", df="between-within"))

# %%
# In grades, averaged over judges and breads: what the next bread will get.
new = pd.DataFrame({"recipe": pd.Categorical(["old", "new"])})
chances = model.predict_proba(new, kind="marginal")
print(pd.DataFrame(chances.round(2), new["recipe"], model.classes_)[GRADES])

# %%
# The same as a picture, and the breads from the least to the most liked.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
ClassProbabilityDisplay.from_estimator(model, X, feature="recipe", kind="marginal", ax=axes[0])
RandomEffectsDisplay.from_estimator(model, group="bread", ax=axes[1])
plt.show()

# %%
# More: :doc:`ordered classes </guide/responses>`, :doc:`coming from ordinal
# </coming_from_ordinal>`, an example :ref:`with wines <sphx_glr_gallery_plot_ratings.py>`.
