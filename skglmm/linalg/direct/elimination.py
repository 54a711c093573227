r"""Elimination of nested factors level by level, and the selected inverse on their pattern.

The levels of a factor lie in blocks on the diagonal. Where each of its levels belongs to one
level of the next factor, what its elimination leaves there lies in blocks again, and the next
factor is eliminated in the same way. With :math:`A_{ii} = L_i L_i^T` and the later unknowns J,
:math:`W_{iJ} = L_i^{-1} A_{iJ}` and the selected inverse Z follows from the last factor to the
first [1]_:

.. math::

    Z_{iJ} = -L_i^{-T} W_{iJ} Z_{JJ}, \quad
    Z_{ii} = L_i^{-T} (I + W_{iJ} Z_{JJ} W_{iJ}^T) L_i^{-1} .

References
----------
.. [1] Takahashi, K., Fagan, J. & Chin, M.-S. (1973). Formation of a sparse bus impedance
   matrix and its application to short circuit study. Proceedings of the 8th PICA Conference,
   63-69.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.linalg import batched
from skglmm.linalg.grouping import Grouping
from skglmm.linalg.pattern import Pattern
from skglmm.parts import Parts

__all__ = ["Blocks", "Chain", "Elimination", "Inverse", "NestedEffects"]

NestedEffects = tuple[Floats, ...]  # (k_i, L_i) for each factor of a chain


@dataclass(frozen=True)
class Chain:
    """Factors, each nested in the next, and their entries with the crossed factors.

    Parameters
    ----------
    parents : mapping from (i, j), i < j, to Grouping
        The level of factor j that each level of factor i belongs to.
    patterns : tuple of Pattern
        Of the entries between each factor and the crossed factors.
    landings : mapping from (i, j), i < j, to Grouping
        The entry of factor j, at its level that a level of i belongs to, of each entry of i.
    """

    parents: Mapping[tuple[int, int], Grouping]
    patterns: tuple[Pattern, ...]
    landings: Mapping[tuple[int, int], Grouping]

    @classmethod
    def of(
        cls, parents: Mapping[tuple[int, int], Grouping], patterns: Sequence[Pattern]
    ) -> "Chain":
        """Find where the entries of each factor land in those of the later ones."""
        landings = {
            (i, j): _landing(parent, patterns[i], patterns[j]) for (i, j), parent in parents.items()
        }
        return cls(parents, tuple(patterns), landings)

    def briefly_used(self) -> "Chain":
        """Return the same patterns, for which no lists of what meets are made."""
        patterns = tuple(replace(pattern, is_lasting=False) for pattern in self.patterns)
        return replace(self, patterns=patterns)


def _landing(parent: Grouping, mine: Pattern, later: Pattern) -> Grouping:
    keys = later.levels * later.n_crossed + later.columns
    order = np.argsort(keys)
    wanted = parent.codes[mine.levels] * mine.n_crossed + mine.columns
    return Grouping(order[np.searchsorted(keys, wanted, sorter=order)], len(keys))


class Blocks(NamedTuple):
    """A symmetric matrix on the pattern of a chain."""

    own: list[Floats]  # (k_i, k_i, L_i) for each factor
    between: dict[tuple[int, int], Floats]  # (k_i, k_j, L_i): a level and the one it belongs to
    crossed: list[Floats]  # (k_i, m_i): entries of the pattern of each factor


class Inverse(NamedTuple):
    """The inverse on the observed pattern: of each piece, and of the crossed factors."""

    pieces: Parts[Blocks]
    crossed: Any  # an array (n_crossed, n_crossed), or what has the entries of one


class _Stage(NamedTuple):
    """One factor, eliminated."""

    lower: Floats  # (k, k, L)
    chain: dict[int, Floats]  # (k, k_j, L) for each later factor j: inv(lower) A_ij
    crossed: Floats  # (k, m): inv(lower) times the entries with the crossed factors


@dataclass(frozen=True)
class Elimination:
    """The chain of one shard, factorized.

    Parameters
    ----------
    chain : Chain
    stages : tuple
        Factors and couplings of each factor of the chain.
    """

    chain: Chain
    stages: tuple[_Stage, ...]

    @classmethod
    def of(cls, chain: Chain, blocks: Blocks) -> "Elimination | None":
        """Eliminate `blocks`, which are overwritten; None when they are not positive definite."""
        stages: list[_Stage] = []
        for i, pattern in enumerate(chain.patterns):
            lower = batched.cholesky(blocks.own[i])
            if lower is None:
                return None
            white = {
                j: batched.solve_lower(lower[:, :, None], blocks.between[i, j])
                for j in range(i + 1, len(chain.patterns))
            }
            crossed = batched.solve_lower_at(lower, pattern.levels, blocks.crossed[i])
            stages.append(_Stage(lower, white, crossed))
            _pass_on(chain, i, stages[i], blocks)
        return cls(chain, tuple(stages))

    def on(self, chain: Chain) -> "Elimination":
        """Return what is eliminated with fewer crossed columns: the first ones of each factor."""
        pairs = zip(self.stages, chain.patterns, strict=True)
        stages = [
            stage._replace(crossed=stage.crossed[:, : len(pattern.levels)])
            for stage, pattern in pairs
        ]
        return Elimination(chain, tuple(stages))

    @property
    def log_diagonal(self) -> NestedEffects:
        """Logarithm of the diagonal of the factors, (k_i, L_i) for each."""
        return tuple(np.log(np.einsum("aal->al", stage.lower)) for stage in self.stages)

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of this part of the matrix."""
        return sum(float(part.sum()) for part in self.log_diagonal)

    def subtract_gram(self, schur: Floats) -> None:
        """Subtract what the elimination takes from the crossed factors from `schur`, in place."""
        for pattern, stage in zip(self.chain.patterns, self.stages, strict=True):
            pattern.subtract_gram(stage.crossed, schur)

    def forward(self, own: NestedEffects) -> NestedEffects:
        """``inv(L)`` times a right-hand side."""
        parts, white = list(own), []
        for i, stage in enumerate(self.stages):
            white.append(batched.solve_lower(stage.lower, parts[i]))
            for j, block in stage.chain.items():
                share = np.einsum("cal,cl->al", block, white[i])
                parts[j] = parts[j] - self.chain.parents[i, j].sum(share)
        return tuple(white)

    def project(self, white: NestedEffects) -> Floats:
        """What `forward` of the chain subtracts from the crossed factors, shape (n_crossed,)."""
        pairs = zip(self.chain.patterns, self.stages, white, strict=True)
        shares = [
            pattern.by_column(np.einsum("ce,ce->e", stage.crossed, part[:, pattern.levels]))
            for pattern, stage, part in pairs
        ]
        return np.asarray(np.sum(shares, axis=0))

    def backward(self, white: NestedEffects, crossed: Floats) -> NestedEffects:
        """``inv(L.T)`` times what `forward` returned, given the solution of the crossed factors."""
        solved = list(white)
        for i in reversed(range(len(self.stages))):
            stage, pattern, part = self.stages[i], self.chain.patterns[i], white[i]
            for j, block in stage.chain.items():
                above = self.chain.parents[i, j].spread(solved[j])
                part = part - np.einsum("cal,al->cl", block, above)
            if stage.crossed.size:
                part = part - pattern.by_level(stage.crossed * crossed[pattern.columns])
            solved[i] = batched.solve_upper(stage.lower, part)
        return tuple(solved)

    def inverse(self, crossed: Floats) -> Blocks:
        """Return the inverse on the pattern, given that of crossed effects."""
        pairs = zip(self.chain.patterns, self.stages, strict=True)
        return self.inverse_by([pattern.times(stage.crossed, crossed) for pattern, stage in pairs])

    def inverse_by(self, products: Sequence[Floats]) -> Blocks:
        """Return the inverse on the pattern, given how entries meet that of crossed effects.

        Parameters
        ----------
        products : sequence of ndarray, each of shape (k_i, m_i)
            Whitened entries of each factor times the inverse's block of the crossed effects, on
            the pattern; overwritten.
        """
        n = len(self.stages)
        found = Blocks([np.zeros(0)] * n, {}, [np.zeros(0)] * n)
        for i in reversed(range(n)):
            stage, levels = self.stages[i], self.chain.patterns[i].levels
            chain, entries = self._times(i, found, products[i])
            for j, part in chain.items():
                found.between[i, j] = -batched.solve_upper(stage.lower[:, :, None], part)
            found.crossed[i] = -batched.solve_upper_at(stage.lower, levels, entries)
            found.own[i] = self._own_inverse(i, chain, entries)
        return found

    def _own_inverse(self, i: int, chain: Mapping[int, Floats], entries: Floats) -> Floats:
        """The inverse of the levels of factor i, given ``W Z`` of what is later."""
        stage, pattern = self.stages[i], self.chain.patterns[i]
        if not chain and not entries.size:
            return batched.inverse(stage.lower)
        middle = np.zeros_like(stage.lower)
        for j, part in chain.items():
            middle += np.einsum("adl,bdl->abl", part, stage.chain[j])
        if entries.size:
            middle += pattern.products_by_level(entries, stage.crossed)
        return batched.inverse(stage.lower, middle)

    def has_costly_inverse(self) -> bool:
        """Return whether the inverse on the pattern is worth waiting until it is asked for."""
        return len(self.stages) == 1 and self.chain.patterns[0].is_sparse

    def level_sums(self, crossed: Floats) -> list[Floats]:
        """Return the diagonal blocks of the inverse summed over the levels, (k_i, k_i) each."""
        if len(self.stages) > 1:
            return [block.sum(axis=2) for block in self.inverse(crossed).own]
        return [self._level_sum(stage, crossed) for stage in self.stages]

    def _level_sum(self, stage: _Stage, crossed: Floats) -> Floats:
        """The same of a single factor: inv(A_ii) + M inv(S) M', with ``M = inv(A_ii) A_iC``."""
        pattern = self.chain.patterns[0]
        own = batched.inverse(stage.lower).sum(axis=2)
        if not stage.crossed.size:
            return np.asarray(own)
        slopes = batched.solve_upper_at(stage.lower, pattern.levels, stage.crossed)
        return np.asarray(own + pattern.sums_of_squares(slopes, crossed))

    def _times(self, i: int, found: Blocks, entries: Floats) -> tuple[dict[int, Floats], Floats]:
        """``W Z`` of factor i and what is later: by later factor, and on the entries.

        `entries` are what the crossed effects add to the latter.
        """
        stage, pattern = self.stages[i], self.chain.patterns[i]
        chain: dict[int, Floats] = {}
        for j in stage.chain:
            landing = self.chain.landings[i, j]
            part = np.zeros_like(stage.chain[j])
            for other, block in stage.chain.items():
                part += np.einsum("cal,abl->cbl", block, self._later(i, other, j, found))
            if stage.crossed.size:
                part += pattern.by_level(
                    stage.crossed[:, None] * landing.spread(found.crossed[j])[None]
                )
                at_entries = stage.chain[j][:, :, pattern.levels]
                entries += np.einsum("cae,ae->ce", at_entries, landing.spread(found.crossed[j]))
            chain[j] = part
        return chain, entries

    def _later(self, i: int, a: int, b: int, found: Blocks) -> Floats:
        """Inverse between the levels of factors a and b that each level of i belongs to."""
        if a > b:
            return np.swapaxes(self._later(i, b, a, found), 0, 1)
        block = found.own[a] if a == b else found.between[a, b]
        return self.chain.parents[i, a].spread(block)


def _pass_on(chain: Chain, i: int, stage: _Stage, blocks: Blocks) -> None:
    """Subtract what eliminating factor i takes from the later factors of the chain, in place."""
    levels = chain.patterns[i].levels
    for j, white in stage.chain.items():
        parent = chain.parents[i, j]
        for other, block in stage.chain.items():
            if other >= j:
                target = blocks.own[j] if other == j else blocks.between[j, other]
                target -= parent.sum(np.einsum("cal,cbl->abl", white, block))
        if stage.crossed.size:
            products = np.einsum("cae,ce->ae", white[:, :, levels], stage.crossed)
            blocks.crossed[j] -= chain.landings[i, j].sum(products)
