r"""Rows of a linear mixed model, condensed to the cross-products of its columns.

Given the random effects the response is normal, with a mean :math:`X \beta + Z b` and the variances
:math:`\sigma^2 / w_i`: all that the likelihood takes of the rows are :math:`C^T W C`,
:math:`C^T W y` and :math:`y^T W y` of :math:`C = [Z\ X]`, on the pattern of levels that meet [1]_.

References
----------
.. [1] Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects
   models using lme4. Journal of Statistical Software, 67(1), 1-48.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.problem.flat import for_sums
from skglmm.engine.problem.within import LevelSquares, level_squares
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.factor_rows import NO_CODES
from skglmm.engine.rows.shard import CommonLevels, Shard
from skglmm.families import packed
from skglmm.linalg import Grouping

__all__ = ["CondensedRows", "CondensedShard", "ResponseSums", "condense", "response_sums"]


class ResponseSums(NamedTuple):
    """Cross-products with the response: those of all columns, and of itself.

    `lost` is by how much the log density of responses is less than that of these normal ones.
    """

    sums: list[Floats]
    square: float
    lost: float


@dataclass(frozen=True)
class CondensedShard:
    """What is left of a shard: the cross-products of its rows.

    Parameters
    ----------
    products : mapping
        :math:`C^T W C` by level and by pair of levels, as `Shard.cross_products` has it. The fixed
        columns of the location are those of the last factor, which has one level.
    sums : list of ndarray, each of shape (k_f, L_f)
        :math:`C^T W y`.
    square : float
        :math:`y^T W y`.
    weight : float
        Sum of the weights of the rows.
    log_size : float
        Weighted sum of what offsets add to the log of the scale.
    lost : float
        Weighted sum of the further rows of prepared responses: by how much the log density of
        responses is less than that of the normal numbers that these are made of.
    """

    products: CrossProducts
    sums: list[Floats]
    square: float
    weight: float
    log_size: float
    lost: float


@dataclass(frozen=True)
class CondensedRows:
    """All that a linear mixed model takes of the rows of a shard, by one pass over them.

    Parameters
    ----------
    levels : Shard
        Their levels and patterns, without rows.
    products : CondensedShard
    squares : LevelSquares
        Of the fixed columns, see `level_squares`.
    scale_column : float
        What the log scale is a multiple of; 0 where it is known.
    """

    levels: Shard
    products: CondensedShard
    squares: LevelSquares
    scale_column: float


def condense(shard: Shard, location: int, scale: int) -> CondensedRows | None:
    """Take the cross-products of rows; None where they have more than one scale.

    Parameters
    ----------
    shard : Shard
    location, scale : int
        The two predictors.
    """
    column = shard.fixed[scale]
    if not set(shard.active) <= {location} or np.any(column != column[:1]):
        return None
    rows = for_sums(shard, (location,))
    sizes, found = _inverse_variances(rows, scale), response_sums(rows, location, scale)
    n_predictors = len(shard.fixed)
    place = packed(n_predictors, location, location)
    products = rows.cross_products(_only(place, -sizes, n_predictors**2))
    weight, log_size = _masses(rows, scale)
    condensed = CondensedShard(products, found.sums, found.square, weight, log_size, found.lost)
    size = float(column[0, 0]) if column.size else 0.0
    return CondensedRows(_without_rows(shard), condensed, level_squares(shard), size)


def response_sums(shard: Shard, location: int, scale: int) -> ResponseSums:
    """Take the cross-products with the response of rows as `for_sums` returns them."""
    y, offset = shard.prepared[0], shard.offsets[location]
    y = y if offset is None else y - offset
    weighted = _inverse_variances(shard, scale) * y
    sums = shard.level_sums(_only(location, weighted, len(shard.fixed)))
    further = shard.prepared[1:].sum(axis=0)
    lost = float(further.sum() if shard.weights is None else shard.weights @ further)
    return ResponseSums(sums, float(y @ weighted), lost)


def _without_rows(shard: Shard) -> Shard:
    """Return levels and patterns of a shard, without its rows."""
    return replace(
        shard,
        prepared=shard.prepared[:, :0],
        weights=None,
        fixed=tuple(x[:0] for x in shard.fixed),
        offsets=tuple(None for _ in shard.offsets),
        factors=tuple(factor.without_rows(factor.grouping.size) for factor in shard.factors),
        pairs={
            key: CommonLevels(Grouping(NO_CODES, len(pair.left)), pair.left, pair.right)
            for key, pair in shard.pairs.items()
        },
        chain=shard.chain.briefly_used(),
    )


def _only(place: int, row: Floats, n: int) -> Floats:
    """Rows of which one is not zero; the others take no memory."""
    rows = np.broadcast_to(np.zeros(1), (n, len(row)))
    return [row if k == place else rows[k] for k in range(n)]  # type: ignore[return-value]


def _inverse_variances(shard: Shard, scale: int) -> Floats:
    """Inverse variances of the rows, (n,), in units of those of a row of weight 1."""
    offset, weights = shard.offsets[scale], shard.weights
    if offset is None:
        return np.ones(shard.n_rows) if weights is None else weights
    sizes = np.exp(-2.0 * offset)
    return sizes if weights is None else weights * sizes


def _masses(shard: Shard, scale: int) -> tuple[float, float]:
    """Sum of the weights, and their sum with what is added to the log of the scale."""
    weights, offset = shard.weights, shard.offsets[scale]
    total = float(shard.n_rows if weights is None else weights.sum())
    if offset is None:
        return total, 0.0
    return total, float(offset.sum() if weights is None else weights @ offset)
