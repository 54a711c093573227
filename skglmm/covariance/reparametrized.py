"""Freely correlated effects in coordinates of which one is what a profile holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Edge, EffectNames, NaturalParameter

__all__ = ["Rotated"]


@final
@dataclass(frozen=True, eq=False)
class Rotated(Covariance):
    r"""Freely correlated effects whose factor is ``turn @ lower``, with a triangular `lower`.

    `theta` is `lower` row by row, so that its first entry is the standard deviation of the
    first row of ``inv(turn) @ effects``. If `angled`, the second row, :math:`(a, b)`, is given
    by its length and the angle :math:`\omega` with :math:`\tan \omega = a / b` instead: the
    correlation of the first two rows is :math:`\sin \omega` as long as the first entry and
    the length are not negative. The factor itself is not triangular.

    Only a profile walks on these coordinates: it asks for factors and derivatives alone.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    turn : ndarray, shape (q, q)
    angled : bool
    """

    turn: Floats
    angled: bool = False

    @classmethod
    def beginning_with(cls, basis: Floats, first: Sequence[int]) -> "Rotated":
        """Return the root that is triangular after some effects, one or two, came first.

        Parameters
        ----------
        basis : ndarray, shape (q, q)
            From the effects of the root to those that are counted.
        first : sequence of int
        """
        order = [*first, *(i for i in range(len(basis)) if i not in first)]
        scales = np.diag(np.linalg.norm(basis[order], axis=1))
        turn = np.asarray(np.linalg.solve(basis, scales[np.argsort(order)]), dtype=np.float64)
        return cls(len(basis), turn, angled=len(first) == 2)

    @property
    def n_params(self) -> int:
        return self.size * (self.size + 1) // 2

    @property
    def spreads(self) -> Ints:
        rows = np.arange(self.size)
        places = rows * (rows + 3) // 2
        if self.angled:
            places[1] = 1  # the length of the second row
        return places

    @property
    def _mask(self) -> Bools:
        return np.tri(self.size, dtype=np.bool_)

    def factor(self, theta: Floats) -> Floats:
        lower = np.zeros((self.size, self.size))
        lower[self._mask] = theta
        if self.angled:
            lower[1, :2] = theta[1] * np.array([np.sin(theta[2]), np.cos(theta[2])])
        return np.asarray(self.turn @ lower)

    def _slopes(self, theta: Floats) -> Floats:
        """Derivative of the factor, (n_params, q, q)."""
        grad = np.zeros((self.n_params, self.size, self.size))
        grad[np.arange(self.n_params), *np.nonzero(self._mask)] = 1.0
        if self.angled:
            sine, cosine = np.sin(theta[2]), np.cos(theta[2])
            grad[1, 1, :2] = sine, cosine
            grad[2, 1, :2] = theta[1] * cosine, -theta[1] * sine
        return np.asarray(self.turn @ grad)

    def move(self, theta: Floats, step: Floats) -> Floats:
        slopes = self._slopes(theta).reshape(self.n_params, -1)
        return np.asarray((step @ slopes).reshape(self.size, self.size))

    def moves(self, theta: Floats) -> Iterator[Floats]:
        yield from self._slopes(theta)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        slopes = self._slopes(theta).reshape(self.n_params, -1)
        return np.asarray(slopes @ kernel.reshape(self.size**2, *kernel.shape[2:]))

    def of_factor(self, factor: Floats) -> Floats:
        """Return the `theta`, shape (n_params,), of the covariance of any factor, (q, q)."""
        lower = np.asarray(np.linalg.qr(np.linalg.solve(self.turn, factor).T, mode="r")).T
        lower = lower * np.where(np.diag(lower) < 0, -1.0, 1.0)
        theta = np.asarray(lower[self._mask], dtype=np.float64)
        if self.angled:
            theta[1:3] = np.hypot(*lower[1, :2]), np.arctan2(*lower[1, :2])
        return theta

    def start(self, sds: Floats) -> Floats:
        return self.of_factor(np.diag(sds))

    def rectify(self, theta: Floats) -> Floats:
        return self.of_factor(self.factor(theta))

    def zeros(self, theta: Floats) -> Bools:
        found = np.zeros(self.n_params, dtype=np.bool_)
        found[self.spreads] = theta[self.spreads] == 0.0
        return found

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [Edge(np.array([m]), np.zeros(1), np.abs(theta[[m]])) for m in self.spreads]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        theta = theta.copy()
        spreads = theta[self.spreads]
        theta[self.spreads] = np.where(np.abs(spreads) < least, least, spreads)
        return theta

    def governing(self, effect: int) -> Ints:
        del effect
        return np.arange(self.n_params)

    def names(self, labels: EffectNames) -> list[str]:
        return [f"theta{m + 1}({labels.group})" for m in range(self.n_params)]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        del theta, basis, labels
        _refuse()

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> NoReturn:
        del theta, basis, which
        _refuse()


def _refuse() -> NoReturn:
    msg = "a profile walks on these coordinates; ask the covariance that they were made of"
    raise NotImplementedError(msg)
