"""Effects of learned times or places, and of new ones beside them: kriging."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import final

import numpy as np
from scipy.linalg import solve_triangular

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, Ends, NaturalParameter

__all__ = ["Extended"]

NUGGET = 1e-10  # of the variances, what rounding needs where new points are close to others
STEP = 1e-5  # of differences in an entry of theta
SINGULAR = 1e-7  # of a root, relative to the largest


@final
@dataclass(frozen=True, eq=False)
class Extended(Covariance):
    r"""A covariance of effects at points, with those at new points after them [1]_.

    `theta` is that of the learned ones, whose factor L stands first. With covariances B of the
    new effects and the learned ones, the factor has the rows :math:`(B L^{-T}, C)` below: new
    effects are their means given the learned ones, and C times numbers of their own. So what is
    known of the learned effects, and how they move with `theta`, holds for new ones.

    Only what follows a fit asks for it: for factors and derivatives, the latter by differences.
    What is asked of one row after another needs the variances of C alone, which is then diagonal:
    the covariances among new effects take most of the time.

    Parameters
    ----------
    size : int
        Number of effects, learned and new.
    known : Covariance
        Of the learned effects.
    points : ndarray, shape (m, d)
        New times or places, see `Covariance.between`.
    jointly : bool, default=True
        Whether new effects have covariances with each other beside those through learned ones.

    References
    ----------
    .. [1] Diggle, P. J. & Ribeiro, P. J. (2007). Model-based Geostatistics. Springer.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Autoregressive, Extended
    >>> covariance = Extended.of(Autoregressive(2), np.array([[2.0]]))
    >>> factor = covariance.factor(np.array([2.0, np.arcsin(0.5)]))
    >>> (factor @ factor.T).round(3)
    array([[4., 2., 1.],
           [2., 4., 2.],
           [1., 2., 4.]])
    """

    known: Covariance
    points: Floats = field(repr=False)
    jointly: bool = True

    @classmethod
    def of(cls, known: Covariance, points: Floats) -> "Extended":
        """Return a covariance with new points after its own."""
        if isinstance(known, Extended):
            points = np.concatenate([known.points, points])
            known = known.known
        return cls(known.size + len(points), known, points)

    @property
    def title(self) -> str:
        return self.known.title

    @property
    def n_params(self) -> int:
        return self.known.n_params

    @property
    def spreads(self) -> Ints:
        return self.known.spreads

    @property
    def rescales(self) -> bool:
        return self.known.rescales

    def factor(self, theta: Floats) -> Floats:
        q, lower = self.known.size, np.zeros((self.size, self.size))
        root = self.known.factor(theta)
        lower[:q, :q] = root
        if not np.any(root):
            return lower  # effects that do not vary do so nowhere
        slopes = _solved(root, self.known.between(theta, self.points))
        largest = float(np.max(np.sum(root**2, axis=1)))
        lower[q:, :q] = slopes
        if self.jointly:
            rest = self.known.among(theta, self.points) - slopes @ slopes.T
            lower[q:, q:] = _root(rest, largest)
        else:
            (variance,) = np.diag(self.known.among(theta, self.points[:1]))  # the same everywhere
            rest = variance - np.sum(slopes * slopes, axis=1)
            np.fill_diagonal(lower[q:, q:], np.sqrt(np.maximum(rest, 0.0) + NUGGET * largest))
        return lower

    @cached_property
    def apart(self) -> "Extended":
        """The covariance without what new effects have in common beside learned ones."""
        return replace(self, jointly=False)

    def moves(self, theta: Floats) -> Iterator[Floats]:
        if self.jointly:
            yield from super().moves(theta)
            return
        q = self.known.size
        for learned, spread in _changes(self, tuple(np.asarray(theta).tolist())):
            change = np.zeros((self.size, self.size))
            change[:, :q] = learned
            np.fill_diagonal(change[q:, q:], spread)
            yield change

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Extended) or self._identity != other._identity:
            return False
        return bool(self.known == other.known)

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[int, bool, bytes]:
        return self.known.size, self.jointly, np.ascontiguousarray(self.points).tobytes()

    def move(self, theta: Floats, step: Floats) -> Floats:
        ends = (self.factor(theta + sign * STEP * step) for sign in (1.0, -1.0))
        return np.asarray(np.subtract(*ends) / (2.0 * STEP))

    def start(self, sds: Floats) -> Floats:
        return self.known.start(sds[: self.known.size])

    def scaled(self, theta: Floats, share: float) -> Floats:
        return self.known.scaled(theta, share)

    def rectify(self, theta: Floats) -> Floats:
        return self.known.rectify(theta)

    def zeros(self, theta: Floats) -> Bools:
        return self.known.zeros(theta)

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return self.known.edges(theta)

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        return self.known.off_boundary(theta, least)

    def governing(self, effect: int) -> Ints:
        del effect
        return np.arange(self.n_params)

    def names(self, labels: EffectNames) -> list[str]:
        return self.known.names(labels.of(slice(self.known.size)))

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        q = self.known.size
        return self.known.natural(theta, basis[:q, :q], labels.of(slice(q)))

    def at_ends(self, theta: Floats, labels: EffectNames) -> Iterator[str]:
        return self.known.at_ends(theta, labels)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        q = self.known.size
        found = self.known.coordinate(theta, basis[:q, :q], which)
        if not isinstance(found, Coordinate):
            return found
        return found._replace(covariance=replace(self, known=found.covariance))

    def contains(self, other: Covariance) -> bool:
        if not isinstance(other, Extended) or not np.array_equal(self.points, other.points):
            return False
        return self.known.contains(other.known)

    def between(self, theta: Floats, points: Floats) -> Floats:
        both = np.concatenate([np.reshape(points, (len(points), -1)), self.points])
        beyond = self.known.among(theta, both)[: len(points), len(points) :]
        return np.hstack([self.known.between(theta, points), beyond])

    def among(self, theta: Floats, points: Floats) -> Floats:
        return self.known.among(theta, points)


@lru_cache(maxsize=2)
def _changes(extended: Extended, theta: tuple[float, ...]) -> list[tuple[Floats, Floats]]:
    """Derivatives of the learned effects' columns of a factor, and of the diagonal of C.

    Means, limits and quantiles of the same rows ask for them one after another.
    """
    q = extended.known.size
    steps = np.eye(extended.n_params)
    changes = (extended.move(np.array(theta), step) for step in steps)
    return [(change[:, :q].copy(), np.diag(change)[q:].copy()) for change in changes]


def _solved(root: Floats, between: Floats) -> Floats:
    """Return ``between @ inv(root).T``, with a singular root the shortest solution."""
    diagonal = np.abs(np.diag(root))
    if diagonal.min() > SINGULAR * diagonal.max():
        return np.asarray(solve_triangular(root, between.T, lower=True)).T
    return np.asarray(between @ np.linalg.pinv(root, rcond=SINGULAR).T)


def _root(rest: Floats, largest: float) -> Floats:
    """Return the triangular root of what is left of covariances, which rounding may spoil."""
    nugget = NUGGET * largest
    while True:
        try:
            return np.asarray(np.linalg.cholesky(rest + nugget * np.eye(len(rest))))
        except np.linalg.LinAlgError:
            nugget *= 10.0
