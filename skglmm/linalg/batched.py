"""Algebra of many small matrices at once; the last axis runs over the matrices."""

import numpy as np

from skglmm.arrays import Floats

__all__ = ["block_diagonal", "cholesky", "inverse", "solve_lower", "solve_upper"]


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


def solve_lower(lower: Floats, b: Floats) -> Floats:
    """Solve ``lower @ x = b`` for lower (k, k, L) and b (k, ..., L)."""
    x = np.empty_like(b)
    for i in range(len(lower)):
        rest = b[i]
        for j in range(i):
            rest = rest - lower[i, j] * x[j]
        x[i] = rest / lower[i, i]
    return x


def solve_upper(lower: Floats, b: Floats) -> Floats:
    """Solve ``lower.T @ x = b`` for lower (k, k, L) and b (k, ..., L)."""
    x = np.empty_like(b)
    for i in reversed(range(len(lower))):
        rest = b[i]
        for j in range(i + 1, len(lower)):
            rest = rest - lower[j, i] * x[j]
        x[i] = rest / lower[i, i]
    return x


def inverse(lower: Floats, middle: Floats | None = None) -> Floats:
    """Return ``inv(lower).T @ (I + middle) @ inv(lower)``, shape (k, k, L)."""
    size, _, n_matrices = lower.shape
    inner = np.zeros((size, size, n_matrices)) if middle is None else middle.copy()
    inner[np.arange(size), np.arange(size)] += 1.0
    half = solve_upper(lower, inner)
    return solve_upper(lower, np.swapaxes(half, 0, 1))
