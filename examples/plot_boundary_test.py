"""
Why is the usual test of a variance too timid?
==============================================

A variance cannot be negative, so if it is zero its estimate is zero in about half of all studies.
The likelihood ratio then does not follow a chi-square distribution but a mixture of two, and
p-values that ignore this are about twice too large.
"""

# %%
# Data
# ----
# Many studies, 100 classes of 4 pupils, in which the classes do not differ at all. A test at
# the level of 5 % should find a difference in 5 % of them.
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import chi2

from skglmm import BetaGLMMRegressor, SingularFitWarning
from skglmm.model_selection import likelihood_ratio_test

warnings.simplefilter("ignore", SingularFitWarning)  # half of these fits are, and should be
rng = np.random.default_rng(1)
X = pd.DataFrame({"classroom": np.repeat(np.arange(100), 4)})
plain = BetaGLMMRegressor("1", inference=False)
mixed = BetaGLMMRegressor("1 + (1 | classroom)", inference=False)

# %%
# Test
# ----
# ``likelihood_ratio_test`` knows the boundary. The usual p-value is that of a chi-square
# distribution with one degree of freedom.
tests = []
for _ in range(200):
    y = rng.beta(4, 3, len(X))
    tests.append(likelihood_ratio_test(plain.fit(X, y), mixed.fit(X, y)))
print(tests[0])
p_mixture = np.array([test.p_value for test in tests])
p_usual = chi2.sf([test.statistic for test in tests], df=1)
for name, values in {"usual": p_usual, "mixture": p_mixture}.items():
    share = [f"{np.mean(values < level):.1%} at {level:.0%}" for level in (0.05, 0.2)]
    print(f"{name}: rejects {' and '.join(share)}")

# %%
# What does it look like?
# -----------------------
# The share of studies that a test rejects should be its level: the diagonal. The band around it
# holds 95 % of what 200 studies would give by chance. The mixture is asymptotic: with few groups
# even it is a little timid, and ``method="bootstrap"`` simulates the null distribution instead.
figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
levels = np.linspace(0, 0.3, 200)
chance = 1.96 * np.sqrt(levels * (1 - levels) / len(tests))
band = {"color": "#C8C8C8", "alpha": 0.5, "linewidth": 0, "label": "as it should be"}
axis.fill_between(levels, levels - chance, levels + chance, **band)
STYLES = [
    ("mixture of chi-squares", p_mixture, "#0072B2", "-"),
    ("chi-square, 1 df", p_usual, "#D55E00", "--"),
]
for name, values, color, dashes in STYLES:
    rejected = [np.mean(values <= level) for level in levels]
    axis.plot(levels, rejected, color=color, linestyle=dashes, linewidth=2, label=name)
axis.set(xlabel="level of the test", ylabel="share of studies that are rejected")
axis.set(xlim=(0, 0.3), ylim=(0, 0.36))
axis.legend(loc="upper left")
plt.show()
