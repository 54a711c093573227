"""The linear mixed models that fits are timed on: simulated, or the data of lme4 where R has it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from harness.goals import Goal
from harness.workloads.workload import Source, Workload

__all__ = ["LINEAR", "SEED", "by_power_law"]

SEED = 20261127

Rng = np.random.Generator
Codes = Callable[[Rng, int], np.ndarray]  # draws the level of each of n rows


def evenly(size: int) -> Codes:
    return lambda rng, n: rng.integers(0, size, n)


def by_power_law(size: int, shape: float) -> Codes:
    """Levels of which few have most of the rows, as people and what they rate."""
    return lambda rng, n: rng.choice(size, n, p=rng.dirichlet(np.full(size, shape)))


def grouped(
    n: int, sizes: tuple[int, int], codes: tuple[Codes, Codes], *, slopes: bool = False
) -> Callable[[], pd.DataFrame]:
    """A function that simulates `n` rows with a covariate and one or two grouping factors.

    The order of the draws is part of the workload: with the seed it determines every number, and
    so the log likelihoods that programs are compared by.
    """

    def frame() -> pd.DataFrame:
        rng = np.random.default_rng(SEED)
        groups = {"g": codes[0](rng, n), "h": codes[1](rng, n)}
        x, size = rng.normal(size=n), 0.4 if slopes else 0.0
        b = rng.normal(size=(sizes[0], 2)) @ np.array([[0.8, 0.2], [0.0, size]])
        eta = 0.5 * x + b[groups["g"], 0] * (1.0 if slopes else 0.75)
        if slopes:
            eta = eta + b[groups["g"], 1] * x
        if sizes[1] > 1:
            eta = eta + 0.5 * rng.normal(size=sizes[1])[groups["h"]]
        else:
            groups.pop("h")
        return pd.DataFrame({"x": x, **groups, "y": 1.0 + eta + rng.normal(size=n)})

    return frame


def one(n: int, size: int, *, slopes: bool = False) -> Callable[[], pd.DataFrame]:
    return grouped(n, (size, 1), (evenly(size), evenly(1)), slopes=slopes)


def sleep() -> pd.DataFrame:
    """Eighteen subjects on ten days, as in lme4's sleepstudy."""
    rng = np.random.default_rng(SEED)
    subjects, days = np.repeat(np.arange(18), 10), np.tile(np.arange(10.0), 18)
    b = rng.normal(size=(18, 2)) * [24.7, 5.9]
    mean = 251.4 + b[subjects, 0] + (10.5 + b[subjects, 1]) * days
    y = mean + rng.normal(0.0, 25.6, len(days))
    return pd.DataFrame({"Days": days, "Subject": subjects, "y": y})


def ratings() -> pd.DataFrame:
    """As many students, teachers and departments as in lme4's InstEval, crossed at random."""
    rng, n = np.random.default_rng(SEED), 73_421
    spreads = {"s": (2_972, 0.33), "d": (1_128, 0.52), "dept": (14, 0.11)}
    groups = {name: rng.integers(0, size, n) for name, (size, _) in spreads.items()}
    service = rng.integers(0, 2, n)
    y = 3.3 - 0.07 * service + rng.normal(0.0, 1.18, n)
    for name, (size, sd) in spreads.items():
        y = y + rng.normal(0.0, sd, size)[groups[name]]
    return pd.DataFrame({**groups, "service": service, "y": y})


def linear(terms: str, frame: Callable[[], pd.DataFrame], goal: Goal, **more: Any) -> Workload:
    groups = more.pop("groups", ("g",))
    names = ("LMMRegressor", "gaussian")
    return Workload(*names, f"y ~ {terms}", frame, groups, goal=goal, **more)


ONE = "x + (1 | g)"
CROSSED = (by_power_law(6_040, 0.7), by_power_law(3_700, 0.4))
LINEAR = {
    "sleepstudy": linear(
        "Days + (Days | Subject)",
        sleep,
        Goal(seconds=0.010),
        groups=("Subject",),
        source=Source("lme4", "sleepstudy", "Reaction"),
        size="quick",
    ),
    "lmm-slope-100k": linear(
        "x + (1 + x | g)", one(100_000, 5_000, slopes=True), Goal(faster={"glmm": 1})
    ),
    "lmm-intercept-1m": linear(ONE, one(1_000_000, 100_000), Goal(faster={"glmm": 1})),
    "InstEval": linear(
        "service + (1 | s) + (1 | d) + (1 | dept)",
        ratings,
        Goal(faster={"glmm": 2}),
        groups=("s", "d", "dept"),
        source=Source("lme4", "InstEval"),
    ),
    "lmm-ratings-1m": linear(
        "x + (1 | g) + (1 | h)",
        grouped(1_000_000, (6_040, 3_700), CROSSED),
        Goal(seconds=15, solver="direct"),
        groups=("g", "h"),
        beyond=("lme4", "glmmTMB"),
        solvers=("direct", "iterative"),
        size="large",
    ),
    "lmm-intercept-10m": linear(
        ONE, one(10_000_000, 200_000), Goal(), beyond=("lme4", "glmmTMB"), size="large"
    ),
}
