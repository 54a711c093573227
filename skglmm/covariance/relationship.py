"""Effects of related individuals, whose relationship matrix is known."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from scipy.sparse import issparse

from skglmm.arrays import Bools, Floats
from skglmm.covariance.correlation.base import Uncorrelated
from skglmm.covariance.homogeneous import Homogeneous

__all__ = ["Relationship"]

SYMMETRIC = 1e-8  # of the largest entry: rounding of whoever made the matrix


@dataclass(frozen=True, eq=False)
class Relatives(Uncorrelated):
    """Known relationships: no angles.

    Parameters
    ----------
    size : int
    matrix, root : ndarray, shape (q, q)
        The relationship matrix, and its Cholesky factor.
    """

    matrix: Floats = field(repr=False)
    root: Floats = field(repr=False)

    @property
    def pairs(self) -> Bools:
        return np.asarray(self.matrix != 0.0)

    def lower(self, angles: Floats) -> Floats:
        del angles
        return self.root

    def between(self, angles: Floats, points: Floats) -> Floats:
        del angles
        return self._rows(points)[:, : self.size]

    def among(self, angles: Floats, points: Floats) -> Floats:
        del angles
        return self._rows(points)[:, self.size :]

    def _rows(self, points: Floats) -> Floats:
        rows, q = np.asarray(points, dtype=np.float64), self.size
        if rows.ndim != 2 or rows.shape[1] != q + len(rows):
            msg = (
                f"m new individuals need rows of the relationship matrix, (m, {q} + m): with the "
                f"{q} learned ones, then with each other; got shape {rows.shape}"
            )
            raise ValueError(msg)
        return rows


@final
@dataclass(frozen=True, init=False, eq=False)
class Relationship(Homogeneous):
    r"""Known relationship matrix, for animal models and phylogenies: :math:`\sigma^2 A`.

    The effects of one level are those of all individuals, so that there is one level; `theta` is
    the standard deviation, signed. Individuals whose diagonal entry is 1 have that one.

    Parameters
    ----------
    matrix : array-like, shape (q, q)
        A, symmetric and positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Relationship
    >>> factor = Relationship([[1.0, 0.5], [0.5, 1.0]]).factor(np.array([2.0]))
    >>> factor @ factor.T
    array([[4., 2.],
           [2., 4.]])
    """

    relatives: Relatives = field(repr=False)

    def __init__(self, matrix: Any) -> None:
        found = _symmetric(matrix, "a relationship matrix")
        try:
            root = np.asarray(np.linalg.cholesky(found), dtype=np.float64)
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(found)[0])
            msg = (
                "a relationship matrix must be positive definite, and its smallest eigenvalue is "
                f"{least:.3g}; are two individuals the same, such as twins or clones?"
            )
            raise ValueError(msg) from None
        found.flags.writeable = root.flags.writeable = False
        object.__setattr__(self, "size", len(found))
        object.__setattr__(self, "relatives", Relatives(len(found), found, root))

    @classmethod
    def of_inverse(cls, inverse: Any) -> "Relationship":
        """Return the covariance of the inverse of a relationship matrix, dense or sparse."""
        dense = _symmetric(inverse, "the inverse of a relationship matrix")
        try:
            root = np.linalg.cholesky(dense)
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(dense)[0])
            msg = (
                "the inverse of a relationship matrix must be positive definite, and its smallest "
                f"eigenvalue is {least:.3g}; an intrinsic precision, of differences only, has none"
            )
            raise ValueError(msg) from None
        half = np.linalg.inv(root)
        return cls(half.T @ half)

    @property
    def correlation(self) -> Relatives:
        return self.relatives

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Relationship) and np.array_equal(
            self.relatives.matrix, other.relatives.matrix
        )

    def __hash__(self) -> int:
        return hash((self.size, float(self.relatives.root.sum())))


def _symmetric(matrix: Any, what: str) -> Floats:
    is_sparse: bool = issparse(matrix)
    found = np.array(matrix.toarray() if is_sparse else matrix, dtype=np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not len(found):
        msg = f"{what} must be square, got shape {found.shape}"
        raise ValueError(msg)
    if not np.all(np.isfinite(found)):
        msg = f"{what} has {np.count_nonzero(~np.isfinite(found))} entries that are not finite"
        raise ValueError(msg)
    apart = np.abs(found - found.T)
    if apart.max() > SYMMETRIC * np.abs(found).max():
        i, j = (int(k) for k in np.unravel_index(np.argmax(apart), found.shape))
        msg = f"{what} must be symmetric: entry ({i}, {j}) is {found[i, j]}, not {found[j, i]}"
        raise ValueError(msg)
    return np.asarray(0.5 * (found + found.T))
