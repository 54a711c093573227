"""
Who will come back to hospital?
===============================

A classifier with random effects gives the probability of a patient in a clinic that it knows, and
in one that it does not. Whether these probabilities are to be believed, and which structure of the
clinics gives the best ones, scikit-learn's own tools can tell.
"""

# %%
# Data
# ----
# 1,800 simulated patients of 40 clinics, some of whom were visited at home, which does more in some
# clinics than in others. Labels are texts: ``classes_`` has them sorted, the second is the event.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

from skglmm import BinomialGLMMClassifier
from skglmm.inspection import PredictionDisplay

rng = np.random.default_rng(1)
clinic = np.repeat(np.arange(40), 45)
X = pd.DataFrame({"age": rng.uniform(40, 90, 1800), "visit": rng.choice([0, 1], 1800)})
X["clinic"] = [f"clinic {k:02d}" for k in clinic]
level, effect = rng.normal(0, 0.9, 40)[clinic], rng.normal(-0.9, 1.2, 40)[clinic]
event = rng.random(1800) < expit(0.05 * (X["age"] - 70) + level + effect * X["visit"])
y = pd.Series(np.where(event, "returned", "at home"), name="patient")

# %%
# Search
# ------
# ``neg_log_loss`` scores probabilities, those of held-out patients of the same clinics here.
STRUCTURES = {"none": None, "levels": "clinic", "levels and visits": {"clinic": "visit"}}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
search = GridSearchCV(
    BinomialGLMMClassifier("age + visit"),
    {"groups": list(STRUCTURES.values())},
    cv=folds,
    scoring="neg_log_loss",
).fit(X, y)
scores = pd.DataFrame(search.cv_results_, index=list(STRUCTURES))
print(scores[["mean_test_score", "std_test_score"]].round(3))

# %%
# Read
# ----
# Exponentiated coefficients are ratios of odds, here of a typical clinic.
best = search.best_estimator_
odds = best.tidy(effects="fixed", exponentiate=True)
print(odds[["term", "estimate", "conf_low", "conf_high"]].round(2))

# %%
# A patient in two of the clinics, and in one that nobody has seen: the average over clinics.
patient = pd.DataFrame({"age": 75, "visit": 1, "clinic": ["clinic 00", "clinic 01", "a new one"]})
print(pd.DataFrame(best.predict_proba(patient).round(1), patient["clinic"], best.classes_))

# %%
# What does it look like?
# -----------------------
# At the left, of patients who were held out, how many returned of those who were said to do so with
# some probability: both models are right about that, and the one that knows clinics dares to say
# more. At the right, probabilities over age, averaged over clinics.
STYLES = {
    "none": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    "levels and visits": {"color": "#0072B2", "marker": "o"},
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, style in STYLES.items():
    model = BinomialGLMMClassifier("age + visit", groups=STRUCTURES[name])
    held_out = cross_val_predict(model, X, y, cv=folds, method="predict_proba")[:, 1]
    style |= {"n_bins": 8, "strategy": "quantile", "pos_label": "returned"}
    CalibrationDisplay.from_predictions(y, held_out, name=name, ax=axes[0], **style)
display = PredictionDisplay.from_estimator(
    best, X, feature="age", by="visit", kind="marginal", ax=axes[1]
)
for lines in (display.lines_, display.legend_.get_lines()):
    lines[1].set_linestyle("--")
axes[1].set(xlabel="age (years)", ylabel="P(patient = returned)", ylim=(0, 1))
plt.show()
