"""Algebra of many small matrices at once; the last axis runs over the matrices.

Of few large matrices, one by one, it is LAPACK's.
"""

from collections.abc import Iterator
from math import prod

import numpy as np
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs

from skglmm.arrays import Floats, Ints

__all__ = [
    "block_diagonal",
    "by_matrix",
    "cholesky",
    "congruence",
    "full_matrices",
    "inverse",
    "is_large",
    "left_product",
    "solve_lower",
    "solve_lower_at",
    "solve_upper",
    "solve_upper_at",
]

LARGE = 8  # rows of matrices that LAPACK may be faster with than loops over their entries
TRIANGULAR = 64  # rows of a triangular matrix whose zeros are worth leaving out
PER_ROW = 8  # matrices for each row of one: with more of them, loops are faster
GATHERED_MAX = 2_000_000  # numbers of matrices that are copied for each of many right-hand sides


def is_large(size: int, n_matrices: int) -> bool:
    """Return whether matrices are few and large: LAPACK takes them one by one."""
    return size >= LARGE and 0 < n_matrices <= PER_ROW * size


def full_matrices(diagonals: Floats) -> Floats:
    """Return matrices (k, k, L), of which (k, L) are diagonals."""
    if diagonals.ndim == 3:
        return diagonals
    size, n = diagonals.shape
    found = np.zeros((size, size, n))
    found[np.arange(size), np.arange(size)] = diagonals
    return found


def left_product(left: Floats, middle: Floats) -> Floats:
    """Product of one matrix (a, b) with matrices (b, c, L)."""
    size, *rest = middle.shape
    flat = middle.reshape(size, prod(rest))  # which may be no columns at all
    is_large_square = len(left) == size >= TRIANGULAR and flat.size
    if is_large_square and not np.triu(left, 1).any():
        lower, flat = np.ascontiguousarray(left), np.ascontiguousarray(flat)
        product = dtrmm(1.0, lower.T, flat.T, side=1).T  # in Fortran order both are turned
    else:
        product = left @ flat
    return np.asarray(product.reshape(len(left), *rest))


