"""
More classes, or more pupils in each?
=====================================

A trial gives a new lesson to half of the classes of a school district. What can it show? Pupils of
one class are alike, so that a hundred more of them in the same classes tell less than a few classes
more.
"""

# %%
# Design
# ------
# A frame as it will be when the trial is over, but for the responses: ten classes of five pupils,
# every other class with the new lesson.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution
from scipy.stats import ncf

from skglmm import LMMRegressor
from skglmm.planning import power_curve, simulate_study

design = pd.DataFrame({"classroom": np.repeat(np.arange(10), 5)})
design["lesson"] = np.where(design["classroom"] % 2, "new", "old")

# %%
# Assumptions
# -----------
# All parameters of the model, by the names that ``confint()`` prints: scores with a standard
# deviation of 10 within classes and of 5 between them, and a gain of 6 that would be worth it.
assumed = {
    "Intercept": 56,
    "lesson[T.old]": -6,
    "scale": 10,
    "sd(Intercept | classroom)": 5,
}
study = simulate_study(LMMRegressor("lesson + (1 | classroom)"), design, assumed)
print(study)

# %%
# Power
# -----
# Each study draws responses, fits the model and tests the lesson. The design is extended by copies
# of classes, in turn, so that the arms stay balanced.
curve = power_curve(
    study,
    "lesson = 0",
    levels={"classroom": [10, 20, 30, 40]},
    rows={"classroom": [5, 20]},
    n_simulations=100,
    random_state=0,
)
print(curve)

# %%
# What does it look like?
# -----------------------
# For this one design there is a formula, the thin lines: a t test of the means of the classes.
# Simulation needs none, and does the same for counts, classes, slopes that vary and groups that
# are crossed. The bars are what 100 studies leave open.
figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
display = curve.plot(axis)
n = np.arange(6, 42, 2)
for line, n_pupils in zip(display.lines_, [5, 20], strict=True):
    variance = 4 * (5**2 + 10**2 / n_pupils) / n
    critical = f_distribution.isf(0.05, 1, n - 2)
    formula = ncf.sf(critical, 1, n - 2, 6**2 / variance)
    axis.plot(n, formula, color=line.get_color(), linewidth=0.8, zorder=1.5)
axis.set(xlabel="classes")
plt.show()
