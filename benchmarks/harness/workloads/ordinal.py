"""Cumulative link mixed models that fits are timed on."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from harness.goals import Goal
from harness.workloads.workload import Workload

__all__ = ["ORDINAL"]

SEED = 20261128


def simulated(n: int, n_levels: int, n_classes: int = 5) -> Callable[[], pd.DataFrame]:
    """A function that simulates ratings of one covariate and random intercepts of one factor."""

    def frame() -> pd.DataFrame:
        rng = np.random.default_rng(SEED)
        g, x = rng.integers(0, n_levels, n), rng.normal(size=n)
        eta = 0.5 * x + 0.6 * rng.normal(size=n_levels)[g] + rng.logistic(size=n)
        cuts = np.linspace(-1.5, 1.5, n_classes - 1)
        return pd.DataFrame({"x": x, "g": g, "y": np.digitize(eta, cuts) + 1})

    return frame


def ordinal(n: int, n_levels: int, goal: Goal) -> Workload:
    names = ("OrdinalGLMMClassifier", "ordinal", "y ~ x + (1 | g)")
    return Workload(*names, simulated(n, n_levels), ("g",), goal=goal)


ORDINAL = {
    "ordinal-2k": ordinal(2_000, 40, Goal()),
    "ordinal-100k": ordinal(100_000, 2_000, Goal(faster={"clmm": 75})),
}
