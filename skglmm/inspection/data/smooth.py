"""Local straight lines through a cloud of points."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from skglmm.arrays import Floats

__all__ = ["Smooth", "smooth"]

SPAN = 0.5  # of the rows that each local line sees
N_POINTS = 80
FEWEST = 20  # rows, and
WIDER = 1.01  # so that rows at the very edge, where many may coincide, count a little
NARROWEST = 1e-6  # of the range, where half of the rows coincide
DISTINCT = 4  # distinct values, below which a smooth is only noise


@dataclass(frozen=True, eq=False)
class Smooth:
    """A smooth curve and its standard error, each of shape (n_points,)."""

    x: Floats
    mean: Floats
    se: Floats


def smooth(x: Floats, y: Floats) -> Smooth | None:
    """Fit local straight lines with tricube weights [1]_; None for too few rows.

    Parameters
    ----------
    x, y : ndarray, shape (n,)

    References
    ----------
    .. [1] Cleveland, W. S. (1979). Robust locally weighted regression and smoothing
       scatterplots. Journal of the American Statistical Association, 74(368), 829-836.
    """
    if len(x) < FEWEST or len(np.unique(x)) < DISTINCT:
        return None
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    places = np.linspace(x[0], x[-1], N_POINTS)
    fits = np.array([_line_at(place, x, y, ceil(SPAN * len(x))) for place in places])
    spread = np.std(y - np.interp(x, places, fits[:, 0]))
    return Smooth(places, fits[:, 0], spread * fits[:, 1])


def _line_at(place: float, x: Floats, y: Floats, n_near: int) -> tuple[float, float]:
    """Return the height of the local line at a place, and the norm of its weights."""
    distance = np.abs(x - place)
    width = np.partition(distance, n_near - 1)[n_near - 1]
    width = WIDER * max(float(width), NARROWEST * float(x[-1] - x[0]))
    near = slice(*np.searchsorted(x, [place - width, place + width]))
    weight = (1.0 - np.minimum(distance[near] / width, 1.0) ** 3) ** 3
    weight = weight / weight.sum()
    offset = x[near] - weight @ x[near]
    variance = weight @ offset**2
    slope = 0.0 if variance < 1e-12 * width**2 else (place - weight @ x[near]) / variance
    loads = weight * (1.0 + slope * offset)
    return float(loads @ y[near]), float(np.linalg.norm(loads))
