r"""Covariance of the coefficients that curves belong to, given all else, from the joint density.

The effective degrees of freedom of a curve, and its Bayesian covariance, are those of the
penalized likelihood of coefficients and effects together [1]_: of the Schur complement of the
effects in its Hessian. The Hessian of Laplace's likelihood differs a little from it, as the
determinant that this has depends on the coefficients, too.

References
----------
.. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd edition,
   section 6.10. CRC Press.
"""

from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Effects, Laplace, Params, find_mode
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import Optimum
from skglmm.linalg import block_diagonal

__all__ = ["joint_covariance"]


def joint_covariance(bound: Bound, optimum: Optimum) -> Floats | None:
    """Return the covariance of the coefficients in the user's units, (n_beta, n_beta).

    0 for those of predictors without curves. None where there are no curves, where the fit has
    such a covariance already, or where the joint density has no mode nearby.

    Parameters
    ----------
    bound : Bound
    optimum : Optimum
    """
    problem = bound.problem
    predictors = tuple(sorted({curve.predictor for curve in bound.layout.curves}))
    if not predictors or problem.approximation.integrated:
        return None
    whole = replace(problem, approximation=Laplace(integrated=predictors))
    params = Params.unpack(optimum.vector, problem.shape)
    joint = whole.restricted(params.beta)
    u, flat = optimum.here.mode.u, joint.flat
    start = Effects(u.nested, np.concatenate([u.crossed, flat]))
    kept = Params.unpack(optimum.vector[whole.searched], joint.shape)
    mode = find_mode(joint, kept, start, distance="near")
    if mode is None:
        return None
    own = mode.system.corner(len(flat))
    turn = block_diagonal(*(bound.scales.coefficient_maps[k] for k in predictors))
    sizes = [len(each) for each in bound.scales.coefficient_maps]
    starts = np.cumsum([0, *sizes])
    places = np.concatenate([np.arange(starts[k], starts[k + 1]) for k in predictors])
    found = np.zeros((starts[-1], starts[-1]))
    found[np.ix_(places, places)] = turn @ own @ turn.T
    return found
