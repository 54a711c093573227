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

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.gaussian.condensed import CondensedShard
from skglmm.engine.mode.posterior import cross_product_information, level_blocks
from skglmm.engine.prior import EffectInformation
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.parts import Here, Parts

__all__ = ["MixedModelEquations"]


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

    @classmethod
    def of(cls, problem: Problem, condensed: CondensedShard) -> "MixedModelEquations":
        """Return the equations of condensed rows.

        Parameters
        ----------
        problem : Problem
            Their levels, as one shard.
        condensed : CondensedShard
        """
        last, products = len(problem.order), condensed.products
        mixed = [level_blocks(problem, [products[i, last]], i) for i in range(last)]
        random = {key: block for key, block in products.items() if key[1] < last}
        sums: Parts[CrossProducts] = Here((random,))
        units = [np.eye(k) for k, _ in problem.sizes]
        return cls(
            random=cross_product_information(problem, sums, units),
            mixed=problem.in_layout_order(mixed),
            fixed=products[last, last][:, :, 0],
            weight=condensed.weight,
        )
