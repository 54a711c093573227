"""Print how often 95 % intervals hold the truth in simulated studies (docs/guide/coverage.md).

python benchmarks/coverage.py          1,000 data sets of each size: about ten minutes on two cores
python benchmarks/coverage.py 100      100 data sets of each size
python benchmarks/coverage.py 400 --families    coefficients of other families: about six minutes
"""

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skglmm import (
    BinomialGLMMClassifier,
    GammaGLMMRegressor,
    LMMRegressor,
    NegativeBinomialGLMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.planning import power, simulate_study

# The simulation stands beside the tests, which hold it to its limits.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from coverage_study import OUTLYING, QUESTIONS, Study, covered

SIZES = [(6, 6), (10, 12), (20, 12), (30, 12), (50, 12), (100, 12), (100, 5), (100, 40)]
FORMULA, SD = "x + t + (1 | g)", "sd(Intercept | g)"
TRUE = {"Intercept": 0.4, "x": 0.5, "t": 0.5, SD: 0.8}
# Models, and the parameters that they have beside these.
FAMILIES: dict[str, tuple[Any, dict[str, float]]] = {
    "normal, REML": (LMMRegressor(FORMULA), {"scale": 1.0}),
    "normal, maximum likelihood": (LMMRegressor(FORMULA, reml=False), {"scale": 1.0}),
    "yes or no, Laplace": (BinomialGLMMClassifier(FORMULA), {}),
    "yes or no, 11 points": (BinomialGLMMClassifier(FORMULA, n_quadrature=11), {}),
    "Poisson": (PoissonGLMMRegressor(FORMULA), {}),
    "negative binomial": (NegativeBinomialGLMMRegressor(FORMULA), {"dispersion": 0.5}),
    "gamma": (GammaGLMMRegressor(FORMULA), {"dispersion": 0.5}),
}
GROUPS, ROWS = (12, 50), 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_sets", nargs="?", type=int, default=1000, help="data sets of each size")
    parser.add_argument("--families", action="store_true", help="coefficients of other families")
    args = parser.parse_args()
    if args.families:
        families(args.n_sets)
        return
    found = [simulated(*size, args.n_sets) for size in SIZES]
    print(row("groups", *(n_groups for n_groups, _ in SIZES)))
    print(row("---", *("--:" for _ in SIZES)))
    print(row("rows in each", *(n_rows for _, n_rows in SIZES)))
    for name in (*QUESTIONS, OUTLYING):
        print(row(name, *(f"{sets[name].mean():.3f}" for sets in found)))
    print(row("singular fits", *(f"{sets['singular'].mean():.1%}" for sets in found)))
    print(row("limits outside the bounds", *((~sets["inside"]).sum() for sets in found)))


def simulated(n_groups: int, n_rows: int, n_sets: int):
    """Simulate studies of one size; tell how long it took, and how well the shares are known."""
    start = time.perf_counter()
    sets = covered(Study(n_groups, n_rows), n_sets)
    seconds = time.perf_counter() - start
    errors = ", ".join(
        f"{name} {sets[name].std() / sets[name].count() ** 0.5:.3f}"
        for name in (*QUESTIONS, OUTLYING)
    )
    text = f"{n_groups} groups of {n_rows} rows took {seconds:.0f} s; standard errors: {errors}"
    print(text, file=sys.stderr, flush=True)
    return sets


def families(n_sets: int) -> None:
    """Print a row for each family and number of groups, with Monte Carlo errors."""
    names = ("model", "groups", "x", "t", "SD", "bias of x", "of t", "of the SD", "singular")
    print(f"| {' | '.join(names)} |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for title, (model, parameters) in FAMILIES.items():
        for n_groups in GROUPS:
            cells = cells_of(model, TRUE | parameters, n_groups, n_sets)
            print(f"| {' | '.join([title, str(n_groups), *cells])} |", flush=True)


def cells_of(model: Any, true: dict[str, float], n_groups: int, n_sets: int) -> list[str]:
    """Return how often limits hold, biases, and the share of singular fits; t varies by group."""
    rng, group = np.random.default_rng(n_groups), np.repeat(np.arange(n_groups), ROWS)
    design = pd.DataFrame({"g": group, "t": group % 2, "x": rng.normal(size=len(group))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = simulate_study(model, design, true)
        found = power(study, "x = 0", n_simulations=n_sets, random_state=0)
    if found.n_failed or not found.converged.all():
        print(
            f"{found.n_failed} failed, {np.mean(~found.converged):.1%} not converged",
            file=sys.stderr,
        )
    frame, places = found.to_frame(), [found.names.index(name) for name in ("x", "t", SD)]
    held = found.held[:, places]
    is_known = ~np.isnan(held)
    shares, numbers = np.nanmean(held, axis=0), is_known.sum(axis=0)
    errors = np.sqrt(shares * (1.0 - shares) / numbers)
    cells = [f"{share:.3f} ({error:.3f})" for share, error in zip(shares, errors, strict=True)]
    biases = frame.iloc[places]
    noise = biases["sd"] / np.sqrt(biases["n_used"])
    cells += [f"{bias:+.3f} ({e:.3f})" for bias, e in zip(biases["bias"], noise, strict=True)]
    return [*cells, f"{found.singular.mean():.1%}"]


def row(*cells: object) -> str:
    first, *others = map(str, cells)
    return f"| {first:<25} | {' | '.join(f'{cell:>5}' for cell in others)} |"


if __name__ == "__main__":
    main()
