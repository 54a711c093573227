"""Points of lattices, for the trapezoidal rule in a few dimensions."""

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Lattice", "lattice"]


class Lattice(NamedTuple):
    """Points within a ball around 0.

    Parameters
    ----------
    points : ndarray, shape (p, d)
    even : ndarray of bool, shape (p,)
        Which belong to the first of two grids of cubes, of which one has its points in the middle
        of the cubes of the other.
    outer : ndarray of bool, shape (p,)
        Which are next to the surface of the ball.
    volume : float
        Of a cell with one point.
    beyond : float
        How much of the standard normal density is beyond the ball, relative to the outer points.
    """

    points: Floats
    even: Bools
    outer: Bools
    volume: float
    beyond: float


@lru_cache(maxsize=32)
def lattice(dimension: int, step: float, radius: float) -> Lattice:
    r"""Return the points whose coordinates are all even, or all odd, multiples of a step.

    In three and four dimensions no lattice resolves smooth functions with fewer points; the cubic
    one takes 1.4 and 2 times as many.

    Parameters
    ----------
    dimension : int
    step : float
    radius : float
        Of the ball.

    Examples
    --------
    >>> len(lattice(2, 1.0, 2.0).points)
    9
    """
    most = int(radius / step)
    line = np.arange(-most, most + 1)
    pieces = []
    for parity in (0, 1):
        own = line[line % 2 == parity]
        pieces.append(np.array(list(product(own, repeat=dimension)), dtype=np.float64))
    even = np.repeat([True, False], [len(piece) for piece in pieces])
    points = step * np.concatenate(pieces)
    far = np.sqrt(np.sum(points**2, axis=1))
    inside = far <= radius
    far, volume = far[inside], (2.0 * step) ** dimension / 2.0
    outer = far > radius - step
    normal = np.exp(-0.5 * far**2) * volume / (2.0 * np.pi) ** (0.5 * dimension)
    beyond = float((1.0 - normal.sum()) / normal[outer].sum())
    return Lattice(points[inside], even[inside], outer, volume, beyond)
