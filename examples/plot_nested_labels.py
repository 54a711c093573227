"""
When is site "a" not site "a"?
==============================

Labels of sites are often used again in every range: site a of one range has nothing to do with
site a of another. A formula that takes the labels at their word mixes 24 sites into three; ``/``
nests them.
"""

# %%
# Data
# ----
# 480 simulated dragons from sites a, b and c in each of 8 mountain ranges, with scores from 0 to
# 100.
import textwrap
import warnings

import matplotlib.pyplot as plt

from skglmm import BetaGLMMRegressor, ImplicitNestingWarning, SingularFitWarning
from skglmm.datasets import make_dragons
from skglmm.inspection import RandomEffectsDisplay
from skglmm.model_selection import compare

X, y = make_dragons(random_state=3, return_X_y=True)
print(X.groupby("mountainRange")["site"].unique().head(3))

# %%
# Fit
# ---
# Crossed effects, as if site a were one place, and nested effects. A warning says what the labels
# look like.
crossed = BetaGLMMRegressor("1 + (1 | mountainRange) + (1 | site)", bounds=(0, 100), boundary=1e-4)
nested = BetaGLMMRegressor("1 + (1 | mountainRange/site)", bounds=(0, 100), boundary=1e-4)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    crossed.fit(X, y)
for warning in told:
    if warning.category in (ImplicitNestingWarning, SingularFitWarning):
        print(textwrap.fill(f"{warning.category.__name__}: {warning.message}", 80), end="\n\n")
nested.fit(X, y)
print(nested.formula_)

# %%
# The data know it, too: three averages over unrelated places explain little.
table = compare(crossed, nested, names=["crossed", "nested"])
print(table[["n_params", "log_likelihood", "aic", "delta_aic"]].round(2))

# %%
# What does it look like?
# -----------------------
# The effects of the sites in either model.
figure, axes = plt.subplots(1, 2, figsize=(9, 5), sharex=True, layout="constrained")
RandomEffectsDisplay.from_estimator(crossed, group="site", ax=axes[0])
RandomEffectsDisplay.from_estimator(nested, group="mountainRange:site", ax=axes[1])
axes[0].set_title("(1 | mountainRange) + (1 | site)")
axes[1].set_title("(1 | mountainRange/site)")
plt.show()
