"""The contract of a covariance, which alone knows what its parameters `theta` mean."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, Ends, NaturalParameter

__all__ = ["Covariance"]

SMALL = 8  # effects, of which the products of all pairs of entries of a matrix are few


@dataclass(frozen=True)
class Covariance(ABC):
    r"""Covariance :math:`\Sigma = \Lambda \Lambda^T` of the effects of one level.

    `theta` has no bounds: a variance of zero, or a correlation at the end of its range, is an
    ordinary inner point, about which the covariance is even in `theta` [1]_.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    References
    ----------
    .. [1] Bates, D., Maechler, M., Bolker, B. & Walker, S. (2015). Fitting linear
       mixed-effects models using lme4. Journal of Statistical Software, 67(1), 1-48.
    """

    size: int

    @property
    def title(self) -> str:
        """What it is called in tables: ``heterogeneous autoregressive``."""
        return re.sub("(?<!^)(?=[A-Z])", " ", type(self).__name__).lower()

    @property
    @abstractmethod
    def n_params(self) -> int:
        """Length of `theta`, and number of natural parameters."""

    @property
    def pairs(self) -> Bools:
        """Which effects may be correlated with each other, and themselves, shape (q, q)."""
        return np.ones((self.size, self.size), dtype=np.bool_)

    @property
    @abstractmethod
    def spreads(self) -> Ints:
        """Places in `theta` of what is zero where effects do not vary."""

    @property
    def blocks(self) -> "tuple[Covariance, ...]":
        """Uncorrelated covariances of consecutive effects."""
        return (self,)

    def cut(self, theta: Floats) -> "Iterator[tuple[Covariance, Floats]]":
        """Yield each of the blocks with its part of `theta`."""
        yield self, np.asarray(theta, dtype=np.float64)

    @property
    def components(self) -> tuple[tuple[int, ...], ...]:
        """Effects that may be correlated with each other, whatever `theta`: ``((0, 1), (2,))``."""
        pairs = self.pairs
        if pairs.all():
            return (tuple(range(self.size)),)
        _, numbers = connected_components(pairs, directed=False)
        return tuple(
            tuple(np.flatnonzero(numbers == j).tolist()) for j in dict.fromkeys(numbers.tolist())
        )

    @property
    def ranked(self) -> Bools:
        """Which columns of the factor are not zero for all `theta`, shape (q,)."""
        return np.ones(self.size, dtype=np.bool_)

    @property
    def rebases(self) -> bool:
        """Whether every change of basis of the effects stays within this covariance."""
        return False

    @property
    def rescales(self) -> bool:
        """Whether each effect may be given units of its own."""
        return True

    def in_units(self, basis: Floats) -> "Covariance":
        """Return the covariance of a fit whose effects the user's are `basis`, (q, q), times.

        It is the same, unless it knows numbers in the units of the user.
        """
        del basis
        return self

    @property
    def blurs(self) -> bool:
        """Whether rounding may blur derivatives of the factor, as where it is next to singular."""
        return False

    @abstractmethod
    def factor(self, theta: Floats) -> Floats:
        """Return the lower-triangular factor, shape (q, q), of `theta`, shape (n_params,)."""

    @abstractmethod
    def move(self, theta: Floats, step: Floats) -> Floats:
        """Return the change of the factor, shape (q, q), along a `step`, shape (n_params,)."""

    def moves(self, theta: Floats) -> Iterator[Floats]:
        """Yield the change of the factor, shape (q, q), with each parameter."""
        for step in np.eye(self.n_params):
            yield self.move(theta, step)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        """Return the inner products of the derivative with matrices.

        From a `kernel` of shape (q, q) it is (n_params,), from (q, q, P) it is (n_params, P).
        """
        return np.array([np.tensordot(change, kernel) for change in self.moves(theta)])

    def information(self, theta: Floats, precisions: Floats) -> Floats:
        r"""Return :math:`\tfrac12 \sum_l tr(Q_l d\Sigma_m Q_l d\Sigma_n)` of all m and n.

        `precisions` are the :math:`Q_l`, shape (L, q, q).
        """
        sigmas = np.stack(list(self.moves(theta))) @ self.factor(theta).T
        sigmas = sigmas + np.swapaxes(sigmas, 1, 2)
        if self.size <= SMALL:
            flat = np.moveaxis(precisions, 0, -1).reshape(self.size**2, -1)
            pairs = (flat @ flat.T).reshape((self.size,) * 4)
            return np.asarray(0.5 * np.einsum("abcd,mbc,nda->mn", pairs, sigmas, sigmas))
        found = np.zeros((self.n_params, self.n_params))
        for precision in precisions:
            moved = precision @ sigmas
            turned = np.swapaxes(moved, 1, 2).reshape(len(moved), -1)
            found += 0.5 * moved.reshape(len(moved), -1) @ turned.T
        return found

    @abstractmethod
    def start(self, sds: Floats) -> Floats:
        """Return the `theta` of independent effects with these standard deviations, (q,).

        Effects that have one standard deviation get the root mean square. Where effects cannot
        be independent, or would not leave that point, they are moderately correlated.
        """

    def starts(self, theta: Floats) -> Iterator[Floats]:
        """Yield `theta`, and other points where a search may begin: there may be several maxima."""
        yield theta

    def scaled(self, theta: Floats, share: float) -> Floats:
        """Return the `theta` whose factor is multiplied by a positive number."""
        return np.asarray(share * theta)

    @abstractmethod
    def rectify(self, theta: Floats) -> Floats:
        """Return the `theta` of the same covariance whose factor has no negative diagonal."""

    @abstractmethod
    def zeros(self, theta: Floats) -> Bools:
        """Return which parameters lie on the boundary, or have no effect there, (n_params,)."""

    @abstractmethod
    def edges(self, theta: Floats) -> Sequence[Edge]:
        """Return the parts of the boundary, such as variances of zero."""

    def at_ends(self, theta: Floats, labels: EffectNames) -> Iterator[str]:
        """Yield a sentence for each parameter at a chosen end of its range, such as a range."""
        del theta, labels
        yield from ()

    @abstractmethod
    def off_boundary(self, theta: Floats, least: float) -> Floats:
        """Return a `theta` at least so far from the boundary, where gradients vanish."""

    def turned(self, theta: Floats, small: float, least: float) -> Floats | None:
        """Return a `theta` off the saddle beside a variance below `small`; None if there is none.

        It has almost the same covariance, and nothing on the boundary below `least`.
        """
        del theta, small, least
        return None

    @abstractmethod
    def governing(self, effect: int) -> Ints:
        """Return the places of the parameters of an effect's variance and correlations."""

    @abstractmethod
    def names(self, labels: EffectNames) -> list[str]:
        """Return what each entry of `theta` governs, by the names of natural parameters."""

    def owners(self, labels: EffectNames) -> dict[str, int]:
        """Return an effect that has each standard deviation, by the name of this one."""
        own: dict[str, int] = {}
        for effect in range(self.size):
            own.setdefault(labels.sd(effect), effect)
        return own if set(own) <= set(self.names(labels)) else {labels.of_all("sd"): 0}

    @abstractmethod
    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        """Yield the parameters, n_params of them, of the effects in the user's units.

        The effects are `basis`, (q, q), times those that this is the covariance of. It is
        diagonal unless `rebases`, and a multiple of the identity unless `rescales`.
        """

    @abstractmethod
    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        """Return the same covariance with a natural parameter as an entry of its `theta`.

        Where the likelihood is the same for all its values, return the ends of these.
        """

    def contains(self, other: "Covariance") -> bool:
        """Return whether this covariance of the same effects has another one as a special case."""
        return self == other

    def between(self, theta: Floats, points: Floats) -> Floats:
        """Return covariances of effects at m new points with those of a level, shape (m, q).

        Points are times, (m,) or (m, 1), or places, (m, d). Of a relationship they are rows of
        its matrix, (m, q + m): with the learned effects, then with the new ones.

        Raises
        ------
        NotImplementedError
            If the effects have no points, or those of other points nothing in common with them.
        """
        del theta, points
        msg = (
            f"{type(self).__name__} tells nothing of effects that were not learned; predict at "
            "the learned ones, or fit a structure of times or places: ar1, ou, exp, gau, mat"
        )
        raise NotImplementedError(msg)

    def among(self, theta: Floats, points: Floats) -> Floats:
        """Return covariances of effects at m new points with each other, shape (m, m).

        See `between`.
        """
        return self.between(theta, points)  # which says why there are none

    def variance(self, theta: Floats, points: Floats) -> Floats:
        """Return the variances of effects at m new points, shape (m,); see `between`."""
        return np.asarray(np.diag(self.among(theta, points)))
