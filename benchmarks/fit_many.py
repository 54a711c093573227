"""Time the fits of one model to many responses: 5,000 linear ones, 500 counts.

The columns of the table:

seconds         of all fits, with the workers already running
cpu             milliseconds of one processor for each response, of a tenth of them
layer           those of them that are not the engine's, of fit_many with a fit in stock
same            whether the numbers of some responses are those of single fits, to 1e-8
"""

import argparse
import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import numpy as np
import pandas as pd
from harness.machine import machine

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.multioutput import fit_many

SEED, FORMULA = 20261128, "x + (1 | g)"
CHECKED = 5  # responses that are fitted alone, too
NUMBERS = ["estimate", "std_error", "statistic", "p_value"]
shared_design = import_module("skglmm.fitting.shared_design")


class Case(NamedTuple):
    """A model, the number of its responses, and how they are drawn from linear predictors."""

    model: LMMRegressor | PoissonGLMMRegressor
    n_responses: int
    draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]


CASES = {
    "linear": Case(LMMRegressor(FORMULA), 5000, lambda rng, eta: rng.normal(eta, 1.0)),
    "counts": Case(PoissonGLMMRegressor(FORMULA), 500, lambda rng, eta: rng.poisson(np.exp(eta))),
}


def main() -> None:
    args = arguments()
    for line in machine():
        print(line)
    print(f"{FORMULA}: {args.n_rows} rows, {args.n_groups} groups, {args.n_jobs} workers\n")
    print("| case   | responses | seconds |   cpu | layer | same |")
    print("| ---    |       --: |     --: |   --: |   --: | ---  |")
    for name in args.cases or CASES:
        case = CASES[name]
        X, Y = rows(case, args.n_rows, args.n_groups)
        fit_many(case.model, X, Y.iloc[:, : 2 * args.n_jobs], n_jobs=args.n_jobs)  # starts workers
        start = time.perf_counter()
        fits = fit_many(case.model, X, Y, n_jobs=args.n_jobs)
        seconds = time.perf_counter() - start
        each, added = busy(case, X, Y.iloc[:, ::10]), layer(case, X, Y)
        cells = f"{Y.shape[1]:>9,} | {seconds:>7.2f} | {each:>5.2f} | {added:>5.2f}"
        same = "yes" if is_same(case, X, Y, fits) else "NO"
        print(f"| {name:<6} | {cells} | {same:<4} |", flush=True)


def rows(case: Case, n: int, n_groups: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with one covariate, and the responses of each of them."""
    rng = np.random.default_rng(SEED)
    g, x = np.arange(n) % n_groups, rng.normal(size=n)
    effects = rng.normal(0, 0.5, (n_groups, case.n_responses))[g]
    eta = 1.0 + np.outer(x, rng.normal(0, 0.2, case.n_responses)) + effects
    return pd.DataFrame({"x": x, "g": g}), pd.DataFrame(case.draw(rng, eta)).add_prefix("y")


def busy(case: Case, X: pd.DataFrame, Y: pd.DataFrame) -> float:
    """Milliseconds of a processor that each response costs."""
    start = time.process_time()
    fit_many(case.model, X, Y, n_jobs=1)
    return 1e3 * (time.process_time() - start) / Y.shape[1]


def layer(case: Case, X: pd.DataFrame, Y: pd.DataFrame) -> float:
    """Milliseconds of a processor that each response costs beside its optimization."""
    fit_bound, found = shared_design.fit_bound, []

    def in_stock(*args: object, **options: object) -> object:
        if not found:
            found.append(fit_bound(*args, **options))
        return found[0]

    shared_design.fit_bound = in_stock
    try:
        return busy(case, X, Y)
    finally:
        shared_design.fit_bound = fit_bound


def is_same(case: Case, X: pd.DataFrame, Y: pd.DataFrame, fits: object) -> bool:
    """Return whether some responses have the numbers of their own fits."""
    table = fits.to_frame()
    for name in Y.columns[:: max(1, Y.shape[1] // CHECKED)]:
        alone = case.model.fit(X, Y[name]).tidy(("fixed", "random"))[NUMBERS].astype(float)
        beside = table.loc[table["response"] == name, NUMBERS]
        if not np.allclose(beside, alone, rtol=1e-8, atol=0.0, equal_nan=True):
            return False
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all of them by default")
    parser.add_argument("--n-rows", type=int, default=500)
    parser.add_argument("--n-groups", type=int, default=50)
    parser.add_argument("--n-jobs", type=int, default=min(2, os.cpu_count() or 1))
    return parser.parse_args()


if __name__ == "__main__":
    main()
