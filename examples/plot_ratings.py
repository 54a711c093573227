"""
How bitter is this wine? Ratings of judges
==========================================

Ratings from 1 to 5 are no numbers: nobody knows that 2 is as far from 1 as 5 from 4, and judges
differ in what they call a 3. A cumulative model orders the classes along a scale of its own, with
thresholds between them, and lets the judges stand at different places of it.
"""

# %%
# Data
# ----
# 30 simulated judges rate the bitterness of eight wines each. Some were made from warm grapes, and
# some had contact with the skins.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, cross_val_score

from skglmm import OrdinalGLMMClassifier
from skglmm.model_selection import compare, ranked_probability_scorer

rng = np.random.default_rng(2)
judge = np.repeat(np.arange(30), 8)
X = pd.DataFrame({"judge": judge, "temp": np.tile(["cold", "warm"], 120)})
X["contact"] = np.tile(np.repeat(["no", "yes"], 2), 60)
bitterness = 2.4 * (X["temp"] == "warm") + 1.3 * (X["contact"] == "yes")
bitterness = bitterness + rng.normal(0, 1.2, 30)[judge] + rng.logistic(size=240)
y = pd.Series(1 + np.digitize(bitterness, [-1.2, 1.0, 3.2, 4.8]), name="rating")

# %%
# Fit
# ---
# Coefficients are about the location: a warm wine is moved towards higher ratings. The thresholds
# say where one class ends and the next begins; they take the place of an intercept.
model = OrdinalGLMMClassifier("temp + contact + (1 | judge)").fit(X, y)
print(model.summary())

# %%
# Ratios of odds: those of a rating above any threshold, for a typical judge.
odds = model.tidy(effects="fixed", exponentiate=True)
print(odds.loc[odds["component"] == "location", ["term", "estimate", "conf_low", "conf_high"]])

# %%
# Are the thresholds equally far apart, as a linear model of the numbers would have it?
even = OrdinalGLMMClassifier("temp + contact + (1 | judge)", thresholds="equidistant").fit(X, y)
print(compare(model, even, names=["flexible", "equidistant"])[["n_params", "delta_aic"]].round(1))

# %%
# Predict
# -------
# The ranked probability score of judges that were held out knows that a 2 in place of a 3 is a
# smaller error than a 5; lower is better, and scikit-learn has it negative.
for formula in ("1 + (1 | judge)", "temp + contact + (1 | judge)"):
    scores = cross_val_score(
        OrdinalGLMMClassifier(formula),
        X,
        y,
        groups=X["judge"],
        cv=GroupKFold(5),
        scoring=ranked_probability_scorer(),
    )
    print(f"{formula:30s} {scores.mean():.3f}")

# %%
# What does it look like?
# -----------------------
# At the left what judges give a wine, averaged over judges; at the right the same wine, warm and
# with contact, before the most lenient and the sternest judge.
wines = pd.DataFrame({"temp": ["cold", "cold", "warm", "warm"], "contact": ["no", "yes"] * 2})
average = model.predict_proba(wines, kind="marginal")
place = model.random_effects().sort_values("mode")["level"]
ends = pd.DataFrame({"judge": [int(place.iloc[0]), int(place.iloc[-1])]})
single = model.predict_proba(ends.assign(temp="warm", contact="yes"))
shades = plt.get_cmap("cividis")(np.linspace(0.95, 0.1, 5))
figure, axes = plt.subplots(
    1, 2, figsize=(10, 4), layout="constrained", sharey=True, width_ratios=[4, 2]
)
names = [f"{t}\n{'skins' if c == 'yes' else 'no skins'}" for t, c in wines.to_numpy()]
judges = [f"judge {j}\n{how}" for j, how in zip(ends["judge"], ("lowest", "highest"), strict=True)]
for axis, shares, labels in ((axes[0], average, names), (axes[1], single, judges)):
    below = np.zeros(len(shares))
    for k, label in enumerate(model.classes_):
        axis.bar(labels, shares[:, k], 0.7, below, color=shades[k], label=str(label))
        below += shares[:, k]
axes[0].set(ylabel="probability of the rating", title="average over judges")
axes[1].set(title="warm, skins")
handles, texts = axes[0].get_legend_handles_labels()
figure.legend(handles[::-1], texts[::-1], title="rating", loc="outside right upper", frameon=False)
plt.show()
