"""Effects with one variance and one correlation of all pairs."""

from dataclasses import dataclass
from typing import final

from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import Exchangeable
from skglmm.covariance.homogeneous import Homogeneous
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal

__all__ = ["HomogeneousCompoundSymmetry"]


@final
@dataclass(frozen=True)
class HomogeneousCompoundSymmetry(Homogeneous):
    r"""Homogeneous compound symmetry: one standard deviation and one correlation of all pairs.

    `theta` is the standard deviation, signed, and the angle :math:`\omega` with which the
    correlation, between :math:`-1 / (q - 1)` and 1, grows like :math:`\sin \omega`.

    Parameters
    ----------
    size : int
        Number of effects of one level, q, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import HomogeneousCompoundSymmetry
    >>> factor = HomogeneousCompoundSymmetry(3).factor(np.array([2.0, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[4., 1., 1.],
           [1., 4., 1.],
           [1., 1., 4.]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"compound symmetry needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def correlation(self) -> Exchangeable:
        return Exchangeable(self.size)

    def contains(self, other: Covariance) -> bool:
        return self == other or other == HomogeneousDiagonal(self.size)
