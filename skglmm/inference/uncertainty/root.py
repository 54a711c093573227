"""Freely correlated effects in coordinates of which one is what a profile holds."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance import Covariance

__all__ = ["Rerooted"]


@final
@dataclass(frozen=True, eq=False)
class Rerooted(Covariance):
    r"""Freely correlated effects whose factor is ``turn @ lower``, with a triangular `lower`.

    `theta` is `lower` row by row, so that its first entry is the standard deviation of the
    first row of ``inv(turn) @ effects``. If `angled`, the second row, :math:`(a, b)`, is given
    by its length and the angle :math:`\omega` with :math:`\tan \omega = a / b` instead: the
    correlation of the first two rows is :math:`\sin \omega` as long as the first entry and
    the length are not negative. The factor itself is not triangular.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    turn : ndarray, shape (q, q)
    angled : bool
    """

    turn: Floats
    angled: bool = False

    @property
    def n_params(self) -> int:
        return self.size * (self.size + 1) // 2

    @property
    def mask(self) -> Bools:
        return np.tri(self.size, dtype=np.bool_)

    @property
    def diagonal(self) -> Ints:
        """Places in `theta` of what is zero where an effect does not vary."""
        rows = np.arange(self.size)
        places = rows * (rows + 3) // 2
        if self.angled:
            places[1] = 1  # the length of the second row
        return places

    @property
    def mixes(self) -> bool:
        return True

    def factor(self, theta: Floats) -> Floats:
        lower = np.zeros((self.size, self.size))
        lower[self.mask] = theta
        if self.angled:
            lower[1, :2] = theta[1] * np.array([np.sin(theta[2]), np.cos(theta[2])])
        return np.asarray(self.turn @ lower)

    def factor_grad(self, theta: Floats) -> Floats:
        grad = np.zeros((self.n_params, self.size, self.size))
        grad[np.arange(self.n_params), *np.nonzero(self.mask)] = 1.0
        if self.angled:
            sine, cosine = np.sin(theta[2]), np.cos(theta[2])
            grad[1, 1, :2] = sine, cosine
            grad[2, 1, :2] = theta[1] * cosine, -theta[1] * sine
        return np.asarray(self.turn @ grad)

    def start(self) -> Floats:
        return self.from_factor(np.eye(self.size))

    def rectify(self, theta: Floats) -> Floats:
        return self.from_factor(self.factor(theta))

    def from_factor(self, factor: Floats) -> Floats:
        """Return the `theta`, shape (n_params,), of the covariance of any factor, (q, q)."""
        lower = np.asarray(np.linalg.qr(np.linalg.solve(self.turn, factor).T, mode="r")).T
        lower = lower * np.where(np.diag(lower) < 0, -1.0, 1.0)
        theta = np.asarray(lower[self.mask], dtype=np.float64)
        if self.angled:
            theta[1:3] = np.hypot(*lower[1, :2]), np.arctan2(*lower[1, :2])
        return theta
