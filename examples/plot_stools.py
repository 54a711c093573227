"""
Which stool is easiest to rise from?
====================================

Nine people rose from four types of stools, and said how hard that was. Pinheiro and Bates begin
their textbook on mixed models with such experiments, and print the tests: the numbers here are the
same.
"""

# %%
# Data
# ----
# Efforts on Borg's scale, from 6 to 20: a row for each person, a column for each stool. The
# experiment is of Wretenberg, Arborelius & Lindberg (Ergonomics, 1993), the numbers as Pinheiro &
# Bates have them (Mixed-Effects Models in S and S-PLUS, Springer, 2000, section 1.2).
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import t

from skglmm import LMMRegressor
from skglmm.inspection import ResidualDisplay
from skglmm.model_selection import likelihood_ratio_test

EFFORTS = """
    12 15 12 10    10 14 13 12    7 14 13 9    7 11 10 9    8 11 8 7
    9 11 11 10    8 12 12 11    7 11 8 7    9 13 10 8
"""
STOOLS = ["T1", "T2", "T3", "T4"]
X = pd.DataFrame({"stool": STOOLS * 9, "person": np.repeat([f"P{k}" for k in range(1, 10)], 4)})
y = pd.Series(np.array(EFFORTS.split(), dtype=float), name="effort")

# %%
# Fit
# ---
# People differ in their level. The standard deviations of the book are 1.3325 between people, and
# 1.1003 of the rest; its coefficients, standard errors and t are those below. In this balanced
# design differences between stools have 24 degrees of freedom, 36 rows less 9 people and 3 stools.
model = LMMRegressor("stool + (1 | person)").fit(X, y)
print(model.summary())

# %%
# Test
# ----
# The book's table has F = 22.3556 on 3 and 24 degrees of freedom, p < .0001. Kenward and Roger's
# test is the same one where a design is balanced. Whether people differ is a question about a
# variance, whose test has to know that it cannot be negative.
print(model.anova())
print(model.anova(df="kenward-roger"))
print(likelihood_ratio_test(LMMRegressor("stool").fit(X, y), model))

# %%
# Which stools differ? Every pair, with p-values that are multiplied by the number of pairs, by
# Bonferroni's rule.
pairs = {}
for first, second in combinations(STOOLS, 2):
    difference = " - ".join(f"stool[T.{s}]" for s in (second, first) if s != "T1")  # the reference
    test = model.wald_test(difference, df="kenward-roger")
    pairs[f"{second} - {first}"] = test.to_frame().iloc[0]
table = pd.DataFrame(pairs).T
table["p_adjusted"] = np.minimum(len(table) * table["p_value"], 1.0)
print(table.round(4))

# %%
# How large are the standard deviations? Nine people do not say it well, and profiles know that; the
# one of the residuals, with 24 degrees of freedom, is better known.
spreads = ["sd(Intercept | person)", "scale"]
print(model.confint(X, y, method="profile", parameters=spreads).round(2))

# %%
# What does it look like?
# -----------------------
# At the left, a line for each person, and the mean of each stool, with limits that are long, as
# people are few and differ. In the middle the six differences, which are within people, each with
# its limits at 95 %. At the right, quantiles of what the model leaves over: they follow the line.
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained", width_ratios=(4, 4, 3))
for _, rows in X.assign(effort=y).groupby("person"):
    axes[0].plot(rows["stool"], rows["effort"], color="#999999", linewidth=0.8, alpha=0.7)
means = model.predict_frame(X.head(4), kind="fixed")
half = means["mean_ci_upper"] - means["mean"]
axes[0].errorbar(STOOLS, means["mean"], half, fmt="o", color="#D55E00", capsize=3, zorder=3)
axes[0].set(xlabel="stool", ylabel="effort (Borg's scale)")

half = t.ppf(0.975, table["df"]) * table["std_error"]
style = {"fmt": "o", "color": "#0072B2", "capsize": 3}
axes[1].errorbar(table["estimate"], table.index, xerr=half, **style)
axes[1].axvline(0, color="#999999", linewidth=1)
axes[1].invert_yaxis()  # in the order of the table
axes[1].set(xlabel="difference of effort")
ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=0, ax=axes[2])
plt.show()
