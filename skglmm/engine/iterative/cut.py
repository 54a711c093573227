"""Arrays of crossed effects, cut into factors: blocks of single levels, and products with them."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.linalg import solve_lower

__all__ = ["Sizes", "block_times", "inverse_lower", "pieces_of", "total"]

Sizes = Sequence[tuple[int, int]]  # columns and levels of each crossed factor


def total(sizes: Sizes) -> int:
    """Return the number of crossed effects."""
    return sum(k * n for k, n in sizes)


def pieces_of(sizes: Sizes, x: Floats) -> list[Floats]:
    """Cut rows of crossed effects, (q, m), into views (k, L, m) of each factor."""
    found, start = [], 0
    for k, n in sizes:
        found.append(x[start : start + k * n].reshape(k, n, -1))
        start += k * n
    return found


def block_times(
    sizes: Sizes, blocks: Sequence[Floats], x: Floats, *, turned: bool = False
) -> Floats:
    """Multiply rows of crossed effects, (q, m), by a block of each level.

    Parameters
    ----------
    sizes : sequence of (int, int)
    blocks : sequence of ndarray, each of shape (k, k, L)
    x : ndarray, shape (q, m)
    turned : bool
        Whether by the transposes of the blocks.
    """
    out = np.empty_like(x)
    axes = "bal,blm->alm" if turned else "abl,blm->alm"
    triples = zip(blocks, pieces_of(sizes, x), pieces_of(sizes, out), strict=True)
    for block, part, target in triples:
        if len(block) == 1:
            np.multiply(part[0], block[0, 0][:, None], out=target[0])
        else:
            np.einsum(axes, block, part, out=target)
    return out


def inverse_lower(lower: Floats) -> Floats:
    """Return the inverses of lower triangular matrices, (k, k, L)."""
    unit = np.broadcast_to(np.eye(len(lower))[:, :, None], lower.shape)
    return solve_lower(lower[:, :, None], np.ascontiguousarray(unit))
