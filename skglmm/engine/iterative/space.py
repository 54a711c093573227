r"""A coarse space that is eliminated exactly, and the directions that it should hold.

With orthonormal Q and :math:`P = I - Q Q^T`, :math:`E = Q^T A Q` and :math:`F = Q^T A P`, what the
elimination of Q leaves is :math:`T = P A P - F^T E^{-1} F` on the complement of Q, and

.. math::

    \log\det A = \log\det E + \log\det T, \quad
    A^{-1} = Q E^{-1} Q^T + \Psi T^{-1} \Psi^T, \quad \Psi = P - Q E^{-1} F,

exactly, whatever Q is. A good Q holds the eigenvectors far from 1, at both ends.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from skglmm.arrays import Floats
from skglmm.engine.iterative.reduced import Reduced
from skglmm.linalg import IndefiniteError

__all__ = ["Deflated", "deflated", "first_space", "outer_space", "whole_columns"]

WHOLE = 64  # columns of a small factor, which are known each for itself
FEW = 8  # the same where a system is only solved
DEPTH = 3  # products of a block of directions with M, before the best are chosen
MORE = 4  # directions that are carried along beside those that are asked for
RANDOM = 2  # new directions beside an earlier space
NEGLIGIBLE = 1e-8  # of M times a direction of length 1: such an eigenvalue counts as 0
TINY = 1e-300
PARALLEL = 1e-10  # share of a direction that is left where others span it


@dataclass(frozen=True)
class Deflated:
    """The operator that is left when a coarse space is eliminated.

    Parameters
    ----------
    reduced : Reduced
    space : ndarray, shape (q, r)
        Orthonormal.
    image : ndarray, shape (q, r)
        ``A @ space``.
    block : ndarray, shape (r, r)
        ``space.T @ A @ space``.
    lower : tuple
        Its Cholesky factor, as SciPy has it.
    """

    reduced: Reduced
    space: Floats
    image: Floats
    block: Floats
    lower: tuple[Floats, bool]

    @property
    def rank(self) -> int:
        """Number of directions that are eliminated."""
        return int(self.space.shape[1])

    @cached_property
    def across(self) -> Floats:
        """``P A Q``, (q, r), which is F turned."""
        return self.image - self.space @ self.block

    @property
    def log_det(self) -> float:
        """Log determinant of the eliminated block."""
        return 2.0 * float(np.log(np.diagonal(self.lower[0])).sum())

    @property
    def trace(self) -> float:
        """Trace of ``P - T``, exactly: that of M is zero."""
        more = self.inverse_times(self.across.T @ self.across)
        return float(np.trace(self.block) - self.rank + np.trace(more))

    def inverse_times(self, right: Floats) -> Floats:
        """``inv(E)`` times (r, m)."""
        return np.asarray(cho_solve(self.lower, right)) if self.rank else right

    def projected(self, x: Floats) -> Floats:
        """``P @ x`` for x of shape (q, m)."""
        return x - self.space @ (self.space.T @ x) if self.rank else x

    def times(self, x: Floats) -> Floats:
        """``T @ x`` for x in the complement of the space, (q, m)."""
        found = self.reduced.times(x)
        if not self.rank:
            return found
        shares = self.inverse_times(self.across.T @ x)
        found -= self.space @ (self.space.T @ found)
        found -= self.across @ shares
        return found

    def lifted(self, x: Floats) -> Floats:
        """``Psi @ x`` for x in the complement of the space, (q, m)."""
        return x - self.space @ self.inverse_times(self.across.T @ x) if self.rank else x

    def dropped(self, x: Floats) -> Floats:
        """``Psi.T @ x``, (q, m)."""
        if not self.rank:
            return x
        inside = self.space.T @ x
        return x - self.space @ inside - self.across @ self.inverse_times(inside)


def deflated(reduced: Reduced, space: Floats) -> Deflated:
    """Eliminate a space; raises IndefiniteError where the operator curves downward in it."""
    image = reduced.times(space) if space.shape[1] else space
    block = space.T @ image
    block = 0.5 * (block + block.T)
    try:
        lower = cho_factor(block, lower=True)
    except np.linalg.LinAlgError as error:
        raise IndefiniteError from error
    return Deflated(reduced, space, image, block, lower)


def whole_columns(reduced: Reduced, most: int) -> Floats:
    """Unit vectors of the factors with few effects, (q, number of these)."""
    places, start = [np.zeros(0, dtype=np.intp)], 0
    for k, n in reduced.sizes:
        if k * n <= most:
            places.append(np.arange(start, start + k * n))
        start += k * n
    every = np.concatenate(places)
    found = np.zeros((start, len(every)))
    found[every, np.arange(len(every))] = 1.0
    return found


def _constants(reduced: Reduced) -> Floats:
    """Equal effects of all levels, scaled, (q, m): what only the prior tells apart.

    For each column of each factor that is not small.
    """
    found = []
    for place, (k, n) in enumerate(reduced.sizes):
        if k * n <= WHOLE:
            continue
        start = sum(a * b for a, b in reduced.sizes[:place])
        for c in range(k):
            column = np.zeros(reduced.n_crossed)
            column[start : start + k * n] = reduced.roots[place][c].ravel()  # G' times a constant
            found.append(column)
    return np.stack(found, axis=1) if found else np.zeros((reduced.n_crossed, 0))


def first_space(reduced: Reduced) -> Floats:
    """Return a space that is known without any product: constants, and very small factors."""
    columns = [whole_columns(reduced, FEW), _constants(reduced)]
    return _orthonormal(np.hstack(columns))


def outer_space(
    reduced: Reduced,
    rank: int,
    seed: int,
    start: Floats | None = None,
) -> Floats:
    r"""Return small factors whole, and the directions that matter most when they are eliminated.

    Those of largest :math:`|\log(1 - \lambda) + \lambda|`, :math:`\lambda` eigenvalues of M, by a
    block Krylov method.

    Parameters
    ----------
    reduced : Reduced
    rank : int
        How many of them.
    seed : int
    start : ndarray, shape (q, r), or None
        An earlier space of the same kind.
    """
    whole, rng = whole_columns(reduced, WHOLE), np.random.default_rng([seed, 1 << 20])
    if whole.shape[1] == reduced.n_crossed:
        return whole
    operator, constant = deflated(reduced, whole), _constants(reduced)
    known = [constant] if start is None else [constant, start[:, whole.shape[1] :]]
    n_random = RANDOM if start is not None else max(0, (rank + 1) // 2 + MORE - constant.shape[1])
    known.append(rng.standard_normal((reduced.n_crossed, n_random)))
    directions = _orthonormal(operator.projected(np.hstack(known)))
    n_passes = 2 if start is None else 1
    for left in reversed(range(n_passes)):
        directions = _best(operator, directions, rank + (MORE if left else 0))
    return _orthonormal(np.hstack([whole, directions]))


def _best(operator: Deflated, directions: Floats, rank: int) -> Floats:
    """The best directions of a Krylov space, (q, rank)."""
    blocks, images = [directions], []
    for depth in range(DEPTH + 1):
        last = blocks[-1]
        images.append(last - operator.times(last))
        if depth == DEPTH:
            break
        basis = np.hstack(blocks)
        more = operator.projected(images[-1])
        for least in (NEGLIGIBLE, 0.1):  # once more, as little may be left of a direction
            more = _orthonormal(more - basis @ (basis.T @ more), least)
        if not more.shape[1]:
            break
        blocks.append(more)
    basis, image = np.hstack(blocks), np.hstack(images)
    values, vectors = np.linalg.eigh(_symmetric(basis.T @ image))
    if values[-1] >= 1.0:
        raise IndefiniteError
    gains = np.abs(np.log(1.0 - values) + values)
    chosen = np.argsort(-gains, kind="stable")[:rank]
    return np.asarray(basis @ vectors[:, chosen])


def _symmetric(matrix: Floats) -> Floats:
    return 0.5 * (matrix + matrix.T)


def _orthonormal(columns: Floats, least: float = 0.0) -> Floats:
    """An orthonormal basis of what columns span, (q, m); shorter ones than `least` are nothing."""
    if not columns.shape[1]:
        return columns
    basis, upper = np.linalg.qr(columns)
    sizes = np.abs(np.diagonal(upper))
    return np.ascontiguousarray(basis[:, sizes > max(PARALLEL * sizes.max(), least, TINY)])
