r"""Triangular root of the inverse of a matrix on a chain of nested factors, and its adjoint.

With :math:`H^{-1} = D D^T` and D triangular, :math:`u = D z` follows the numbers z of its own level
and of all levels above: the root is the inverse of a Cholesky factor in reversed order, so that
the effects of one level have the lower Cholesky factor of their covariance, given what is above.

A function of D, of which T are the derivatives :math:`D^T \partial f / \partial D` on the pattern
of D, mirrored, moves with H by half of :math:`- D T D^T`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.linalg.batched import solve_upper
from skglmm.linalg.direct.elimination import Blocks, Chain, Elimination

__all__ = ["ChainRoot", "mirrored"]

Places = Mapping[tuple[int, int], Floats]  # (k_i, k_j, L_i), i <= j: a level and one above it


@dataclass(frozen=True)
class ChainRoot:
    """A triangular root D of the inverse of a matrix on the pattern of a chain.

    Parameters
    ----------
    chain : Chain
    blocks : mapping from (i, j), i <= j, to ndarray, shape (k_i, k_j, L_i)
        How effects of factor i follow the numbers of the level of factor j above them.
    """

    chain: Chain
    blocks: Places

    @classmethod
    def of(cls, chain: Chain, blocks: Blocks) -> "ChainRoot | None":
        """Return that of a matrix; None where it is not positive definite.

        There are no crossed factors.
        """
        turned = Blocks(
            [block[::-1, ::-1].copy() for block in blocks.own],
            {key: block[::-1, ::-1].copy() for key, block in blocks.between.items()},
            [block[::-1] for block in blocks.crossed],
        )
        found = Elimination.of(chain, turned)
        if found is None:
            return None
        root: dict[tuple[int, int], Floats] = {}
        for i in reversed(range(len(found.stages))):
            stage = found.stages[i]
            unit = np.broadcast_to(np.eye(len(stage.lower))[:, :, None], stage.lower.shape)
            root[i, i] = solve_upper(stage.lower, unit)
            for j in range(i + 1, len(found.stages)):
                above = sum(
                    np.einsum(
                        "abl,bcl->acl", stage.chain[m], chain.parents[i, m].spread(root[m, j])
                    )
                    for m in range(i + 1, j + 1)
                )
                root[i, j] = -solve_upper(stage.lower[:, :, None], above)
        kept = {key: np.ascontiguousarray(block[::-1, ::-1]) for key, block in root.items()}
        return cls(chain, kept)

    @property
    def n_factors(self) -> int:
        """Length of the chain."""
        return len(self.chain.patterns)

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of the matrix: minus that of the root."""
        own = (self.blocks[i, i] for i in range(self.n_factors))
        return -sum(float(np.log(np.einsum("aal->al", block)).sum()) for block in own)

    def spread(self, i: int, j: int, values: Floats) -> Floats:
        """Give each level of factor i the value of the one of factor j that it belongs to."""
        return values if i == j else self.chain.parents[i, j].spread(values)

    def sum(self, i: int, j: int, values: Floats) -> Floats:
        """Sum values of the levels of factor i over those of factor j."""
        return values if i == j else self.chain.parents[i, j].sum(values)

    def times(self, z: Sequence[Floats]) -> list[Floats]:
        """Return ``D @ z`` for z of shape (k_i, L_i) of each factor."""
        found = [np.zeros_like(part) for part in z]
        for (i, j), block in self.blocks.items():
            found[i] += np.einsum("abl,bl->al", block, self.spread(i, j, z[j]))
        return found

    def transposed_times(self, x: Sequence[Floats]) -> list[Floats]:
        """Return ``D.T @ x`` for x of shape (k_i, L_i) of each factor."""
        found = [np.zeros_like(part) for part in x]
        for (i, j), block in self.blocks.items():
            found[j] += self.sum(i, j, np.einsum("abl,al->bl", block, x[i]))
        return found

    def after(self, places: Places) -> Places:
        """Return ``D @ m`` on the pattern of D, for a symmetric m that is given there."""
        found = {}
        for i, j in self.blocks:
            parts = [
                np.einsum("abl,bcl->acl", self.blocks[i, m], self._at(i, m, j, places))
                for m in range(i, self.n_factors)
            ]
            found[i, j] = np.asarray(sum(parts[1:], parts[0]))
        return found

    def before(self, places: Places) -> Places:
        """Return ``D.T @ p`` on the pattern of D, for p of which nothing else is asked."""
        found = {key: np.zeros_like(block) for key, block in places.items()}
        for i, j in self.blocks:
            for m in range(j, self.n_factors):
                part = np.einsum("abl,acl->bcl", self.blocks[i, j], places[i, m])
                found[j, m] = found[j, m] + self.sum(i, j, part)
        return found

    def congruence(self, places: Places) -> Places:
        """Return ``D @ m @ D.T`` on the pattern of D, for a symmetric m that is given there."""
        half = self.after(places)
        found = {}
        for i, j in self.blocks:
            parts = [
                np.einsum("abl,cbl->acl", half[i, m], self.spread(i, j, self.blocks[j, m]))
                for m in range(j, self.n_factors)
            ]
            found[i, j] = np.asarray(sum(parts[1:], parts[0]))
        return found

    def _at(self, i: int, a: int, b: int, places: Places) -> Floats:
        """Entries between the levels of factors a and b that each level of factor i belongs to."""
        if a > b:
            return np.swapaxes(self._at(i, b, a, places), 0, 1)
        return self.spread(i, a, places[a, b])


def mirrored(places: Places) -> Places:
    """Return the symmetric matrix whose lower triangle, within each level, is that of another."""
    found = {}
    for (i, j), block in places.items():
        if i != j:
            found[i, j] = block
            continue
        keep = np.tril(np.ones(block.shape[:2], dtype=np.bool_))[:, :, None]
        found[i, j] = np.where(keep, block, np.swapaxes(block, 0, 1))
    return found
