r"""Sums over pairs of levels of the entries of :math:`M = Z^T V^{-1} Z`, which is never formed.

The leading factor, with the most effects, is eliminated level by level. What that leaves of the
cross-products, N, has the Schur complement :math:`S = I + \Lambda_R^T N_{RR} \Lambda_R` in the
effects of all other factors, and with :math:`\Psi = S^{-1/2} \Lambda_R^T`

.. math:: M = N - N_{\cdot R} \Psi^T \Psi N_{R \cdot}.

Nothing is divided by a variance, which may be zero. The block of the leading factor is
block-diagonal less a product of a matrix that has few rows, so that sums of squares over *all*
pairs of its levels cost what its Gram matrix does: linear in the levels. Other factors fall apart
into independent panels where they are nested.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Floats, Ints
from skglmm.engine import EffectInformation
from skglmm.inference.degrees_of_freedom.large_blocks import Direction, symmetric
from skglmm.inference.degrees_of_freedom.marginal import MarginalModel

__all__ = ["PairSums", "pair_sums"]

Sparse = Any  # a matrix of scipy.sparse
PANEL = 64  # effects of independent levels that are solved together: small matrices cost calls
DENSE_MAX = 8_000  # crossed effects: six matrices of 512 MB
CHUNK = 2**22  # numbers of a product with levels of the leading factor


@dataclass(frozen=True)
class PairSums:
    """Sums over levels, and over pairs of levels, of blocks of M, and products with it.

    Parameters
    ----------
    own : dict of f to ndarray, shape (k, k)
        Sums of the diagonal blocks of each factor.
    squares : dict of (f, g) to ndarray, shape (k_f, k_g, k_f, k_g)
        ``sum M[(f, b), (g, c)] * M[(f, a), (g, d)]`` at [b, c, a, d], one order of each pair.
    products : ndarray, shape (q, m)
        M times some vectors, in the order of `EffectInformation.matrix`.
    """

    own: dict[int, Floats]
    squares: dict[tuple[int, int], Floats]
    products: Floats

    def traces(self, directions: Sequence[Direction]) -> Floats:
        """Return the traces of D M D' M of all pairs of directions, (m, m)."""
        return symmetric(directions, self._trace)

    def _trace(self, one: Direction, other: Direction) -> float:
        (f, left), (g, right) = one, other
        if (f, g) not in self.squares:
            (f, left), (g, right) = other, one
        return float(np.einsum("ab,cd,bcad->", left, right, self.squares[f, g]))


def pair_sums(model: MarginalModel, vectors: Floats) -> PairSums:
    """Return sums over pairs of levels of ``M = Z' inv(V) Z``, and M times vectors.

    Parameters
    ----------
    model : MarginalModel
    vectors : ndarray, shape (q, m)
        In the order of `EffectInformation.matrix`.

    Raises
    ------
    ValueError
        If crossed factors have so many levels that memory would not do.
    """
    reduced = _Reduced.of(model)
    leading, others = vectors[reduced.leading], vectors[reduced.others]
    reached = reduced.cross.T @ leading + reduced.rest @ others
    sums, own = _Totals(reduced, reached), reduced.own
    for inside in reduced.panels():
        sums.add(_Panel.of(reduced, inside), reached)
    first, moved = reduced.order[0], others - sums.solved
    sums.own[first] = own.sum(axis=2) - sums.lost.sum(axis=2)
    sums.squares[first, first] += (
        np.einsum("bcl,adl->bcad", own, own)
        - np.einsum("bcl,adl->bcad", own, sums.lost)
        - np.einsum("bcl,adl->bcad", sums.lost, own)
    )
    products = np.empty_like(vectors)
    products[reduced.leading] = _block_matrix(own) @ leading + reduced.cross @ moved
    products[reduced.others] = reduced.rest @ moved + reduced.cross.T @ leading
    return PairSums(sums.own, sums.squares, products)


