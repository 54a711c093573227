"""Print calibration slopes of probabilities of known groups, by the kind of prediction.

python benchmarks/calibration.py          20,000 groups of each size: about a minute
python benchmarks/calibration.py 2000     2,000 groups of each size

Groups have some yes-or-no rows to be fitted, and as many to be predicted. The slope is that of a
logistic regression of what happened on the logit of the predicted probability: below 1 the
predictions are too sure.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from skglmm import BinomialGLMMClassifier

SIZES = [(1.5, 2), (1.5, 4), (1.5, 10), (2.5, 2), (2.5, 4), (2.5, 10)]
KINDS = ("conditional", "posterior")
POINTS = (1, 11)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_groups", nargs="?", type=int, default=20_000, help="groups")
    n_groups = parser.parse_args().n_groups
    print("| sd | rows | points | estimated sd | " + " | ".join(KINDS) + " | standard error |")
    print("| --: | --: | --: | --: | --: | --: | --: |")
    for sd, n_rows in SIZES:
        table, y, old = simulated(n_groups, n_rows, sd, np.random.default_rng(0))
        for points in POINTS:
            model = BinomialGLMMClassifier(
                "x + (1 | g)", n_quadrature=points, predict_kind="posterior", inference=False
            )
            model.fit(table[old], y[old])
            found = [
                calibration(y[~old], model.predict_proba(table[~old], kind)[:, 1]) for kind in KINDS
            ]
            estimate = abs(model.fit_.lambdas[0][0, 0])
            slopes = " | ".join(f"{slope:.3f}" for slope, _ in found)
            print(f"| {sd} | {n_rows} | {points} | {estimate:.2f} | {slopes} | {found[1][1]:.3f} |")


def simulated(n_groups: int, n_rows: int, sd: float, rng: np.random.Generator):
    """Simulate rows of groups; the last array tells which are to be fitted."""
    codes = np.repeat(np.arange(n_groups), 2 * n_rows)
    x = rng.normal(size=len(codes))
    eta = 0.5 * x - 0.3 + sd * rng.normal(size=n_groups)[codes]
    table = pd.DataFrame({"g": codes, "x": x})
    return table, rng.random(len(x)) < expit(eta), np.arange(len(x)) % (2 * n_rows) < n_rows


def calibration(y, p) -> tuple[float, float]:
    """Return the calibration slope and its standard error."""
    z, beta = np.column_stack([np.ones(len(p)), logit(p)]), np.zeros(2)
    for _ in range(20):
        mean = expit(z @ beta)
        information = z.T @ ((mean * (1 - mean))[:, None] * z)
        beta = beta + np.linalg.solve(information, z.T @ (y - mean))
    return beta[1], np.sqrt(np.linalg.inv(information)[1, 1])


if __name__ == "__main__":
    main()
