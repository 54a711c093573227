"""The record of a log density with packed derivatives."""

from typing import NamedTuple

from skglmm.arrays import Floats

__all__ = ["LogDensity"]


class LogDensity(NamedTuple):
    """Pointwise log density and its derivatives in the linear predictors.

    Symmetric derivatives are packed in the order of
    ``itertools.combinations_with_replacement(range(K), order)``: for K = 2 the rows of
    ``third`` are 000, 001, 011, 111. What lies above the requested order is None.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Beta
    >>> beta, eta = Beta(), (np.zeros(1), np.log([4.0]))
    >>> density = beta.log_density(beta.prepare(np.array([0.2, 0.7])), eta, order=1)
    >>> density.grad.round(3)
    array([[-1.386,  0.847],
           [-0.332,  0.212]])
    >>> print(density.hess)
    None
    """

    value: Floats  # (n,)
    grad: Floats | None = None  # (K, n)
    hess: Floats | None = None  # (K(K+1)/2, n)
    third: Floats | None = None  # (K(K+1)(K+2)/6, n)

    @property
    def filled(self) -> list[Floats]:
        """The arrays up to the requested order."""
        return [part for part in self if part is not None]
