"""What the inverse of H is to rows and to levels, from its blocks by levels and pairs of levels."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.rows.factor_rows import AnyFactorRows, FactorRows, OneHotRows, times
from skglmm.linalg import Grouping, by_matrix, congruence, is_large, left_product

__all__ = ["CrossProducts", "level_kernels", "row_covariances"]

Key = tuple[int, int]  # of two factors, f <= g, or of two predictors

# Sums of -z hess z' by level, or by pair of levels: (k_f, k_g, P). Those of one-hot effects of one
# level are a diagonal, (k, L).
CrossProducts = Mapping[Key, Floats]


def row_covariances(
    factors: Sequence[AnyFactorRows],
    cells: Mapping[Key, Grouping],
    blocks: CrossProducts,
    lambdas: Sequence[Floats],
) -> dict[tuple[int, int], Floats]:
    """Posterior covariances of each row's predictors, see `Shard.row_covariances`."""
    found: dict[tuple[int, int], Floats] = {}
    for (f, g), block in blocks.items():
        if f == g:
            shares = _within(factors[f], block, lambdas[f])
        else:
            shares = _between(
                (factors[f], factors[g]), cells[f, g], block, (lambdas[f], lambdas[g])
            )
        for key, part in shares:
            found[key] = found[key] + part if key in found else part
    return found


Shares = Iterator[tuple[tuple[int, int], Floats]]


def _within(factor: AnyFactorRows, block: Floats, lambda_: Floats) -> Shares:
    """What the effects of one factor add to the covariances of each row's predictors."""
    if isinstance(factor, OneHotRows):
        lifted = by_matrix(left_product(lambda_, block))
        variances = np.einsum("lab,ab->al", lifted, lambda_)
        part = factor.cells.spread(variances.reshape(-1))
        for _ in range(2):
            part = times(part, factor.values)
        yield (factor.predictor, factor.predictor), part
        return
    spread = congruence(lambda_.T, block, lambda_.T)
    if factor.is_alone:
        yield from _of_one_level(factor, spread[:, :, 0])
        return
    for c, (z, j) in enumerate(zip(factor.columns, factor.predictors, strict=True)):
        for d in range(c, factor.n_columns):
            k = factor.predictors[d]
            twice = 2.0 if j == k and c != d else 1.0  # the mirrored block
            part = times(factor.grouping.spread(twice * spread[c, d]), z)
            yield (min(j, k), max(j, k)), times(part, factor.columns[d])


def _between(
    factors: tuple[AnyFactorRows, AnyFactorRows],
    cells: Grouping,
    block: Floats,
    lambdas: tuple[Floats, Floats],
) -> Shares:
    """What the effects of two factors add."""
    spread = congruence(lambdas[0].T, block, lambdas[1].T)
    for c, j, z in factors[0].slots:
        for d, k, other in factors[1].slots:
            twice = 2.0 if j == k else 1.0  # the mirrored block
            part = times(cells.spread(twice * spread[c, d].reshape(-1)), z)
            yield (min(j, k), max(j, k)), times(part, other)


def _of_one_level(factor: FactorRows, covariance: Floats) -> Shares:
    """The same of a factor with one level, whose effects have this covariance."""
    for j, (rows, left) in factor.matrices.items():
        for k, (columns, right) in factor.matrices.items():
            if j <= k:
                half = left @ covariance[np.ix_(rows, columns)]
                yield (j, k), np.einsum("nc,nc->n", half, right)


def level_kernels(
    cross_products: CrossProducts, blocks: CrossProducts, lambdas: Sequence[Floats]
) -> list[Floats]:
    """Return K = sum of Z'W A inv(H) for each factor, see `Shard.level_kernels`."""
    kernels = [np.zeros((len(lambda_), len(lambda_))) for lambda_ in lambdas]
    for (f, g), block in blocks.items():
        weights = cross_products[f, g]
        if weights.ndim == 2:  # one-hot effects
            lifted = left_product(lambdas[f], block)
            kernels[f] += np.einsum("cl,lca->ca", weights, by_matrix(lifted))
            continue
        kernels[f] += _contract(weights, _lifted(lambdas[g], block))
        if f != g:
            lifted = left_product(lambdas[f], block)
            kernels[g] += _contract(np.swapaxes(weights, 0, 1), np.swapaxes(lifted, 0, 1))
    return kernels


def _lifted(lambda_: Floats, block: Floats) -> Floats:
    """``lambda_`` times the second axis of a block, (k, k', P)."""
    if is_large(len(lambda_), block.shape[2]):  # many products with few columns are one
        return np.swapaxes(left_product(lambda_, np.swapaxes(block, 0, 1)), 0, 1)
    return np.asarray(lambda_ @ block)


def _contract(left: Floats, right: Floats) -> Floats:
    """Sum over the last two axes: (c, d, P) and (a, d, P) to (c, a)."""
    return np.asarray(left.reshape(len(left), -1) @ right.reshape(len(right), -1).T)
