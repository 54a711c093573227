"""Thin plate regression splines of one or two variables."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.linalg import eigh
from scipy.sparse.linalg import eigsh
from scipy.spatial.distance import cdist

from skglmm.arrays import Floats, slices
from skglmm.bases.refusals import listed
from skglmm.bases.spline import CURVE, LearnedSpline, Powers, linear_beyond
from skglmm.exceptions import DesignError

__all__ = ["ThinPlate"]

POINTS_MAX = 2000  # distinct ones, as mgcv's: the eigenvalues of their distances are found
DENSE_MAX = 400  # points whose eigenvalues are all found
ENTRIES = 2**21  # of distances, at a time
FLAT = 1e-8  # of the larger extent: points on a line


@dataclass(frozen=True, eq=False)
class ThinPlate(LearnedSpline):
    r"""Thin plate regression splines, ``bs="tp"`` [1]_.

    Of the splines with a knot at each distinct point, those of the largest eigenvalues of
    :math:`E_{ij} = \eta(|x_i - x_j|)`, where :math:`\eta(r)` is :math:`r^3 / 12` for one variable
    and :math:`r^2 \log(r) / 8\pi` for two, and of a plane.

    Parameters
    ----------
    center : ndarray, shape (d,)
    unit : float
        Points are differences from the center in this unit.
    points : ndarray, shape (m, d)
        The knots.
    penalty : ndarray, shape (k - 1 - d, k - 1 - d)
        Of the columns that are no plane.

    References
    ----------
    .. [1] Wood, S. N. (2003). Thin plate regression splines. Journal of the Royal Statistical
       Society B, 65(1), 95-114.
    """

    title: ClassVar[str] = "thin plate regression spline"
    n_variables: ClassVar[tuple[int, ...]] = (1, 2)
    values_at_knots: ClassVar[bool] = False
    center: Floats
    unit: float
    points: Floats
    penalty: Floats

    @classmethod
    def default_size(cls, n_variables: int) -> int:
        return 10 if n_variables == 1 else 30

    @classmethod
    def least_size(cls, n_variables: int) -> int:
        return n_variables + 2

    @classmethod
    def learn(cls, x: Floats, size: int, columns: Sequence[str]) -> LearnedSpline:
        center = x.mean(axis=0)
        unit = float(np.max(np.abs(x - center)))
        points = _spread(np.unique((x - center) / unit, axis=0))
        width = points.shape[1]
        _check_plane(points, columns)
        function = _cube if width == 1 else partial(_plate, unit=unit)
        distances = function(cdist(points, points))
        vectors = _leading(distances, size)
        flat = np.linalg.qr(vectors.T @ _plane(points), mode="complete")[0]
        loads = vectors @ flat[:, width + 1 :]
        values = distances @ loads
        penalty = loads.T @ values / unit ** (4 - width)
        penalty = 0.5 * (penalty + penalty.T)
        if width == 2:
            return ThinPlateSurface(center, unit, points, penalty, loads)
        run = points - points.T
        slopes = (run * np.abs(run) / 4.0) @ loads
        return ThinPlateCurve(center, unit, points, penalty, values, slopes)

    @property
    def kernel(self) -> Floats:
        bent, flat = len(self.penalty), self.points.shape[1] + 1
        return np.eye(bent + flat)[:, bent:]

    @property
    def penalties(self) -> tuple[Floats, ...]:
        return (np.pad(self.penalty, (0, self.points.shape[1] + 1)),)

    def columns(self, x: Floats) -> Floats:
        places = (x - self.center) / self.unit
        return np.column_stack([self.bent(places), _plane(places)])

    @abstractmethod
    def bent(self, places: Floats) -> Floats:
        """Return the columns that are no plane at places, which points are."""


@final
@dataclass(frozen=True, eq=False)
class ThinPlateCurve(ThinPlate):
    """Thin plate regression splines of one variable: cubic polynomials between points.

    Parameters
    ----------
    center, unit, points, penalty
        See `ThinPlate`.
    values : ndarray, shape (m, k - 2)
        At the points.
    slopes : ndarray, shape (m, k - 2)
        At the points; with the values they give the polynomials, much faster than distances do.
    """

    values: Floats
    slopes: Floats

    @property
    def powers(self) -> Powers:
        return CURVE

    def bent(self, places: Floats) -> Floats:
        points = self.points[:, 0]
        curve = CubicHermiteSpline(points, self.values, self.slopes)
        return linear_beyond(curve, places[:, 0], points[0], points[-1])


@final
@dataclass(frozen=True, eq=False)
class ThinPlateSurface(ThinPlate):
    """Thin plate regression splines of two variables.

    Parameters
    ----------
    center, unit, points, penalty
        See `ThinPlate`.
    loads : ndarray, shape (m, k - 3)
        Weight of the function of the distance from each point in each column.
    """

    loads: Floats

    @property
    def powers(self) -> Powers:
        return ((0, 0), (1, 0), (0, 1))

    def bent(self, places: Floats) -> Floats:
        found = np.empty((len(places), self.loads.shape[1]))
        for rows in slices(len(places), max(ENTRIES // len(self.points), 1)):
            found[rows] = _plate(cdist(places[rows], self.points), self.unit) @ self.loads
        return found


def _plane(places: Floats) -> Floats:
    return np.column_stack([np.ones(len(places)), places])


def _cube(r: Floats) -> Floats:
    return np.asarray(r**3 / 12.0)


def _plate(r: Floats, unit: float) -> Floats:
    """The function of distances; its logarithm is that of distances in the units of the user."""
    logs = np.log(np.maximum(r * unit, np.finfo(np.float64).tiny))  # any number, at zero
    return np.asarray(r * r * logs / (8.0 * np.pi))


def _check_plane(points: Floats, columns: Sequence[str]) -> None:
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if extents[-1] < FLAT * extents[0]:
        msg = (
            f"the points of {listed(columns)} lie on a line, or almost; a surface needs points "
            "that do not: leave out one of the columns"
        )
        raise DesignError(msg)


def _spread(points: Floats) -> Floats:
    """Return points that are not too many, the same ones whatever the order of rows."""
    n = len(points)
    if n <= POINTS_MAX:
        return points
    if points.shape[1] == 1:
        return points[np.linspace(0, n - 1, POINTS_MAX).round().astype(np.intp)]
    chosen = np.random.default_rng(0).choice(n, POINTS_MAX, replace=False)
    return points[np.sort(chosen)]


def _leading(matrix: Floats, size: int) -> Floats:
    """Return the eigenvectors, (m, size), of the eigenvalues that are largest in size."""
    m = len(matrix)
    if m <= max(DENSE_MAX, 4 * size):
        values, vectors = eigh(matrix)
        return np.asarray(vectors[:, np.argsort(-np.abs(values), kind="stable")[:size]])
    scale = np.abs(matrix).max()  # its tolerance is absolute for small numbers
    start = np.random.default_rng(0).normal(size=m)
    return np.asarray(eigsh(matrix / scale, size, v0=start)[1])
