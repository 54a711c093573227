"""A covariance less variances that the rows have on their own: of models without a residual."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from scipy.linalg import solve_triangular

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, Ends, NaturalParameter

__all__ = ["Lowered"]

EXHAUSTED = 5.0  # smallest eigenvalue, in units of what is taken off
ROOM = 100.0  # times what is taken off: the smallest variances of a start


@final
@dataclass(frozen=True, eq=False)
class Lowered(Covariance):
    r"""A covariance less known variances: :math:`\Lambda \Lambda^T = \Sigma(\vartheta) - D`.

    Rows that each have one of these effects, and the variance D of their own beside it, have the
    covariance :math:`\Sigma` together: nothing is added to it. So a likelihood that needs a
    residual variance has none, exactly, as long as D is below all eigenvalues of
    :math:`\Sigma`. Where it is not, there is no factor: it is NaN, and so is the likelihood.

    Parameters and names are those of :math:`\Sigma`.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    whole : Covariance
        :math:`\Sigma`.
    nugget : float
        What is taken off the variance of each effect, in the units of the user.
    taken : ndarray, shape (q,)
        The same in the units of `theta`, the diagonal of D.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Autoregressive, Lowered
    >>> covariance = Lowered.of(Autoregressive(2), 0.25)
    >>> factor = covariance.factor(np.array([2.0, np.arcsin(0.5)]))
    >>> (factor @ factor.T).round(3)
    array([[3.75, 2.  ],
           [2.  , 3.75]])
    """

    whole: Covariance
    nugget: float
    taken: Floats

    @classmethod
    def of(cls, whole: Covariance, nugget: float) -> "Lowered":
        """Return a covariance less the same variance of all effects, in the user's units."""
        return cls(whole.size, whole, nugget, np.full(whole.size, nugget))

    def in_units(self, basis: Floats) -> "Lowered":
        return replace(self, taken=self.nugget / np.diag(basis) ** 2)

    @property
    def title(self) -> str:
        return self.whole.title

    @property
    def n_params(self) -> int:
        return self.whole.n_params

    @property
    def pairs(self) -> Bools:
        return self.whole.pairs

    @property
    def spreads(self) -> Ints:
        return self.whole.spreads

    @property
    def components(self) -> tuple[tuple[int, ...], ...]:
        return self.whole.components

    @property
    def rescales(self) -> bool:
        return self.whole.rescales

    def is_positive(self, theta: Floats) -> bool:
        """Return whether there is a factor."""
        return bool(np.isfinite(self.factor(theta)).all())

    def least(self, theta: Floats) -> float:
        """Return the smallest eigenvalue of the whole, with effects in the user's units."""
        root = self.whole.factor(theta) / np.sqrt(self.taken / self.nugget)[:, None]
        return float(np.linalg.svd(root, compute_uv=False)[-1]) ** 2

    def is_exhausted(self, theta: Floats) -> bool:
        """Return whether an eigenvalue of the whole is hardly more than what is taken off."""
        return self.least(theta) < EXHAUSTED * self.nugget

    def factor(self, theta: Floats) -> Floats:
        root = self.whole.factor(theta)
        try:
            return np.asarray(np.linalg.cholesky(root @ root.T - np.diag(self.taken)))
        except np.linalg.LinAlgError:
            return np.full_like(root, np.nan)

    def move(self, theta: Floats, step: Floats) -> Floats:
        return _moved(self.factor(theta), self.whole.factor(theta), self.whole.move(theta, step))

    def moves(self, theta: Floats) -> Iterator[Floats]:
        lower, root = self.factor(theta), self.whole.factor(theta)
        for change in self.whole.moves(theta):
            yield _moved(lower, root, change)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        lower, root = self.factor(theta), self.whole.factor(theta)
        if kernel.ndim == 2:
            return self.whole.slope(theta, _pulled(lower, root, kernel))
        pulled = [_pulled(lower, root, each) for each in np.moveaxis(kernel, -1, 0)]
        return self.whole.slope(theta, np.stack(pulled, axis=-1))

    def information(self, theta: Floats, precisions: Floats) -> Floats:
        return self.whole.information(theta, precisions)

    def start(self, sds: Floats) -> Floats:
        return self.whole.start(np.sqrt(np.maximum(np.square(sds), ROOM * self.taken)))

    def scaled(self, theta: Floats, share: float) -> Floats:
        """Return the `theta` of the whole covariance times ``share ** 2``, if it has a factor."""
        found = self.whole.scaled(theta, share)
        return found if self.is_positive(found) else theta

    def rectify(self, theta: Floats) -> Floats:
        return self.whole.rectify(theta)

    def zeros(self, theta: Floats) -> Bools:
        return self.whole.zeros(theta)

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return self.whole.edges(theta)

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        return self.whole.off_boundary(theta, least)

    def governing(self, effect: int) -> Ints:
        return self.whole.governing(effect)

    def names(self, labels: EffectNames) -> list[str]:
        return self.whole.names(labels)

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        return self.whole.natural(theta, basis, labels)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        found = self.whole.coordinate(theta, basis, which)
        if not isinstance(found, Coordinate):
            return found
        return found._replace(covariance=replace(self, whole=found.covariance))

    def contains(self, other: Covariance) -> bool:
        return isinstance(other, Lowered) and self.whole.contains(other.whole)

    def between(self, theta: Floats, points: Floats) -> Floats:
        return self.whole.between(theta, points)

    def among(self, theta: Floats, points: Floats) -> Floats:
        found = self.whole.among(theta, points)  # one variance in all places
        return np.asarray(found - self.taken[0] * np.eye(len(found)))

    def variance(self, theta: Floats, points: Floats) -> Floats:
        return np.asarray(self.whole.variance(theta, points) - self.taken[0])


def _moved(lower: Floats, root: Floats, change: Floats) -> Floats:
    """Change of the factor of ``root @ root.T - D`` with a change of the root."""
    half = change @ root.T
    inside = solve_triangular(lower, half + half.T, lower=True, check_finite=False)
    inside = solve_triangular(lower, inside.T, lower=True, check_finite=False)
    return np.asarray(lower @ _lower_half(inside))


def _pulled(lower: Floats, root: Floats, kernel: Floats) -> Floats:
    """Derivative in the root of the inner product of the factor with a matrix."""
    inside = _lower_half(lower.T @ kernel)
    outer = solve_triangular(lower, inside.T, lower=True, trans=1, check_finite=False)
    outer = solve_triangular(lower, outer.T, lower=True, trans=1, check_finite=False)
    return np.asarray((outer + outer.T) @ root)


def _lower_half(matrix: Floats) -> Floats:
    """Return the lower triangle, with half of the diagonal."""
    found = np.tril(matrix)
    found[np.diag_indices(len(found))] *= 0.5
    return np.asarray(found)
