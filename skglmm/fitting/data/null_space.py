r"""What the rows of a fit leave open: directions of coefficients that move no linear predictor.

With X the fixed matrix of the fit and N a basis of its null space, the linear predictor of a row x
is determined, *estimable*, if and only if :math:`x N = 0` [1]_: coefficients that differ by a
combination of the columns of N fit equally well, and give x different predictions.

References
----------
.. [1] Searle, S. R. (1971). Linear Models. Wiley, chapter 5.
"""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Design
from skglmm.fitting.data.summaries import CONSTANT_TOL, Columns, Independent
from skglmm.parts import Parts

__all__ = ["NullSpace", "null_space", "widened"]

VARYING = 1e-4  # spreads of a column: what R's estimability lets pass, 1e-8 of the square
CONSTANT = 1e-7  # of a column that does not vary: rounding, also to single precision
ROUNDING = 1e-12  # of the terms of a weight that should be 0
ROOM = 2.0  # times the rounding of the rows of the fit


@dataclass(frozen=True, eq=False)
class NullSpace:
    """A basis of the null space of a fixed matrix: a direction for each column that was left out.

    In all rows of the fit such a column is a combination of the kept ones. Nothing is measured but
    how far another row is from that, in spreads of the column, so units and origins do not count.

    Parameters
    ----------
    columns : tuple of int, length d
        The columns that were left out.
    basis : ndarray, shape (p, d)
        In the user's units, 1 for the direction's own column and less the weights of kept ones.
    center, spread : ndarray, shape (d,)
        Mean and standard deviation of those columns; both 0 of a column that does not vary.
    tolerance : ndarray, shape (d,)
        How far from the combination a row may be.
    level : ndarray, shape (d,)
        What the combination adds up to, less 0 only where there is an intercept that other
        parameters take the place of.
    """

    columns: tuple[int, ...]
    basis: Floats
    center: Floats
    spread: Floats
    tolerance: Floats
    level: Floats

    def distances(self, x: Floats) -> Floats:
        """Return how far rows, (n, p), are from what holds in fit, (n, d).

        Units are spreads of the columns, or the values of rows far away.
        """
        off = np.abs(x @ self.basis - self.level)
        size = np.hypot(self.spread, x[:, self.columns] - self.center)
        away = np.full_like(off, np.inf)
        np.divide(off, size, out=away, where=size > 0.0)
        return np.where(off == 0.0, 0.0, away)

    @property
    def without_first(self) -> "NullSpace":
        """The same where the first column, of ones, is not one of the matrix."""
        return replace(
            self,
            columns=tuple(j - 1 for j in self.columns),
            basis=self.basis[1:],
            level=-self.basis[0],
        )

    def misses(self, x: Floats) -> Bools:
        """Return which directions the linear predictors of rows, (n, p), depend on, (n, d)."""
        return np.asarray(self.distances(x) > self.tolerance)


def null_space(to_user: Floats, sizes: Floats, columns: Columns, found: Independent) -> NullSpace:
    """Return the null space of a matrix from the relations of its standardized columns.

    Parameters
    ----------
    to_user : ndarray, shape (p, p)
        The standardized matrix is ``x @ to_user``.
    sizes : ndarray, shape (p,)
        By which columns were divided; 0 of those that do not vary.
    columns : Columns
        Summaries of the matrix, p columns.
    found : Independent
        Among the columns of other sizes than 0.
    """
    flat = np.flatnonzero(sizes == 0.0)
    lost = np.array([*found.lost, *flat], dtype=np.intp)
    basis = np.zeros((len(sizes), len(lost)))
    if not len(lost):
        return NullSpace((), basis, *(np.zeros(0) for _ in range(4)))
    basis[lost, np.arange(len(lost))] = 1.0
    basis[np.ix_(found.kept, range(len(found.lost)))] = -found.weights
    used = np.flatnonzero(basis.any(axis=1))  # few of many columns, or none
    size = np.abs(to_user[:, used]) @ np.abs(basis[used])
    basis = to_user[:, used] @ basis[used]
    first = np.flatnonzero(columns.is_constant)[:1]
    size[first] = np.maximum(size[first], 1.0 / np.abs(columns.low[first, None]))  # a spread
    basis = np.where(np.abs(basis) > ROUNDING * size, basis, 0.0) / to_user[lost, lost]
    if first.size:  # what does not vary is a multiple of a constant
        basis[first, len(found.lost) :] = -columns.mean[flat] / columns.low[first]
    varies = columns.spread > CONSTANT_TOL * columns.size
    own = np.argsort(lost)
    lost, basis = lost[own], basis[:, own]
    return NullSpace(
        tuple(lost.tolist()),
        basis,
        np.where(varies, columns.mean, 0.0)[lost],
        np.where(varies, columns.spread, 0.0)[lost],
        np.where(varies, VARYING, CONSTANT)[lost],
        np.zeros(len(lost)),
    )


def widened(spaces: list[NullSpace], designs: Parts[Design]) -> tuple[NullSpace, ...]:
    """Return null spaces in whose tolerance the rows of the fit are, rounding and all."""
    if not any(space.columns for space in spaces):
        return tuple(spaces)
    parts = list(designs.map(_farthest, spaces=spaces))
    farthest = [np.max(each, axis=0) for each in zip(*parts, strict=True)]
    return tuple(
        replace(space, tolerance=np.maximum(space.tolerance, ROOM * far))
        for space, far in zip(spaces, farthest, strict=True)
    )


def _farthest(design: Design, spaces: list[NullSpace]) -> list[Floats]:
    pairs = zip(spaces, design.fixed, strict=True)
    return [space.distances(x).max(axis=0, initial=0.0) for space, x in pairs]