def congruence(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Congruence ``left.T @ middle @ right`` for middle (k, k', P), along its last axis.

    Middles (k, P) are diagonals.
    """
    if left.size == right.size == 1:
        return np.asarray(middle * (left[0, 0] * right[0, 0])).reshape(1, 1, -1)
    if middle.ndim == 2:
        return _diagonal_congruence(left, middle, right)
    half = left_product(left.T, middle)
    if len(right) >= LARGE and middle.shape[2] < len(right):
        turned = left_product(right.T, np.swapaxes(half, 0, 1))
        return np.swapaxes(turned, 0, 1)
    return np.asarray(right.T @ half)


def _diagonal_congruence(left: Floats, middle: Floats, right: Floats) -> Floats:
    size, n = middle.shape
    if is_large(size, n):
        found = np.empty((n, left.shape[1], right.shape[1]))
        for matrix, diagonal in zip(found, middle.T, strict=True):
            if left is right and np.all(diagonal >= 0.0):
                half = left * np.sqrt(diagonal)[:, None]
                np.matmul(half.T, half, out=matrix)  # of which half is computed
            else:
                np.matmul((left * diagonal[:, None]).T, right, out=matrix)
        return np.moveaxis(found, 0, -1)
    both = (left[:, :, None] * right[:, None]).reshape(size, -1)
    return np.asarray((both.T @ middle).reshape(left.shape[1], right.shape[1], n))


def by_matrix(values: Floats) -> Floats:
    """Return matrices (a, b, L) one after the other, (L, a, b), each in C order."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def block_diagonal(*blocks: Floats) -> Floats:
    """Put matrices along the diagonal of one: `scipy.linalg.block_diag`, without its checks."""
    n_rows, n_columns = (sum(each.shape[axis] for each in blocks) for axis in (0, 1))
    out, i, j = np.zeros((n_rows, n_columns)), 0, 0
    for block in blocks:
        out[i : i + len(block), j : j + block.shape[1]] = block
        i, j = i + len(block), j + block.shape[1]
    return out


def cholesky(a: Floats) -> Floats | None:
    """Return the lower factors, shape (k, k, L), of symmetric `a`, shape (k, k, L).

    None when one of the matrices is not positive definite, or not finite.
    """
    size = len(a)
    if is_large(size, a.shape[2]):
        return _lapack_cholesky(a)
    lower = np.zeros_like(a)
    for j in range(size):
        pivot = a[j, j] - np.einsum("cl,cl->l", lower[j, :j], lower[j, :j])
        if not np.all((pivot > 0) & (pivot < np.inf)):  # written so that NaN fails
            return None
        lower[j, j] = np.sqrt(pivot)
        for i in range(j + 1, size):
            inner = np.einsum("cl,cl->l", lower[i, :j], lower[j, :j])
            lower[i, j] = (a[i, j] - inner) / lower[j, j]
    return lower


def _lapack_cholesky(a: Floats) -> Floats | None:
    found = np.empty((a.shape[2], len(a), len(a)))
    for matrix, lower in zip(by_matrix(a), found, strict=True):
        upper, info = dpotrf(matrix.T, lower=0)  # in Fortran order the lower is the upper
        if info != 0 or not np.all(np.isfinite(np.diagonal(upper))):
            return None
        lower[:] = upper.T
    return np.moveaxis(found, 0, -1)


def solve_lower(lower: Floats, b: Floats) -> Floats:
    """Solve ``lower @ x = b`` for lower (k, k, L) or (k, k, 1, L) and b (k, ..., L)."""
    if is_large(len(lower), lower.shape[-1]):
        return _lapack_solve(lower, b, trans=1)
    x = np.empty_like(b)
    for i in range(len(lower)):
        rest = b[i]
        for j in range(i):
            rest = rest - lower[i, j] * x[j]
        x[i] = rest / lower[i, i]
    return x


def solve_upper(lower: Floats, b: Floats) -> Floats:
    """Solve ``lower.T @ x = b`` for lower (k, k, L) or (k, k, 1, L) and b (k, ..., L)."""
    if is_large(len(lower), lower.shape[-1]):
        return _lapack_solve(lower, b, trans=0)
    x = np.empty_like(b)
    for i in reversed(range(len(lower))):
        rest = b[i]
        for j in range(i + 1, len(lower)):
            rest = rest - lower[j, i] * x[j]
        x[i] = rest / lower[i, i]
    return x


def _lapack_solve(lower: Floats, b: Floats, trans: int) -> Floats:
    size, n = len(lower), lower.shape[-1]
    x = np.empty((n, size, b.size // (size * n)))
    right = by_matrix(b.reshape(size, -1, n))
    for matrix, out, column in zip(by_matrix(lower.reshape(size, size, n)), x, right, strict=True):
        out[:] = dtrtrs(matrix.T, column, lower=0, trans=trans)[0]
    return np.moveaxis(x, 0, -1).reshape(b.shape)


def solve_lower_at(lower: Floats, places: Ints, b: Floats) -> Floats:
    """Solve ``lower @ x = b`` for lower (k, k, L) at places (m,), and b (k, m)."""
    return _solve_at(lower, places, b, upper=False)


def solve_upper_at(lower: Floats, places: Ints, b: Floats) -> Floats:
    """Solve ``lower.T @ x = b`` for lower (k, k, L) at places (m,), and b (k, m)."""
    return _solve_at(lower, places, b, upper=True)


def _solve_at(lower: Floats, places: Ints, b: Floats, *, upper: bool) -> Floats:
    size, _, n = lower.shape
    is_short = size * b.size <= GATHERED_MAX
    if size < LARGE or (is_short and not is_large(size, n)):
        return (solve_upper if upper else solve_lower)(lower[:, :, places], b)
    x = np.empty_like(b)
    for level, own in _runs(places, n):
        found = dtrtrs(lower[:, :, level].T, b[:, own], lower=0, trans=0 if upper else 1)
        x[:, own] = found[0]
    return x


def _runs(places: Ints, n: int) -> Iterator[tuple[int, Ints | slice]]:
    """Each place, and where it stands among all."""
    if n == 1:
        yield 0, slice(None)
        return
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=n))
    for level, own in enumerate(np.split(order, ends[:-1])):
        if len(own):
            yield level, own


def inverse(lower: Floats, middle: Floats | None = None) -> Floats:
    """Return ``inv(lower).T @ (I + middle) @ inv(lower)``, shape (k, k, L)."""
    size, _, n_matrices = lower.shape
    if middle is None and is_large(size, n_matrices):
        return _lapack_inverse(lower)
    inner = np.zeros((size, size, n_matrices)) if middle is None else middle.copy()
    inner[np.arange(size), np.arange(size)] += 1.0
    half = solve_upper(lower, inner)
    return solve_upper(lower, np.swapaxes(half, 0, 1))


def _lapack_inverse(lower: Floats) -> Floats:
    found = np.empty((lower.shape[2], len(lower), len(lower)))
    for matrix, out in zip(by_matrix(lower), found, strict=True):
        half = dpotri(matrix.T, lower=0)[0]  # the other triangle is zero, as the factor's
        np.add(half, half.T, out=out)
        out.reshape(-1)[:: len(out) + 1] *= 0.5
    return np.moveaxis(found, 0, -1)
