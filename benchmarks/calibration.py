"""Print calibration slopes of probabilities of known groups, by the kind of prediction.

python benchmarks/calibration.py          8 data sets of 10,000 groups of each size: two minutes
python benchmarks/calibration.py 100      100 data sets of each size

Groups have some yes-or-no rows to be fitted, and as many to be predicted. The slope is that of a
logistic regression of what happened on the logit of the predicted probability: below 1 the
predictions are too sure. Standard errors are those between data sets, of which each has estimates
of its own.
"""

import argparse
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from skglmm import BinomialGLMMClassifier

SIZES = [(1.5, 2), (1.5, 4), (1.5, 10), (2.5, 2), (2.5, 4), (2.5, 10)]
KINDS = ("conditional", "posterior")
POINTS = (1, 11)
N_GROUPS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_sets", nargs="?", type=int, default=8, help="data sets of each size")
    n_sets = parser.parse_args().n_sets
    print("| sd | rows | points | estimated sd | " + " | ".join(KINDS) + " |")
    print("| --: | --: | --: | --: | --: | --: |")
    for (sd, n_rows), points in product(SIZES, POINTS):
        found = np.array([slopes(sd, n_rows, points, seed) for seed in range(n_sets)])
        error = found.std(axis=0, ddof=1) / np.sqrt(n_sets)
        cells = (f"{m:.3f} ({e:.3f})" for m, e in zip(found.mean(axis=0), error, strict=True))
        print(f"| {sd} | {n_rows} | {points} | " + " | ".join(cells) + " |", flush=True)


def slopes(sd: float, n_rows: int, points: int, seed: int) -> list[float]:
    """Return the estimated standard deviation, and the calibration slope of each kind."""
    table, y, old = simulated(N_GROUPS, n_rows, sd, np.random.default_rng(seed))
    model = BinomialGLMMClassifier(
        "x + (1 | g)", n_quadrature=points, predict_kind="posterior", inference=False
    )
    model.fit(table[old], y[old])
    new = table[~old]
    found = (calibration(y[~old], model.predict_proba(new, kind)[:, 1]) for kind in KINDS)
    return [abs(model.fit_.lambdas[0][0, 0]), *found]


def simulated(n_groups: int, n_rows: int, sd: float, rng: np.random.Generator):
    """Simulate rows of groups; the last array tells which are to be fitted."""
    codes = np.repeat(np.arange(n_groups), 2 * n_rows)
    x = rng.normal(size=len(codes))
    eta = 0.5 * x - 0.3 + sd * rng.normal(size=n_groups)[codes]
    table = pd.DataFrame({"g": codes, "x": x})
    return table, rng.random(len(x)) < expit(eta), np.arange(len(x)) % (2 * n_rows) < n_rows


def calibration(y, p) -> float:
    """Return the slope of a logistic regression on the logit of probabilities."""
    z, beta = np.column_stack([np.ones(len(p)), logit(p)]), np.zeros(2)
    for _ in range(20):
        mean = expit(z @ beta)
        information = z.T @ ((mean * (1 - mean))[:, None] * z)
        beta = beta + np.linalg.solve(information, z.T @ (y - mean))
    return float(beta[1])


if __name__ == "__main__":
    main()
