"""What standardization needs of the columns of a matrix, wherever its rows are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, OneHot
from skglmm.parts import Parts

__all__ = [
    "CONSTANT_TOL",
    "Columns",
    "Independent",
    "independent",
    "independent_of",
    "matrices_of",
    "summaries",
    "triangle",
]

CONSTANT_TOL = 1e-12  # a spread of this fraction of the mean has no four digits left
ALIAS_TOL = 1e-7  # R's tolerance: a column whose residual norm is this fraction is redundant
NO_WEIGHT = 1e-10  # of a standardized column in another: rounding
FAR = 1e-8  # of the squared norm: columns with such pivots are far from collinear


@dataclass(frozen=True)
class Columns:
    """The columns of one matrix over all rows; every array has the shape (n_columns,).

    Parameters
    ----------
    low, high, mean : ndarray
    size : ndarray
        Root mean square.
    spread : ndarray
        Root mean square about the mean.
    """

    low: Floats
    high: Floats
    mean: Floats
    size: Floats
    spread: Floats

    @property
    def is_constant(self) -> Bools:
        """Which columns have the same value other than 0 in all rows."""
        return np.asarray((self.low == self.high) & (self.low != 0.0))

    def after_one(self) -> "Columns":
        """Return the summaries of a matrix with a column of ones before these."""
        ones = dict.fromkeys(("low", "high", "mean", "size"), 1.0) | {"spread": 0.0}
        return Columns(
            **{name: np.concatenate([[one], getattr(self, name)]) for name, one in ones.items()}
        )


@dataclass(frozen=True)
class _Extent:
    """Extremes and sums of the columns of one matrix, over some rows."""

    low: Floats
    high: Floats
    total: Floats
    mass: float

    def __add__(self, other: "_Extent") -> "_Extent":
        return _Extent(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.total + other.total,
            self.mass + other.mass,
        )


def matrices_of(design: Design) -> list[Floats]:
    """Return all matrices of a design: those of the predictors, then those of the factors.

    Of one-hot columns it is one column, of what each row's effect is multiplied by.
    """
    effects = (z.entries[:, None] if isinstance(z, OneHot) else z for z in design.columns)
    return [*design.fixed, *effects]


def summaries(designs: Parts[Design], weights: Parts[Floats | None]) -> list[Columns]:
    """Summarize the columns of all matrices of designs with weighted rows."""
    extents = designs.map(_extents, weights).total()
    means = [np.clip(e.total / e.mass, e.low, e.high) for e in extents]
    about = [(np.zeros_like(mean), mean) for mean in means]
    scales = [
        tuple(_largest(extent, center) for center in centers)
        for extent, centers in zip(extents, about, strict=True)
    ]
    squares = designs.map(_squares, weights, about=about, scales=scales).total()
    return [
        Columns(extent.low, extent.high, mean, *_roots(extent.mass, scale, sums))
        for extent, mean, scale, sums in zip(extents, means, scales, squares, strict=True)
    ]


def _extents(design: Design, weights: Floats | None) -> list[_Extent]:
    mass = float(design.n_samples if weights is None else weights.sum())
    ones = np.ones(design.n_samples) if weights is None else weights
    return [
        _Extent(x.min(axis=0), x.max(axis=0), ones @ x, mass)
        if x.shape[1]
        else _Extent(np.zeros(0), np.zeros(0), np.zeros(0), mass)
        for x in matrices_of(design)
    ]


def _largest(extent: _Extent, center: Floats) -> Floats:
    """Largest distance from a center: squares of its fractions neither overflow nor vanish."""
    return np.maximum(np.abs(extent.low - center), np.abs(extent.high - center))


def _squares(
    design: Design,
    weights: Floats | None,
    about: list[tuple[Floats, Floats]],
    scales: list[tuple[Floats, Floats]],
) -> list[list[Floats]]:
    ones = np.ones(design.n_samples) if weights is None else weights
    room = np.empty(design.n_samples)
    return [
        [
            np.array([_square(x[:, j], ones, center[j], scale[j], room) for j in range(x.shape[1])])
            for center, scale in zip(centers, sizes, strict=True)
        ]
        for x, centers, sizes in zip(matrices_of(design), about, scales, strict=True)
    ]


def _square(column: Floats, weights: Floats, center: float, scale: float, room: Floats) -> float:
    if scale == 0.0:
        return 0.0
    if center == 0.0 and abs(column[0]) == scale and np.all(column == column[0]):
        return float(weights.sum())
    np.subtract(column, center, out=room)
    np.divide(room, scale, out=room)
    np.multiply(room, room, out=room)
    return float(weights @ room)


def _roots(mass: float, scales: tuple[Floats, ...], sums: list[Floats]) -> list[Floats]:
    return [scale * np.sqrt(each / mass) for scale, each in zip(scales, sums, strict=True)]


class Independent(NamedTuple):
    """The columns of a matrix that are no linear combination of earlier ones, and the others.

    Parameters
    ----------
    kept, lost : list of int
        Places of the former and of the latter.
    weights : ndarray, shape (n_kept, n_lost)
        Of the kept columns in the lost ones.
    """

    kept: list[int]
    lost: list[int]
    weights: Floats


def independent(designs: Parts[Design], pick: Callable[..., Floats], **common: Any) -> Independent:
    """Find the columns of a matrix that are no linear combination of earlier ones.

    Parameters
    ----------
    designs : Parts of Design
    pick : callable
        Takes a design and what is `common`; returns the matrix of its rows.
    **common
        See `pick`.
    """
    upper = triangle(designs, pick, **common)
    kept = independent_of(upper)
    lost = [j for j in range(upper.shape[1]) if j not in kept]
    if not lost:
        return Independent(kept, lost, np.zeros((len(kept), 0)))
    weights = np.linalg.lstsq(upper[:, kept], upper[:, lost], rcond=None)[0]
    return Independent(kept, lost, np.where(np.abs(weights) > NO_WEIGHT, weights, 0.0))


def triangle(designs: Parts[Design], pick: Callable[..., Floats], **common: Any) -> Floats:
    """Return a short matrix, shape (m, p), whose columns have the lengths and angles of a long one.

    Parameters
    ----------
    designs : Parts of Design
    pick : callable
        Takes a design and what is `common`; returns the matrix of its rows.
    **common
        See `pick`.
    """
    matrices = designs.map(pick, **common)
    gram = matrices.map(_gram).total()
    try:
        lower = np.linalg.cholesky(gram)
        if np.all(np.diag(lower) ** 2 > FAR * np.diag(gram)):
            return np.asarray(lower.T, dtype=np.float64)
    except np.linalg.LinAlgError:
        pass
    # Squares lose half of the digits; triangular factors of the parts below each other do not.
    return np.asarray(np.linalg.qr(np.vstack(list(matrices.map(_triangle))), mode="r"))


def _gram(x: Floats) -> Floats:
    return x.T @ x


def _triangle(x: Floats) -> Floats:
    return np.asarray(np.linalg.qr(x, mode="r"))


def independent_of(x: Floats) -> list[int]:
    """Find the columns of a short matrix that are no linear combination of earlier ones."""
    kept: list[int] = []
    basis: list[Floats] = []
    for j, column in enumerate(x.T):
        residual = column.copy()
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for direction in basis:
                residual -= (direction @ residual) * direction
        norm = float(np.linalg.norm(residual))
        if norm > ALIAS_TOL * float(np.linalg.norm(column)):
            kept.append(j)
            basis.append(residual / norm)
    return kept
