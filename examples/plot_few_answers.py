"""
Four answers of each person: how sure may one be of the next?
=============================================================

With a handful of yes-or-no rows in each group three things go wrong that look like details: the
usual approximation of the likelihood makes groups too alike, a group's most probable effect is not
its average one, and probabilities made from it are too bold. All three can be mended.
"""

# %%
# Data
# ----
# 800 simulated persons who answer four questions each, and four more that are kept for later.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.calibration import CalibrationDisplay
from sklearn.linear_model import LogisticRegression

from skglmm import BinomialGLMMClassifier

rng = np.random.default_rng(0)
person = np.repeat(np.arange(800), 8)
X = pd.DataFrame({"hard": rng.normal(size=person.size), "person": person})
eta = 0.3 - 0.8 * X["hard"] + rng.normal(0, 2.0, 800)[person]
y = pd.Series(np.where(rng.random(person.size) < expit(eta), "right", "wrong"), name="answer")
later = np.tile([False, True], person.size // 2)

# %%
# Is the likelihood right?
# ------------------------
# ``diagnose`` compares Laplace's approximation with a finer one, and says which number of points of
# adaptive quadrature suffices.
usual = BinomialGLMMClassifier("hard + (1 | person)").fit(X[~later], y[~later])
for finding in usual.diagnose(X[~later], y[~later]).findings:
    if finding.kind == "approximation":
        print(finding.finding, finding.advice, sep="\n")

# %%
# The standard deviation between persons, 2 in truth:
finer = BinomialGLMMClassifier(
    "hard + (1 | person)", n_quadrature=11, predict_kind="posterior"
).fit(X[~later], y[~later])
for name, model in (("Laplace", usual), ("11 points", finer)):
    print(f"{name:10s} {model.variance_components()['sd'].iloc[0]:.2f}")

# %%
# Are probabilities of known persons right?
# -----------------------------------------
# ``kind="conditional"`` puts each person at the most probable effect, as R's packages do;
# "posterior" averages over all effects that four answers leave possible. The slope of the later
# answers on the log odds that were predicted is 1 where probabilities are right, and less where
# they are too bold.
found = {kind: finer.predict_proba(X[later], kind)[:, 0] for kind in ("conditional", "posterior")}
for kind, right in found.items():
    line = LogisticRegression(C=np.inf).fit(logit(right)[:, None], y[later] == "right")
    print(f"{kind:12s} slope {line.coef_[0, 0]:.2f}")

# %%
# What does it look like?
# -----------------------
# Of those who were said to be right with a probability of 95 %, fewer were; averages know that.
figure, axis = plt.subplots(figsize=(5.5, 5), layout="constrained")
STYLES = {"conditional": ("#D55E00", "s"), "posterior": ("#0072B2", "o")}
for kind, (color, marker) in STYLES.items():
    CalibrationDisplay.from_predictions(
        y[later],
        found[kind],
        n_bins=12,
        strategy="quantile",
        pos_label="right",
        name=kind,
        color=color,
        marker=marker,
        ax=axis,
    )
axis.set(xlabel="predicted P(answer = right)", ylabel="share of right answers")
plt.show()
