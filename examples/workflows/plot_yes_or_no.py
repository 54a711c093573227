"""
Yes or no: do reminders bring patients back?
============================================

The five steps for a response of two labels: a classifier, its probabilities, ratios of odds, and
what to do where each group has a few answers only.
"""

# %%
# 1. Formulate
# ------------
# 120 doctors sent reminders to some of their patients; six patients of each are known. Who kept the
# appointment? How much does a reminder do to the patients of one doctor, and to all together?
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.model_selection import GroupKFold, cross_val_score

from skglmm import BinomialGLMMClassifier
from skglmm.inspection import GroupCalibrationDisplay, PredictionDisplay, comparisons


def show(found):
    """Print a text whose lines are long."""
    print(*(textwrap.fill(line, 90) for line in str(found).splitlines()), sep="\n")


rng = np.random.default_rng(11)
doctor = np.repeat(np.arange(120), 6)
X = pd.DataFrame({"reminder": rng.choice(["no", "yes"], 720), "age": rng.uniform(20, 80, 720)})
X["doctor"] = [f"D{k:03d}" for k in doctor]
linear = 1.0 * (X["reminder"] == "yes") + 0.03 * (X["age"] - 50) + rng.normal(0, 1.5, 120)[doctor]
y = pd.Series(np.where(rng.random(720) < expit(linear), "kept", "missed"), name="appointment")
print(pd.crosstab(X["reminder"], y))

# %%
# 2. Choose the distribution
# --------------------------
# There is one distribution of two labels. What is to be known is which of them the model is about:
# the second in alphabetical order, here "missed". To speak of kept ones, fit to ``y == "kept"``.
kept = (y == "kept").rename("kept")

# %%
# 3. Organize the effects
# -----------------------
# Reminder and age are fixed. Doctors are a sample, and have a level each. An effect of the reminder
# for each doctor would be asked of about three answers with and three without it: too few to tell.
model = BinomialGLMMClassifier("reminder + age + (1 | doctor)").fit(X, kept)
show(model.diagnose(X, kept))

# %%
# Six answers say little about a doctor, and Laplace's approximation of the likelihood is rough
# then: its standard deviation of doctors is 1.38, that of an integral with 11 points 1.44. The
# advice takes no time here, so follow it.
close = BinomialGLMMClassifier("reminder + age + (1 | doctor)", n_quadrature=11).fit(X, kept)
for name, each in {"Laplace": model, "11 points": close}.items():
    print(f"{name}: standard deviation {each.variance_components()['sd'][0]:.2f}")
print(close.summary())

# %%
# 4. Assess
# ---------
# ``diagnose`` once more. Then doctors that were held out: their log loss with and without the
# covariates (higher is better, as scikit-learn has it negative).
show(close.diagnose(X, kept))
for formula in ("1 + (1 | doctor)", "reminder + age + (1 | doctor)"):
    scores = cross_val_score(
        BinomialGLMMClassifier(formula, n_quadrature=11),
        X,
        kept,
        groups=X["doctor"],
        cv=GroupKFold(5),
        scoring="neg_log_loss",
    )
    print(f"{scores.mean():.3f}  {formula}")

# %%
# Are probabilities right? Rows are sorted by what the model says of a doctor that nobody knows, and
# each group is compared with the share of kept appointments. Points should lie within their bars.
figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
GroupCalibrationDisplay.from_estimator(close, X, kept, kind="marginal", n_bins=8, ax=axis)
plt.show()

# %%
# 5. Interpret
# ------------
# Ratios of odds are about patients of one doctor: with a reminder the odds of keeping the
# appointment are 3.11 times those without. (In the simulation, 2.72.)
odds = close.tidy("fixed", exponentiate=True)
print(odds[["term", "estimate", "conf_low", "conf_high"]].round(2))

# %%
# Most people think in percent. Averaged over these patients and over doctors, a reminder raises
# the probability of an appointment that is kept by 0.19, which is 19 in 100:
print(comparisons(close, X, of="reminder"))

# %%
# Probabilities by age, averaged over doctors.
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
PredictionDisplay.from_estimator(close, X, feature="age", by="reminder", kind="marginal", ax=axis)
axis.set(ylim=(0, 1))
plt.show()

# %%
# More: :doc:`which likelihood </guide/likelihood>`, :doc:`calibration </guide/calibration>`,
# :doc:`marginal means and comparisons </guide/marginal_means>`.
