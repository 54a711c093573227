"""Shorten a step until the objective decreases: backtracking, for searches free and constrained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Objective

__all__ = ["HALVINGS_MAX", "Descent", "Trial", "line_search", "noise_of"]

HALVINGS_MAX = 20
ARMIJO = 1e-4  # share of the promised decrease that a step has to bring
SLOPE_MAX = 0.9  # a step without measurable decrease must flatten the slope by this much
NOISE = 1e-11  # relative error of the objective, a sum of many terms that cancel


@dataclass(frozen=True)
class Trial:
    """A step of some length, and what the objective is after it.

    Parameters
    ----------
    change : ndarray, shape (n_params,)
        A step of length 1.
    slope : float
        Of the objective in its direction, where it begins.
    length : float
    there : Objective or None
        After ``length * change``; None where there is none.
    """

    change: Floats
    slope: float
    length: float
    there: Objective | None

    def descends(self, here: Objective, there: Objective) -> bool:
        """Whether it decreases enough or, within rounding of the objective, flattens the slope."""
        slope = self.slope
        if not slope < 0:
            return False
        if there.value <= here.value + ARMIJO * self.length * slope:
            return True
        close = there.value <= here.value + noise_of(here)
        return close and abs(float(there.gradient @ self.change)) <= SLOPE_MAX * abs(slope)

    def shorter(self, here: Objective) -> float:
        """Factor of the next length: the minimum of a parabola, within [0.1, 0.5]."""
        if self.there is None or not np.isfinite(self.there.value):
            return 0.25
        promised = self.slope * self.length
        excess = self.there.value - here.value - promised
        return float(np.clip(-promised / (2 * excess), 0.1, 0.5)) if excess > 0 > promised else 0.5


class Descent(NamedTuple):
    """A step after which the objective is lower, and the objective there."""

    move: Floats
    there: Objective


def line_search(
    here: Objective, trial: Callable[[float], Trial], n_trials: int = HALVINGS_MAX
) -> tuple[Descent | None, int]:
    """Try shorter and shorter steps until the objective decreases.

    Parameters
    ----------
    here : Objective
        Where they begin.
    trial : callable
        Of the share of the whole step.
    n_trials : int
        Most trials.

    Returns
    -------
    found : Descent or None
        The first one.
    n_tried : int
    """
    share = 1.0
    for tried in range(1, n_trials + 1):
        step = trial(share)
        if step.there is not None and step.descends(here, step.there):
            return Descent(step.length * step.change, step.there), tried
        share *= step.shorter(here)
    return None, n_trials


def noise_of(here: Objective) -> float:
    """Return by how much the value may be wrong: by rounding, what is left to the mode, probes."""
    mode = here.mode
    return NOISE * max(1.0, abs(here.value)) + mode.decrement + mode.system.uncertainty
