"""Effects of which all pairs have the same correlation."""

from dataclasses import dataclass
from typing import final

from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import Exchangeable
from skglmm.covariance.diagonal import Diagonal
from skglmm.covariance.heterogeneous import Heterogeneous
from skglmm.covariance.homogeneous_compound_symmetry import HomogeneousCompoundSymmetry
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal

__all__ = ["CompoundSymmetry"]


@final
@dataclass(frozen=True)
class CompoundSymmetry(Heterogeneous):
    r"""Effects with standard deviations of their own and one correlation of all pairs.

    `theta` holds a square root of each standard deviation, and the angle :math:`\omega` with
    which the correlation, between :math:`-1 / (q - 1)` and 1, grows like :math:`\sin \omega`.
    Standard deviations of 0 and both ends of the correlation are ordinary inner points. A signed
    standard deviation would change the sign of some of the correlations, but its root does not.

    Parameters
    ----------
    size : int
        Number of effects of one level, q, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import CompoundSymmetry
    >>> factor = CompoundSymmetry(3).factor(np.array([1.0, 1.0, 2.0**0.5, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[1.  , 0.25, 0.5 ],
           [0.25, 1.  , 0.5 ],
           [0.5 , 0.5 , 4.  ]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"compound symmetry needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def correlation(self) -> Exchangeable:
        return Exchangeable(self.size)

    def contains(self, other: Covariance) -> bool:
        within = (HomogeneousCompoundSymmetry, Diagonal, HomogeneousDiagonal)
        return self == other or (isinstance(other, within) and other.size == self.size)
