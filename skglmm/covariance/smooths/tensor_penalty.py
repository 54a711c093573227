"""Independent effects, penalized by two quadratic forms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal
from skglmm.covariance.natural import (
    Coordinate,
    Edge,
    EffectNames,
    Ends,
    NaturalParameter,
    standard_deviation,
    unknown,
)

__all__ = ["TensorPenalty"]


@final
@dataclass(frozen=True, init=False)
class TensorPenalty(Covariance):
    r"""Independent effects of a smooth surface, with a standard deviation along each margin.

    Effect j has the precision :math:`d_j / \sigma_1^2 + (1 - d_j) / \sigma_2^2`: this is what two
    penalties of a tensor product become where they are diagonalized together [1]_. `theta` holds
    :math:`\sigma_1` and :math:`\sigma_2`, signed.

    Parameters
    ----------
    shares : sequence of float, length q
        The :math:`d_j`, from 0 to 1: the share of the first penalty in the penalty of each effect.
    margins : tuple of str, default=("first", "second")
        Names of the two margins, such as those of the variables.

    References
    ----------
    .. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd edition,
       section 5.6. CRC Press.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import TensorPenalty
    >>> np.diag(TensorPenalty([0.0, 0.5, 1.0]).factor(np.array([1.0, 2.0]))).round(3)
    array([2.   , 1.265, 1.   ])
    """

    shares: tuple[float, ...]
    margins: tuple[str, str]

    def __init__(
        self, shares: Sequence[float], margins: Sequence[str] = ("first", "second")
    ) -> None:
        values = tuple(float(share) for share in shares)
        if not values or not all(0.0 <= share <= 1.0 for share in values):
            msg = f"shares of a penalty are from 0 to 1, one for each effect; got {list(values)}"
            raise ValueError(msg)
        first, second = margins
        object.__setattr__(self, "size", len(values))
        object.__setattr__(self, "shares", values)
        object.__setattr__(self, "margins", (first, second))

    @property
    def n_params(self) -> int:
        return 2

    @property
    def pairs(self) -> Bools:
        return np.eye(self.size, dtype=np.bool_)

    @property
    def spreads(self) -> Ints:
        return np.arange(2)

    @property
    def rescales(self) -> bool:
        return False  # the two standard deviations are of all effects

    @property
    def _weights(self) -> Floats:
        """Of the penalty of each margin in that of each effect, shape (2, q)."""
        first = np.array(self.shares)
        return np.stack([first, 1.0 - first])

    @property
    def _own(self) -> Bools:
        """Whether there are effects that each margin alone governs, shape (2,)."""
        return np.asarray(np.any(self._weights == 1.0, axis=1))

    def _diagonal(self, theta: Floats) -> tuple[Floats, Floats]:
        """Signed standard deviations of effects, (q,), and their derivatives, (2, q)."""
        first, second = (float(sd) for sd in theta)
        weights = self._weights
        roots = np.hypot(np.sqrt(weights[0]) * second, np.sqrt(weights[1]) * first)
        safe = np.where(roots > 0.0, roots, 1.0)
        # Mixed effects are zero where either standard deviation is. Where both are, there is no
        # derivative of theirs in all directions; along either axis it is zero.
        sds = first * (second / safe)
        slopes = weights * np.stack([second / safe, first / safe]) ** 3
        for place, sd in enumerate((first, second)):
            alone = weights[place] == 1.0
            sds[alone] = sd
            slopes[:, alone] = np.eye(2)[:, [place]]
        return sds, slopes

    def factor(self, theta: Floats) -> Floats:
        return np.diag(self._diagonal(theta)[0])

    def move(self, theta: Floats, step: Floats) -> Floats:
        return np.diag(step @ self._diagonal(theta)[1])

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        every = np.arange(self.size)
        return np.asarray(self._diagonal(theta)[1] @ kernel[every, every])

    def start(self, sds: Floats) -> Floats:
        return np.full(2, np.sqrt(np.mean(np.square(sds))))

    def rectify(self, theta: Floats) -> Floats:
        return np.abs(np.asarray(theta, dtype=np.float64))

    def zeros(self, theta: Floats) -> Bools:
        absent = np.asarray(theta == 0.0)
        return np.asarray(absent | (absent[::-1] & ~self._own))

    def edges(self, theta: Floats) -> Sequence[Edge]:
        found = []
        for place in range(2):
            alone = self._own[1 - place]
            places = np.array([place] if alone else [place, 1 - place])
            found.append(Edge(places, np.zeros(len(places)), np.abs(theta[places])))
        return found

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        return np.where(np.abs(theta) < least, least, theta)

    def governing(self, effect: int) -> Ints:
        return np.flatnonzero(self._weights[:, effect])

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.along(margin) for margin in self.margins]

    def owners(self, labels: EffectNames) -> dict[str, int]:
        """Return an effect that each margin alone governs, where there is one."""
        pairs = zip(self.names(labels), self._weights, strict=True)
        return {name: int(np.argmax(weights == 1.0)) for name, weights in pairs if 1.0 in weights}

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        for place, name in enumerate(self.names(labels)):
            if theta[place] != 0.0 and self.zeros(theta)[place]:
                yield unknown(name, 2)
                continue
            slope = np.zeros(2)
            slope[place] = np.copysign(basis[0, 0], theta[place])
            yield standard_deviation(name, float(slope[place] * theta[place]), slope)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        theta = self.rectify(theta)
        ends = (0.0, np.inf)
        if theta[which] != 0.0 and self.zeros(theta)[which]:
            return ends
        times = partial(np.multiply, float(basis[0, 0]))
        floors = () if self._own[which] else (1 - which,)
        return Coordinate(self, theta, which, ends, ends, times, floors)

    def contains(self, other: Covariance) -> bool:
        return self == other or other == HomogeneousDiagonal(self.size)
