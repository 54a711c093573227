"""The models that fits are timed on: simulated Beta responses of known structure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from harness.goals import Goal
from harness.workloads.workload import Workload

__all__ = ["BETA", "one_intercept", "simulated", "slopes"]

SEED = 20261122
PRECISION = 8.0
EDGE = 1e-6  # generators round Beta draws to 0 or 1 when a shape is small

Rng = np.random.Generator
Groups = dict[str, np.ndarray]
# draws the groups' effects on the rows from (rng, groups, x)
Effects = Callable[[Rng, Groups, np.ndarray], np.ndarray]


def simulated(n: int, sizes: dict[str, int], effects: Effects, *, nested: bool = False) -> Callable:
    """A function that simulates `n` rows with two covariates and grouping factors.

    The order of the draws is part of the workload: with the seed it determines every number, and
    so the log likelihoods that runs are compared by.
    """

    def frame() -> pd.DataFrame:
        rng = np.random.default_rng(SEED)
        (first, size), *others = sizes.items()
        groups = {first: rng.integers(0, size, n)}
        x, z = rng.normal(size=n), rng.normal(size=n)
        for name, size in others:
            groups[name] = groups[first] % size if nested else rng.integers(0, size, n)
        eta = -0.3 + 0.5 * x - 0.2 * z + effects(rng, groups, x)
        mean = 1 / (1 + np.exp(-eta))
        y = rng.beta(PRECISION * mean, PRECISION * (1 - mean)).clip(EDGE, 1 - EDGE)
        return pd.DataFrame({"x": x, "z": z, **groups, "y": y})

    return frame


def intercepts(**spreads: tuple[int, float]) -> Effects:
    """Independent intercepts: the number of levels of each factor, and their standard deviation."""

    def effects(rng: Rng, groups: Groups, x: np.ndarray) -> np.ndarray:
        del x
        return sum(rng.normal(0, sd, size)[groups[g]] for g, (size, sd) in spreads.items())

    return effects


def slopes(size: int) -> Effects:
    """Correlated intercepts and slopes of one factor."""
    root = np.linalg.cholesky([[0.5, 0.1], [0.1, 0.2]])

    def effects(rng: Rng, groups: Groups, x: np.ndarray) -> np.ndarray:
        b = (rng.normal(size=(size, 2)) @ root.T)[groups["g"]]
        return b[:, 0] + b[:, 1] * x

    return effects


def slopes_above(size: int, upper: int) -> Effects:
    """Intercepts of g, and independent intercepts and slopes of h, within which g is nested."""

    def effects(rng: Rng, groups: Groups, x: np.ndarray) -> np.ndarray:
        inner = rng.normal(0, 0.5, size)[groups["g"]]
        return (
            inner
            + rng.normal(0, 0.4, upper)[groups["h"]]
            + rng.normal(0, 0.3, upper)[groups["h"]] * x
        )

    return effects


def one_intercept(n: int, size: int) -> Callable:
    return simulated(n, {"g": size}, intercepts(g=(size, 0.7)))


def two_intercepts(n: int, size: int, other: int) -> Callable:
    return simulated(n, {"g": size, "h": other}, intercepts(g=(size, 0.7), h=(other, 0.4)))


def ratings() -> pd.DataFrame:
    """As many students, teachers and departments as in lme4's InstEval, crossed at random."""
    sizes = {"g": 2_972, "h": 1_128, "d": 14}
    spreads = {"g": (2_972, 0.3), "h": (1_128, 0.5), "d": (14, 0.1)}
    return simulated(73_421, sizes, intercepts(**spreads))()


def dragons() -> pd.DataFrame:
    """The simulated study of the tutorial, its scores of 0 and 100 moved inside."""
    from skglmm.datasets import make_dragons  # noqa: PLC0415  # only processes of fits have it

    frame = make_dragons(random_state=0)
    y = (frame.pop("testScore") / 100).clip(1e-4, 1 - 1e-4)
    return frame.assign(y=y)


def beta(terms: str, frame: Callable[[], pd.DataFrame], goal: Goal, **more: Any) -> Workload:
    groups = more.pop("groups", ("g",))
    beyond = more.pop("beyond", ())  # their rows need hours
    names = ("BetaGLMMRegressor", "beta")
    return Workload(*names, f"y ~ {terms}", frame, groups, goal=goal, beyond=beyond, **more)


def times(factor: float) -> dict[str, float]:
    return {"glmmTMB": factor}


ONE, TWO = "x + z + (1 | g)", "x + z + (1 | g) + (1 | h)"
R = ("glmmTMB",)
BETA = {
    "dragons": beta(
        "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)",
        dragons,
        Goal(seconds=0.025, faster=times(20)),
        groups=("mountainRange", "site"),
        size="quick",
    ),
    "intercept-10k": beta(
        ONE, one_intercept(10_000, 500), Goal(passes=60, faster=times(60)), size="quick"
    ),
    "slope-100k": beta(
        "x + z + (x | g)",
        simulated(100_000, {"g": 2_000}, slopes(2_000)),
        Goal(passes=60, faster=times(100)),
    ),
    "crossed-100k": beta(
        TWO,
        two_intercepts(100_000, 5_000, 200),
        Goal(passes=100, faster=times(50)),
        groups=("g", "h"),
    ),
    "nested-100k": beta(
        "x + z + (1 | g) + (x | h)",
        simulated(100_000, {"g": 8_000, "h": 400}, slopes_above(8_000, 400), nested=True),
        Goal(passes=150, faster=times(50)),
        groups=("g", "h"),
    ),
    "intercept-100k": beta(ONE, one_intercept(100_000, 1_000), Goal(), size="large"),
    "intercept-1m": beta(
        ONE,
        one_intercept(1_000_000, 10_000),
        Goal(passes=60, megabytes=1_500, faster=times(120)),
        size="large",
    ),
    "crossed-ratings-200k": beta(
        TWO,
        two_intercepts(200_000, 12_000, 2_500),
        Goal(),
        groups=("g", "h"),
        size="large",
        solvers=("direct", "iterative"),
        beyond=R,
    ),
    "ratings-3-factors": beta(
        "x + z + (1 | g) + (1 | h) + (1 | d)",
        ratings,
        Goal(faster=times(20)),
        groups=("g", "h", "d"),
        size="large",
    ),
    "intercept-10m": beta(
        ONE,
        one_intercept(10_000_000, 200_000),
        Goal(passes=60, megabytes=10_000),
        size="large",
        beyond=R,
    ),
}
