"""Print how often tests at 5 % reject a coefficient that is zero, by their degrees of freedom.

    python benchmarks/rejections.py          1,000 and 600 studies of each size: five minutes
    python benchmarks/rejections.py 100      100 studies of each

A study has 6, 12 or 30 groups of 2 to 14 rows each. z varies between groups only, x within them,
and neither has an effect. Normal responses have random slopes of x, counts random intercepts.
"""

import argparse
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from skglmm import LMMRegressor, PoissonGLMMRegressor

GROUPS = (6, 12, 30)
NORMAL = ("normal", "between-within", "satterthwaite", "kenward-roger")
COUNTS = ("normal", "between-within")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_studies", nargs="?", type=int, help="of each size")
    n = parser.parse_args().n_studies
    warnings.simplefilter("ignore")  # of singular fits, which are counted and kept
    print(f"| | {' | '.join(f'{k} groups: z | x' for k in GROUPS)} |")
    print(f"|{'---|' * (1 + 2 * len(GROUPS))}")
    for title, methods, studies in (
        ("normal responses", NORMAL, n or 1_000),
        ("counts", COUNTS, n or 600),
    ):
        rates = [rejected(title, methods, n_groups, studies) for n_groups in GROUPS]
        for k, method in enumerate(methods):
            cells = " | ".join(f"{100 * rate[k, 0]:.1f} | {100 * rate[k, 1]:.1f}" for rate in rates)
            print(f"| {title}, {method} | {cells} |", flush=True)


def rejected(title: str, methods: tuple[str, ...], n_groups: int, n_studies: int) -> np.ndarray:
    """Return the shares of studies in which z, and x, are significant, shape (n_methods, 2)."""
    found = [list(tests(title, methods, n_groups, seed)) for seed in range(n_studies)]
    return np.mean(np.array(found) < 0.05, axis=0)


def tests(
    title: str, methods: tuple[str, ...], n_groups: int, seed: int
) -> Iterator[tuple[float, float]]:
    """Yield the p-values of z and x of one study, by each method."""
    rng = np.random.default_rng([n_groups, seed])
    group = np.repeat(np.arange(n_groups), rng.integers(2, 15, n_groups))
    X = pd.DataFrame({"x": rng.normal(size=len(group)), "g": group})
    X["z"] = rng.normal(size=n_groups)[group]
    effects = rng.normal(0, [1.0, 0.5], (n_groups, 2))[group]
    if title == "counts":
        y = rng.poisson(np.exp(1.0 + 0.5 * effects[:, 0]))
        model = PoissonGLMMRegressor("z + x + (1 | g)").fit(X, y)
    else:
        y = effects[:, 0] + effects[:, 1] * X["x"].to_numpy() + rng.normal(size=len(group))
        model = LMMRegressor("z + x + (x | g)").fit(X, y)
    for method in methods:
        table = model.tidy("fixed", df=method).set_index("term")["p_value"]
        yield table["z"], table["x"]


if __name__ == "__main__":
    main()