@dataclass(frozen=True)
class _Reduced:
    """Cross-products by the residual variance, after the leading factor was eliminated.

    Effects are numbered column by column, by level within each.
    """

    order: tuple[int, ...]
    leading: Ints  # places of its effects among all
    others: Ints  # those of the other factors, one after the other
    sizes: tuple[tuple[int, int], ...]  # columns and levels of these
    own: Floats  # (k, k, L), blocks of the leading factor
    cross: Sparse  # (k L, r)
    rest: Sparse  # (r, r)
    lower: Sparse  # (r, r), factor of their covariance

    @classmethod
    def of(cls, model: MarginalModel) -> "_Reduced":
        blocks, order = model.equations.random.blocks, model.fit.order
        starts = np.cumsum([0, *(block.shape[1] * block.shape[2] for block in blocks)])
        places = [np.arange(starts[f], starts[f + 1]) for f in order]
        leading, others = places[0], np.concatenate([np.zeros(0, np.intp), *places[1:]])
        whole = model.equations.random.matrix / model.residual_variance
        factor = model.factors[order[0]]
        per_level = np.moveaxis(blocks[order[0]] / model.residual_variance, -1, 0)
        inner = np.eye(len(factor)) + factor.T @ per_level @ factor
        effect = factor @ np.linalg.solve(inner, np.broadcast_to(factor.T, inner.shape))
        # N - N E N, without the difference of large numbers where residuals are small
        left = np.asarray(np.linalg.inv(np.eye(len(factor)) + per_level @ factor @ factor.T))
        own = left @ per_level
        cross, rest = whole[leading][:, others], whole[others][:, others]
        solved = _block_matrix(np.moveaxis(effect, 0, -1)) @ cross
        factors = [
            sparse.kron(model.factors[f], sparse.identity(blocks[f].shape[2])) for f in order[1:]
        ]
        return cls(
            order,
            leading,
            others,
            tuple(blocks[f].shape[1:] for f in order[1:]),
            np.moveaxis(own, 0, -1),
            sparse.csr_matrix(_block_matrix(np.moveaxis(left, 0, -1)) @ cross),
            sparse.csr_matrix(rest - cross.T @ solved),
            sparse.block_diag([sparse.csr_matrix((0, 0)), *factors], format="csr"),
        )

    def panels(self) -> Iterator[Ints]:
        """Effects of other factors that belong together, some independent sets at a time."""
        n = len(self.others)
        if not n:
            return
        levels = [_block_matrix(np.ones((k, k, m))) for k, m in self.sizes]
        alike = abs(self.rest) + sparse.block_diag(levels, format="csr")
        _, labels = connected_components(alike, directed=False)
        counts = np.bincount(labels)
        if counts.max() > DENSE_MAX:
            msg = (
                f"df='kenward-roger' needs dense matrices of {counts.max()} columns, the effects "
                f"of the crossed factors beside the largest, more than {DENSE_MAX}; use "
                "df='satterthwaite', which needs none"
            )
            raise ValueError(msg)
        joined = ((np.cumsum(counts) - counts) // PANEL)[labels]
        yield from np.split(np.argsort(joined, kind="stable"), _cuts(joined))


def _cuts(labels: Ints) -> Ints:
    return np.flatnonzero(np.diff(np.sort(labels))) + 1


@dataclass(frozen=True)
class _Panel:
    """Effects of other factors that meet none outside, with the leading levels that they meet."""

    inside: Ints  # places among the other effects
    levels: Ints  # of the leading factor
    cross: tuple[Sparse, ...]  # (levels, r) for each column of the leading factor
    root: Floats  # Psi, (r, r)
    moved: Floats  # I - Psi'Psi N, (r, r)
    block: Floats  # of M, (r, r)
    places: tuple[Ints, ...]  # of the effects of each factor, (k, levels)

    @classmethod
    def of(cls, reduced: _Reduced, inside: Ints) -> "_Panel":
        rest = reduced.rest[inside][:, inside].toarray()
        lower = reduced.lower[inside][:, inside].toarray()
        schur = np.eye(len(rest)) + lower.T @ rest @ lower
        root = solve_triangular(cholesky(schur, lower=True), lower.T, lower=True)
        moved = np.eye(len(rest)) - root.T @ (root @ rest)
        k, n = reduced.own.shape[1:]
        cross = reduced.cross[:, inside]
        levels = np.unique(cross.nonzero()[0] % n)
        starts = np.cumsum([0, *(size * m for size, m in reduced.sizes)])
        places = []
        for (size, _), start, end in zip(reduced.sizes, starts, starts[1:], strict=False):
            own = np.flatnonzero((inside >= start) & (inside < end))
            places.append(own.reshape(size, -1))
        columns = tuple(cross[a * n + levels] for a in range(k))
        return cls(inside, levels, columns, root, moved, rest @ moved, tuple(places))

    def projected(self) -> Iterator[tuple[Ints, Floats]]:
        """Yield some levels of the leading factor, and Psi N of them, (k, r, levels)."""
        step = max(1, CHUNK // (len(self.inside) * len(self.cross)))
        for start in range(0, len(self.levels), step):
            some = slice(start, start + step)
            yield (
                self.levels[some],
                np.stack([(each[some] @ self.root.T).T for each in self.cross]),
            )


class _Totals:
    """Sums that grow panel by panel."""

    def __init__(self, reduced: _Reduced, reached: Floats) -> None:
        self.order = reduced.order
        k = len(reduced.own)
        sizes = [k, *(size for size, _ in reduced.sizes)]
        self.own = {f: np.zeros((m, m)) for f, m in zip(reduced.order, sizes, strict=True)}
        every = list(zip(reduced.order, sizes, strict=True))
        self.squares = {
            (f, g): np.zeros((m, n, m, n)) for i, (f, m) in enumerate(every) for g, n in every[i:]
        }
        self.lost = np.zeros_like(reduced.own)  # what other factors take from its blocks
        self.solved = np.zeros_like(reached)

    def add(self, panel: _Panel, reached: Floats) -> None:
        """Add what the effects of a panel contribute."""
        self.solved[panel.inside] = panel.root.T @ (panel.root @ reached[panel.inside])
        for levels, part in panel.projected():
            self.lost[:, :, levels] += np.einsum("ajl,djl->adl", part, part)
        k = len(panel.cross)
        grams = {
            (b, a): np.asarray((panel.cross[b].T @ panel.cross[a]).todense())
            for b, a in product(range(k), repeat=2)
        }
        self._add_leading(panel, grams)
        self._add_others(panel, grams)

    def _add_leading(self, panel: _Panel, grams: dict[tuple[int, int], Floats]) -> None:
        first = self.order[0]
        turned = {key: panel.root @ gram @ panel.root.T for key, gram in grams.items()}
        for (b, a), one in turned.items():
            for (c, d), other in turned.items():
                self.squares[first, first][b, c, a, d] += np.vdot(one, other)

    def _add_others(self, panel: _Panel, grams: dict[tuple[int, int], Floats]) -> None:
        first = self.order[0]
        for i, (f, mine) in enumerate(zip(self.order[1:], panel.places, strict=True)):
            inner = panel.moved[:, mine]
            for (b, a), gram in grams.items():
                met = np.tensordot(gram, inner, 1)
                self.squares[first, f][b, :, a, :] += np.einsum("jcl,jdl->cd", inner, met)
            self.own[f] += _diagonal(panel.block, mine)
            for g, theirs in list(zip(self.order[1:], panel.places, strict=True))[i:]:
                block = panel.block[mine[:, :, None, None], theirs]
                (m, _, n, _), rows = block.shape, np.swapaxes(block, 1, 2)
                rows = rows.reshape(m * n, -1)
                self.squares[f, g] += (rows @ rows.T).reshape(m, n, m, n)


def _diagonal(block: Floats, places: Ints) -> Floats:
    return np.asarray(block[places[:, None], places].sum(axis=2))


def _block_matrix(blocks: Floats) -> Sparse:
    """Return blocks of levels, (k, k, L), as a matrix, column by column."""
    return EffectInformation((blocks,), {}).matrix
