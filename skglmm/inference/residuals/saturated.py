"""The linear predictor that suits one response best, found row by row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import Family

__all__ = ["Saturated", "saturated"]

STEPS = 100  # from the fit's predictors 4 to 8 are usual
CLOSE = 1e-13  # promised gain, relative to the log density, of a step that is not taken
LONGEST = 4.0  # of the first steps, in units of the link
WITHIN = 0.0  # where rows begin whose predictor is beyond the reach of a link


class Saturated(NamedTuple):
    """The best linear predictors of the location, and the log densities there."""

    eta: Floats  # (n,)
    value: Floats  # (n,)


def saturated(family: Family, prepared: Floats, eta: Sequence[Floats]) -> Saturated:
    """Maximize the log density of each response over its own location.

    Newton steps, or Fisher's where the curvature has the wrong sign, between brackets that the
    signs of the scores close.

    Parameters
    ----------
    family : Family
    prepared : ndarray, shape (m, n)
        Prepared responses.
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Where to begin; all but the location's stay.

    Returns
    -------
    Saturated
        Values are not below those at `eta`.
    """
    n = prepared.shape[1]
    full, k = [np.broadcast_to(part, (n,)) for part in eta], family.location
    within = np.isfinite(family.log_density(prepared, eta).value)
    here = np.where(within, full[k], WITHIN)
    best = Saturated(here.copy(), np.full(n, -np.inf))
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    rows = np.arange(n)
    for _ in range(STEPS):
        point = [part[rows] for part in full]
        point[k] = now = here[rows]
        value, step, gain = _step(family, prepared[:, rows], point)
        better = value > best.value[rows]
        best.eta[rows[better]], best.value[rows[better]] = now[better], value[better]
        finite = np.isfinite(value)
        rises = np.where(finite, step > 0.0, best.eta[rows] > now)
        low[rows] = np.where(rises, now, low[rows])
        high[rows] = np.where(rises, high[rows], now)
        here[rows] = _moved(now, step, low[rows], high[rows])
        rows = rows[~(finite & (gain <= CLOSE * np.maximum(1.0, np.abs(value))))]
        if not rows.size:
            break
    return best


def _step(
    family: Family, prepared: Floats, point: Sequence[Floats]
) -> tuple[Floats, Floats, Floats]:
    """Log densities, steps and the gains that these promise, (n,) each."""
    k, found = family.location, family.log_density(prepared, point, 2)
    assert found.grad is not None
    assert found.hess is not None
    score, curvature = found.grad[k], -found.hess[family.packing.pairs[k, k]]
    bent = curvature <= 0.0
    if bent.any():
        curvature = np.where(bent, family.location_information(point), curvature)
    step = score / np.where(curvature > 0.0, curvature, 1.0)
    return found.value, step, 0.5 * score * step


def _moved(here: Floats, step: Floats, low: Floats, high: Floats) -> Floats:
    """The ends of the steps, or the middle of the bracket where they leave it."""
    longest = np.maximum(LONGEST, np.abs(here))
    there = here + np.clip(step, -longest, longest)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (low + high)
    leaves = ~((low < there) & (there < high)) & np.isfinite(middle)
    return np.where(leaves, middle, there)
