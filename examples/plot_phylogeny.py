"""
How much of a trait is inherited from ancestors?
================================================

Species are no independent draws: those that parted late are alike. A phylogenetic mixed model has
effects that are as alike as their species are related, beside others of each species alone. It
tells which share of the differences is old, and what to expect of a species that nobody measured.
"""

# %%
# Data
# ----
# A tree of 40 simulated species: going back in time, two of the lineages meet again and again. It
# is a table of branches, with the length of each and the species that descend from it.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import dendrogram, linkage

from skglmm import LMMRegressor
from skglmm.model_selection import compare

rng = np.random.default_rng(3)
species, age, branches = [f"sp{k:02d}" for k in range(40)], 0.0, []
lineages = [(descendants, age) for descendants in np.eye(40)]
while len(lineages) > 1:
    age += rng.exponential(1 / len(lineages))
    pair = [lineages.pop(rng.integers(len(lineages))) for _ in range(2)]
    branches += [(*descendants, age - born) for descendants, born in pair]
    lineages.append((pair[0][0] + pair[1][0], age))
tree = pd.DataFrame(branches, columns=[*species, "length"])

# %%
# Two species are related by the branches that they share, in ages of the tree. These are also the
# covariances of a trait that drifts along the branches, independently on each.
below, length = tree[species].to_numpy(), tree["length"].to_numpy() / age
A = pd.DataFrame(below.T @ np.diag(length) @ below, species, species)
print(A.iloc[:4, :4].round(2))
truth = 3 + rng.normal(0, 0.8 * np.sqrt(length)) @ below + rng.normal(0, 0.4, 40)

# %%
# Logarithms of the body mass, in g, of two to six specimens of each species, but for six species
# that nobody has measured.
rows = np.repeat(np.arange(6, 40), rng.integers(2, 7, 34))
X = pd.DataFrame({"species": np.array(species)[rows], "male": rng.integers(0, 2, len(rows))})
y = pd.Series(truth[rows] + 0.3 * X["male"] + rng.normal(0, 0.3, len(X)), name="log mass")

# %%
# Fit
# ---
# Are species independent, do they follow the tree, or is there something of both?
TERMS = {"unrelated": "(1 | species)", "related": "known(1 | species, A)"}
TERMS["both"] = " + ".join(TERMS.values())
models = {}
for name, terms in TERMS.items():
    models[name] = LMMRegressor(f"male + {terms}", relationships={"A": A}).fit(X, y)
compared = compare(*models.values(), names=list(models))
print(compared[["n_params", "log_likelihood", "aic", "delta_aic"]].round(1))
print(models["both"].summary())

# %%
# The phylogenetic signal is the share of the tree in the variance between species, in truth 0.8. A
# bootstrap refits the model to responses drawn from it, which gives limits of any such function.
found = models["both"].bootstrap(X, y, n_replicates=200, random_state=0)
variances = pd.DataFrame([found.estimate, *found.replicates], columns=found.names) ** 2
old, own = variances["sd(Intercept[A] | species)"], variances["sd(Intercept | species)"]
signal = old / (old + own)
low, high = signal[1:].quantile([0.025, 0.975])
print(f"phylogenetic signal {signal[0]:.2f}, 95 % limits {low:.2f} to {high:.2f}")

# %%
# What is the mean of the females of species without specimens? One model has just the average of
# all species for them, the other one has their relatives.
females = pd.DataFrame({"species": species, "male": 0})
predicted = {name: models[name].predict_frame(females) for name in ("unrelated", "both")}
for name, frame in predicted.items():
    error = (frame["mean"] - truth)[:6].abs().mean()
    width = (frame["mean_ci_upper"] - frame["mean_ci_lower"])[:6].mean()
    print(f"{name}: absolute error {error:.2f}, width of limits {width:.2f}")

# %%
# What does it look like?
# -----------------------
# At the left the tree, at the right the predicted means of its species, with limits of 95 %, and
# the true ones. Neighbors are alike, and nobody has to be measured to be known a little.
figure, axes = plt.subplots(1, 2, figsize=(9, 7), sharey=True, layout="constrained")
joined = linkage(1 - A.to_numpy()[np.triu_indices(40, 1)], "average")
leaves = dendrogram(joined, orientation="left", link_color_func=lambda _: "k", ax=axes[0])["leaves"]
height = pd.Series(10.0 * np.arange(40) + 5, leaves).sort_index()  # where dendrogram has them
for rows, face, label in ((slice(6, 40), "k", "measured"), (slice(0, 6), "w", "not measured")):
    part = predicted["both"][rows]
    reach = part["mean_ci_upper"] - part["mean"]
    style = {"fmt": "ko", "markerfacecolor": face, "markersize": 4, "label": label}
    axes[1].errorbar(part["mean"], height[rows], xerr=reach, linewidth=1, **style)
axes[1].plot(truth, height, "x", color="#D55E00", label="true")
axes[0].set(xlabel="time before present, in ages of the tree")
axes[0].set_yticks(height, species, fontsize="small")
axes[1].set_xlabel("mean of females, log of body mass in g")
figure.legend(loc="outside lower right", ncols=3, frameon=False)
plt.show()
