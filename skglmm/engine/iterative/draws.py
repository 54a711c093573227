r"""Draws of crossed effects, whose covariance is the inverse of their scaled Schur complement.

With the coarse space of `Deflated`, for a vector e of independent standard normal numbers,

.. math::  y = Q L_E^{-T} Q^T e + \Psi T^{-1/2} P e

has the covariance :math:`A^{-1}`, whether or not the rows' curvatures are all positive. The root
of T is taken in a Krylov space of :math:`P e` [1]_, where it is that of a tridiagonal matrix.

References
----------
.. [1] Chow, E. & Saad, Y. (2014). Preconditioned Krylov subspace methods for sampling multivariate
   Gaussian distributions. SIAM Journal on Scientific Computing, 36(2), A588-A608.
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal, solve_triangular

from skglmm.arrays import Floats
from skglmm.engine.iterative.space import Deflated
from skglmm.linalg import IndefiniteError

__all__ = ["colored"]

STEPS_MAX = 200  # 5 to 20 are usual; a basis of so many vectors is kept
TOL = 1e-8  # change of the draw by a step, relative to it: nothing beside the draw's own chance
NOTHING = 1e-12  # of a vector of which a step leaves so little, all is known


def colored(operator: Deflated, noise: Floats) -> Floats:
    """Give independent standard normal numbers the covariance ``inv(A)``.

    Raises IndefiniteError where the operator curves downward in some direction of the draw, and
    ArithmeticError where the root of it is not found.

    Parameters
    ----------
    operator : Deflated
    noise : ndarray, shape (q,)
    """
    rest = operator.projected(noise[:, None])[:, 0]
    found = operator.lifted(_rooted(operator, rest)[:, None])[:, 0]
    if operator.rank:
        inside = operator.space.T @ noise
        found += operator.space @ solve_triangular(operator.lower[0], inside, lower=True, trans=1)
    return found


def _rooted(operator: Deflated, right: Floats) -> Floats:
    """``T ** -0.5`` times a vector in the complement of the space, (q,)."""
    size, found = float(np.linalg.norm(right)), np.zeros_like(right)
    if operator.rank == len(right) or size == 0.0:
        return found
    basis, diagonal, beside = [right / size], list[float](), list[float]()
    before = np.zeros(0)
    for _ in range(STEPS_MAX):
        image = operator.times(basis[-1][:, None])[:, 0]
        diagonal.append(float(basis[-1] @ image))
        known = np.array(basis)
        for _ in range(2):  # what rounding leaves is taken away as well
            image = operator.projected((image - known.T @ (known @ image))[:, None])[:, 0]
        share = size * _first_of_root(diagonal, beside)
        change = share - np.pad(before, (0, 1))
        length = float(np.linalg.norm(image))
        if np.linalg.norm(change) <= TOL * np.linalg.norm(share) or length <= NOTHING:
            break
        before = share
        beside.append(length)
        basis.append(image / length)
    else:
        msg = (
            f"a draw of crossed effects did not settle in {STEPS_MAX} steps, as some of their "
            "directions are nearly unidentified; fit with solver='direct', or leave out a factor"
        )
        raise ArithmeticError(msg)
    return np.asarray(share @ known)


def _first_of_root(diagonal: list[float], beside: list[float]) -> Floats:
    """The first column of ``J ** -0.5`` for a tridiagonal matrix J."""
    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside))
    if values[0] <= 0.0:
        msg = (
            "crossed effects cannot be drawn, as their joint log density curves upward in some "
            "direction at the mode; fit with solver='direct', or leave out a factor"
        )
        raise IndefiniteError(msg)
    return np.asarray(vectors @ (vectors[0] / np.sqrt(values)))
