"""Ratings: raters and rated things that are crossed, with degrees that fall off as a power."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from harness.goals import Goal
from harness.workloads.workload import Workload

__all__ = ["RATINGS"]

SEED = 20261128
SIZES = {  # rows, raters, rated
    "ratings-200k": (200_000, 12_000, 2_500),
    "ratings-1m": (1_000_000, 6_040, 3_706),
    "ratings-20m": (20_000_000, 138_493, 26_744),
}
ESTIMATORS = {
    "normal": ("LMMRegressor", "gaussian"),
    "binary": ("BinomialGLMMClassifier", "binomial"),
    "beta": ("BetaGLMMRegressor", "beta"),
}
GOALS = {
    "ratings-200k": Goal(std_error=0.01, solver="iterative"),
    "ratings-1m": Goal(seconds=20, std_error=1e-3, solver="iterative"),
    "ratings-20m": Goal(seconds=900, megabytes=6_000, std_error=1e-3),
}
PRECISION = 4.0  # of beta responses
# Hours, or more memory than there is.
BEYOND = ("lme4", "glmmTMB", "gpboost cholesky")


def pairs(rng: np.random.Generator, n: int, n_raters: int, n_rated: int) -> tuple:
    """Return the rater and the rated thing of each row, sorted; every level occurs."""
    raters = rng.choice(n_raters, n - n_raters, p=rng.dirichlet(np.full(n_raters, 0.7)))
    rated = rng.choice(n_rated, n - n_rated, p=rng.dirichlet(np.full(n_rated, 0.4)))
    raters = np.sort(np.concatenate([np.arange(n_raters), raters]))
    rated = rng.permutation(np.concatenate([np.arange(n_rated), rated]))
    return raters, rated


def respond(rng: np.random.Generator, kind: str, eta: np.ndarray) -> np.ndarray:
    """Return responses with these linear predictors."""
    if kind == "normal":
        return eta + rng.normal(size=len(eta))
    mean = 1.0 / (1.0 + np.exp(-eta))
    if kind == "binary":
        return (rng.random(len(eta)) < mean).astype(int)
    return np.clip(rng.beta(PRECISION * mean, PRECISION * (1.0 - mean)), 1e-6, 1.0 - 1e-6)


def simulated(size: str, kind: str) -> Callable[[], pd.DataFrame]:
    """A function that simulates the rows; the order of the draws is a part of them."""

    def frame() -> pd.DataFrame:
        rng = np.random.default_rng(SEED)
        n, n_raters, n_rated = SIZES[size]
        g, h = pairs(rng, n, n_raters, n_rated)
        x = rng.normal(size=n)
        eta = 0.3 - 0.5 * x + 0.8 * rng.normal(size=n_raters)[g]
        eta = eta + 0.6 * rng.normal(size=n_rated)[h]
        return pd.DataFrame({"x": x, "g": g, "h": h, "y": respond(rng, kind, eta)})

    return frame


def ratings(size: str, kind: str) -> Workload:
    is_small = size != "ratings-20m"
    return Workload(
        *ESTIMATORS[kind],
        "y ~ x + (1 | g) + (1 | h)",
        simulated(size, kind),
        ("g", "h"),
        size="large",
        solvers=("direct", "iterative") if is_small else ("iterative",),
        beyond=BEYOND if size == "ratings-200k" else (*BEYOND, "glmm"),
        goal=GOALS[size],
    )


RATINGS = {f"{size}-{kind}": ratings(size, kind) for size in SIZES for kind in ESTIMATORS}
