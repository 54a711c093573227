r"""Sums of products of the blocks of :math:`M = Z^T V^{-1} Z`, for levels with many effects.

Of k effects of a level `pair_sums` keeps k**4 sums, for all matrices to come. Where k is large, as
of times and places, the blocks themselves are smaller: those of one factor alone, or of all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.inference.degrees_of_freedom.marginal import MarginalModel

__all__ = ["Direction", "LargeBlocks", "are_large", "large_blocks", "symmetric"]

Direction = tuple[int, Floats]  # a factor, and a change of the covariance of its levels, (k, k)

MANY = 24  # effects of a level: its sums take 2.7 MB
CHUNK = 2**24  # numbers of products with blocks of some levels
DENSE_MAX = 6_000  # effects of several factors: three matrices of 288 MB


@dataclass(frozen=True)
class LargeBlocks:
    """Blocks of M, sums of those on its diagonal, and products with it.

    Parameters
    ----------
    own : mapping of f to ndarray, shape (k, k)
        Sums of the diagonal blocks of each factor.
    blocks : mapping of (f, g) to ndarray
        Of two factors, (k_f, n_f, k_g, n_g); of a single factor those of its levels, (n, k, k).
    products : ndarray, shape (q, m)
        M times some vectors, in the order of `EffectInformation.matrix`.
    """

    own: Mapping[int, Floats]
    blocks: Mapping[tuple[int, int], Floats]
    products: Floats

    def traces(self, directions: Sequence[Direction]) -> Floats:
        """Return the traces of D M D' M of all pairs of directions, (m, m)."""
        if len(self.own) > 1:
            return symmetric(directions, self._trace)
        (blocks,), m = self.blocks.values(), len(directions)
        found = np.zeros((m, m))
        step = max(1, CHUNK // (m * blocks[0].size))
        for start in range(0, len(blocks), step):
            some = blocks[start : start + step]
            moved = np.stack([change @ some for _, change in directions])
            turned = np.swapaxes(moved, 2, 3).reshape(m, -1)
            found += moved.reshape(m, -1) @ turned.T
        return found

    def _trace(self, one: Direction, other: Direction) -> float:
        (f, left), (g, right) = one, other
        moved = np.tensordot(left, self.blocks[f, g], 1)
        turned = np.tensordot(right, self.blocks[g, f], 1)
        return float(np.vdot(moved, np.transpose(turned, (2, 3, 0, 1))))


def symmetric(
    directions: Sequence[Direction], of: Callable[[Direction, Direction], float]
) -> Floats:
    """Return a function of all pairs of directions, which it takes in any order, (m, m)."""
    found = np.zeros((len(directions),) * 2)
    for r, one in enumerate(directions):
        for s, other in enumerate(directions[: r + 1]):
            found[r, s] = found[s, r] = of(one, other)
    return found


def are_large(model: MarginalModel) -> bool:
    """Whether levels of a factor have many effects."""
    return any(len(factor) > MANY for factor in model.factors)


def large_blocks(model: MarginalModel, vectors: Floats) -> LargeBlocks:
    """Return the blocks of M, and M times vectors, (q, m), in the order of `EffectInformation`.

    Raises
    ------
    ValueError
        If several factors have so many effects that memory would not do.
    """
    if len(model.factors) == 1:
        return _of_one(model, vectors)
    shapes = [block.shape[1:] for block in model.equations.random.blocks]
    ends = np.cumsum([k * n for k, n in shapes])
    if ends[-1] > DENSE_MAX:
        msg = (
            f"df='kenward-roger' needs dense matrices of {ends[-1]} columns, the effects of all "
            f"factors where levels of one have more than {MANY}, and takes {DENSE_MAX}; use "
            "df='satterthwaite', which needs none"
        )
        raise ValueError(msg)
    whole = model.equations.random.matrix.toarray() / model.residual_variance
    moved, start = np.empty_like(whole), 0
    for sigma, (k, n), end in zip(model.sigmas, shapes, ends, strict=True):
        columns = whole[:, start:end].reshape(-1, k, n)
        moved[:, start:end] = np.einsum("tan,ab->tbn", columns, sigma).reshape(-1, k * n)
        start = end
    moved[np.diag_indices(len(moved))] += 1.0
    found = np.linalg.solve(moved, whole)  # nothing is divided by a variance
    parts = [np.split(rows, ends[:-1], axis=1) for rows in np.split(found, ends[:-1])]
    blocks = {
        (f, g): part.reshape(*shapes[f], *shapes[g])
        for f, row in enumerate(parts)
        for g, part in enumerate(row)
    }
    own = {f: np.einsum("anbn->ab", blocks[f, f]) for f in range(len(shapes))}
    return LargeBlocks(own, blocks, found @ vectors)


def _of_one(model: MarginalModel, vectors: Floats) -> LargeBlocks:
    """The same of one factor, whose levels are independent."""
    (blocks,), (sigma,) = model.equations.random.blocks, model.sigmas
    per_level = np.moveaxis(blocks, -1, 0) / model.residual_variance
    found = np.asarray(np.linalg.solve(np.eye(len(sigma)) + per_level @ sigma, per_level))
    k, n = len(sigma), len(found)
    products = np.einsum("nab,bnm->anm", found, vectors.reshape(k, n, -1), optimize=True)
    blocks_of: dict[tuple[int, int], Floats] = {(0, 0): found}
    return LargeBlocks({0: found.sum(axis=0)}, blocks_of, products.reshape(vectors.shape))
