r"""Conjugate gradients for many right-hand sides at once, and the quadrature that they give.

The coefficients of the steps are those of a tridiagonal matrix J that is the operator in the
Krylov space of a right-hand side z, so that :math:`z^T f(T) z \approx |z|^2 \sum_i w_i f(t_i)` with
the eigenvalues t of J and the squares w of the first entries of its eigenvectors [1]_.

References
----------
.. [1] Golub, G. H. & Meurant, G. (2010). Matrices, Moments and Quadrature with Applications.
   Princeton University Press.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from skglmm.arrays import Bools, Floats
from skglmm.engine.iterative.plan import UnsolvedError
from skglmm.engine.iterative.space import Deflated
from skglmm.linalg import IndefiniteError

__all__ = ["Run", "log_remainders", "solved"]

STEPS_MAX = 500  # 3 to 9 are usual
ENOUGH = 1e-6  # relative residual that is no reason to give up after so many
OUTSIDE = 10  # steps after which rounding is projected off the coarse space
ROUNDING = 1e-16  # the same where what is left may curve any way
NOTHING = 1e-28  # of the square of a right-hand side: it is solved to the last digit


class Run(NamedTuple):
    """Conjugate gradients on some right-hand sides.

    Parameters
    ----------
    solution : ndarray, shape (q, m)
    lengths, ratios : ndarray, shape (n_steps, m)
        Of the steps, and of one residual to the one before.
    squares : ndarray, shape (m,)
        Of the right-hand sides.
    first : ndarray, shape (q, m)
        The operator times the right-hand sides.
    """

    solution: Floats
    lengths: Floats
    ratios: Floats
    squares: Floats
    first: Floats


def solved(operator: Deflated, right: Floats, tol: float, squares: Floats | None = None) -> Run:
    """Solve with an operator on the complement of its space.

    Raises IndefiniteError where a right-hand side meets a direction that is not curved upward, and
    UnsolvedError where it is far from solved after very many steps.

    Parameters
    ----------
    operator : Deflated
    right : ndarray, shape (q, m)
    tol : float
        Of the residual, relative to the root of `squares`.
    squares : ndarray, shape (m,), or None
        Those of the right-hand sides, by default: of what they were before their projection, where
        nothing but rounding may be left of it.
    """
    right = operator.projected(right)  # of a small one, much of it may be rounding inside the space
    own = np.einsum("ij,ij->j", right, right)
    squares = own if squares is None else squares
    taken = list[tuple[Floats, Floats]]()  # lengths of steps, and ratios
    found, first = np.zeros_like(right), np.zeros_like(right)
    if operator.rank == len(right) or np.all(own <= NOTHING * squares):
        nothing = np.zeros((0, right.shape[1]))
        return Run(found, nothing, nothing, np.zeros_like(own), first)
    residual, step, size = right.copy(), right.copy(), own
    for n_steps in range(STEPS_MAX):
        image = operator.times(step)
        first = image.copy() if n_steps == 0 else first
        curve = np.einsum("ij,ij->j", step, image)
        live = (size > NOTHING * squares) & (curve > 0)
        if np.any(~live & ~(size <= ROUNDING * squares)):  # written so that NaN fails
            raise IndefiniteError
        length = np.where(live, size / np.where(live, curve, 1.0), 0.0)
        found += length * step
        residual -= length * image
        if n_steps % OUTSIDE == OUTSIDE - 1:
            residual = operator.projected(residual)
        after = np.einsum("ij,ij->j", residual, residual)
        ratio = np.where(live, after / np.where(live, size, 1.0), 0.0)
        taken.append((length, ratio))
        size = after
        if np.all((size <= tol**2 * squares) | ~live):
            break
        step *= ratio
        step += residual
    else:
        _refuse_far(size, squares, live)
    lengths, ratios = np.swapaxes(taken, 0, 1)
    return Run(found, lengths, ratios, own, first)


def _refuse_far(size: Floats, squares: Floats, live: Bools) -> None:
    if np.all((size <= ENOUGH**2 * squares) | ~live):
        return
    msg = (
        f"the equations of the crossed effects were not solved in {STEPS_MAX} iterations, as some "
        "of their directions are nearly unidentified; fit with solver='direct', or leave out a "
        "factor"
    )
    raise UnsolvedError(msg)


def log_remainders(run: Run) -> Floats:
    """Return ``z.T @ (log(T) + I - T) @ z`` for each right-hand side, (m,)."""
    return np.array([_log_remainder(run, k) for k in range(len(run.squares))])


def _log_remainder(run: Run, k: int) -> float:
    lengths, ratios = run.lengths[:, k], run.ratios[:, k]
    n_steps = int(np.argmax(lengths == 0.0)) if np.any(lengths == 0.0) else len(lengths)
    if not n_steps:
        return 0.0
    lengths, ratios = lengths[:n_steps], ratios[: n_steps - 1]
    diagonal = 1.0 / lengths
    diagonal[1:] += ratios / lengths[:-1]
    beside = np.sqrt(ratios) / lengths[:-1]
    values, vectors = eigh_tridiagonal(diagonal, beside)
    if values[0] <= 0.0:
        raise IndefiniteError
    return float(run.squares[k] * (vectors[0] ** 2 @ (np.log(values) + 1.0 - values)))
