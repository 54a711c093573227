r"""Henderson's mixed model equations: cross-products of the columns of a linear mixed model.

With weights W the normal equations of fixed and random effects have the matrix

.. math::
   \begin{pmatrix} X^T W X & X^T W Z \\ Z^T W X & Z^T W Z \end{pmatrix}

beside the variances of the effects [1]_: all that linear algebra of the model needs of the rows.

References
----------
.. [1] Henderson, C. R. (1950). Estimation of genetic parameters. Annals of Mathematical Statistics,
   21, 309-310.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.posterior import cross_product_information, level_blocks
from skglmm.engine.prior import EffectInformation
from skglmm.engine.problem.flat import with_flat
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.shard import CrossProducts, Shard
from skglmm.families import Family, packed

__all__ = ["MixedModelEquations", "mixed_model_equations"]


@dataclass(frozen=True)
class MixedModelEquations:
    """The mixed model equations of a linear mixed model, without the response.

    Columns are those of the fit. A row counts with its weight, divided by the square of what is
    added to the logarithm of its standard deviation, ``exp(2 * offset)``; not by the residual
    variance.

    Parameters
    ----------
    random : EffectInformation
        Z'WZ: of the levels of each factor, in the order of the layout, and of pairs of levels.
    mixed : tuple of ndarray, each of shape (k, p, L)
        Z'WX of the levels of each factor, in the order of the layout.
    fixed : ndarray, shape (p, p)
        X'WX, of the fixed effects of the location.
    weight : float
        Sum of the weights of the rows: their number, if there are none.
    """

    random: EffectInformation
    mixed: tuple[Floats, ...]
    fixed: Floats
    weight: float


def mixed_model_equations(problem: Problem) -> MixedModelEquations | None:
    """Return the mixed model equations of the rows of a problem.

    None where it is no linear mixed model whose residuals have one variance, but for an offset.

    Parameters
    ----------
    problem : Problem
        With all fixed effects as parameters.
    """
    family, location = problem.family, problem.family.location
    others = [k for k in range(len(family.links)) if k != location]
    if not (family.is_normal and all(problem.shards.map(_is_linear, family=family, others=others))):
        return None
    last = len(problem.order)
    sums = problem.shards.map(_cross_products, location=location, scale=others[0])
    mixed = [level_blocks(problem, list(sums.map(itemgetter((i, last)))), i) for i in range(last)]
    units = [np.eye(k) for k, _ in problem.sizes]
    return MixedModelEquations(
        random=cross_product_information(problem, sums, units),
        mixed=problem.in_layout_order(mixed),
        fixed=sums.map(_corner, last=last).total(),
        weight=float(problem.shards.map(_weight).total()),
    )


def _is_linear(shard: Shard, family: Family, others: Sequence[int]) -> bool:
    """Whether the rows of a shard have one residual variance, but for an offset.

    Its logarithm is then a coefficient, with the sign of its limit.
    """
    is_fed = any(k in others for factor in shard.factors for k in factor.predictors)
    signs = [family.limits[k].sign for k in others]
    pairs = zip(others, signs, strict=True)
    return not is_fed and all(_is_one(sign * shard.fixed[k]) for k, sign in pairs)


def _is_one(x: Floats) -> bool:
    return x.shape[1] == 1 and bool(np.all(x == 1.0))


def _cross_products(shard: Shard, location: int, scale: int) -> CrossProducts:
    """Cross-products of the columns of random effects, and of fixed ones as a last factor's."""
    weights, offset = shard.weights, shard.offsets[scale]
    row = np.ones(shard.n_rows) if weights is None else weights
    n_predictors = len(shard.fixed)
    hess = np.zeros((n_predictors * (n_predictors + 1) // 2, shard.n_rows))
    hess[packed(n_predictors, location, location)] = (
        -row if offset is None else -row * np.exp(-2.0 * offset)
    )
    return with_flat(shard, [location]).cross_products(hess)


def _corner(sums: CrossProducts, last: int) -> Floats:
    return sums[last, last][:, :, 0]


def _weight(shard: Shard) -> float:
    return float(shard.n_rows if shard.weights is None else shard.weights.sum())
