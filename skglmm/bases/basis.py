"""A smooth term as a mixed model: unpenalized trends, and penalized bends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats, slices
from skglmm.bases.moments import ROWS
from skglmm.bases.spline import Powers, Spline
from skglmm.covariance import Covariance

__all__ = ["Basis", "powers_of"]


@final
@dataclass(frozen=True, eq=False)
class Basis:
    r"""A smooth function as a mixed model [1]_: trends times :math:`\beta`, plus bends times b.

    It is learned from rows, of which it holds the knots of its spline, if anything. Trends are
    1, x, z, or x times z, without their means; bends have independent normal effects b. With
    standard deviations of one, the variance of the curve around its trend is one on average over
    the rows that it was learned from: a standard deviation is that of the curve, in units of the
    linear predictor.

    Parameters
    ----------
    spline : Spline
    powers : tuple of tuple of int, length m
        Exponents of the variables in each trend.
    center : ndarray, shape (d,)
        Subtracted from the variables before they are multiplied.
    means : ndarray, shape (m,)
        Subtracted from the trends.
    weights : ndarray, shape (k, q)
        Of the columns of the spline in each bend.
    covariances : tuple of Covariance
        Of consecutive bends; their sizes add up to q.
    bent : tuple of tuple of int
        For each covariance and each variable, whether the bends bend along it (1) or not (0).
    penalty_units : tuple of float
        For each standard deviation: the smoothing parameter, of the penalty as it stands in the
        literature, is this number times the scale parameter (the residual variance of normal
        responses) over the square of the standard deviation.

    References
    ----------
    .. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd edition,
       section 5.8. CRC Press.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.bases import learn_basis
    >>> x = np.linspace(0.0, 1.0, 50)[:, None]
    >>> basis = learn_basis(x, k=6)
    >>> basis.trends(x).shape, basis.bends(x).shape
    ((50, 1), (50, 4))
    >>> round(float(np.sum(basis.bends(x) ** 2) / 50), 6)
    1.0
    """

    spline: Spline
    powers: Powers
    center: Floats
    means: Floats
    weights: Floats
    covariances: tuple[Covariance, ...]
    bent: Powers
    penalty_units: tuple[float, ...]

    def trends(self, x: Floats) -> Floats:
        """Return the unpenalized columns, shape (n, m), at rows of shape (n, d)."""
        return powers_of(np.asarray(x, dtype=np.float64) - self.center, self.powers) - self.means

    def bends(self, x: Floats) -> Floats:
        """Return the penalized columns, shape (n, q), at rows of shape (n, d)."""
        x = np.asarray(x, dtype=np.float64)
        found = np.empty((len(x), self.weights.shape[1]))
        for rows in slices(len(x), ROWS):
            found[rows] = self.spline.columns(x[rows]) @ self.weights
        return found

    def trend_names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the trends of variables, such as ``("x", "z", "x:z")``."""
        return tuple(_name(each, columns) for each in self.powers)

    def bend_names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return a name for the bends of each covariance, such as ``("x:z", "z", "x")``."""
        return tuple(_name(each, columns) for each in self.bent)


def powers_of(x: Floats, powers: Powers) -> Floats:
    """Return products of powers of variables, shape (n, m)."""
    found = np.ones((len(x), len(powers)))
    for place, exponents in enumerate(powers):
        for variable, exponent in enumerate(exponents):
            if exponent:
                found[:, place] *= x[:, variable] ** exponent
    return found


def _name(exponents: tuple[int, ...], columns: Sequence[str]) -> str:
    used = [name for name, exponent in zip(columns, exponents, strict=True) if exponent]
    return ":".join(used) or "1"
