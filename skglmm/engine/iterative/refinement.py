r"""A better estimate of the log determinant at one place, which belongs to no slope.

Of the remainder :math:`\mathrm{tr}(\log T + M)`, with :math:`M = P - T`, nearly all is
:math:`-\tfrac12 \mathrm{tr}(M^2)`. Where sparse products are few enough that trace is known
exactly, and only what is of the third order is left to chance; elsewhere more probes tell it, each
by one product with T.
"""

from typing import Any

import numpy as np
from scipy import sparse

from skglmm.arrays import Floats, Ints, slices
from skglmm.engine.iterative.gradients import Run, log_remainders, solved
from skglmm.engine.iterative.plan import ProbePlan, Refinement
from skglmm.engine.iterative.reduced import Couplings, Reduced
from skglmm.engine.iterative.space import Deflated

__all__ = ["refined", "squared_norm", "trace_of_square"]

VALUE_TARGET = 1e-4  # standard error of a log likelihood
EXTRA, EXTRA_MAX = 16, 528  # probes at once, and the last of them
SOLVED = 4.0  # cost of a probe that is solved with, in products
MEETINGS_MAX = 1_000.0  # of entries of a row, for each entry: they take the time of such probes
GROUPS = 8  # of columns, each of which meets itself and later ones
BLOCK = 8_000_000  # entries of a sparse product that is made at a time: 100 MB


def refined(
    operator: Deflated, run: Run, remainders: Floats, plan: ProbePlan, tol: float
) -> Refinement:
    """Return what is to be added to the remainders of probes, and what is left to chance.

    Parameters
    ----------
    operator : Deflated
    run : Run
        Of the probes of the plan.
    remainders : ndarray, shape (n_probes,)
        That they gave.
    plan : ProbePlan
    tol : float
        Of solutions, see `solved`.
    """
    before = np.var(remainders, ddof=1) / len(remainders)
    if 0.5 * np.sqrt(before) <= VALUE_TARGET:
        return plan.refinement
    n_crossed, used = operator.reduced.n_crossed, plan.n_probes
    signs = operator.projected(plan.probes(n_crossed))
    beyond, squares = remainders + 0.5 * _squares(signs - run.first), np.zeros(0)
    known = trace_of_square(operator)
    while used < EXTRA_MAX:
        left, right = _chance(beyond), 0.0 if known is not None else 0.25 * _chance(squares)
        if 0.5 * np.sqrt(left + right) <= VALUE_TARGET:
            break
        signs = operator.projected(plan.others(n_crossed, range(used, used + EXTRA)))
        used += EXTRA
        if known is not None or left * len(squares) > SOLVED * right * len(beyond):
            more = solved(operator, signs, tol)
            beyond = np.append(beyond, log_remainders(more) + 0.5 * _squares(signs - more.first))
        else:
            squares = np.append(squares, _squares(signs - operator.times(signs)))
    left, right = _chance(beyond), 0.0 if known is not None else 0.25 * _chance(squares)
    if not left + right < before:
        return plan.refinement
    second = float(squares.mean()) if known is None else known
    return Refinement(beyond.mean() - 0.5 * second - remainders, float(left + right))


def _chance(estimates: Floats) -> float:
    """Variance of the mean of some estimates."""
    return float(np.var(estimates, ddof=1) / len(estimates)) if len(estimates) else np.inf


def _squares(columns: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->j", columns, columns))


def trace_of_square(operator: Deflated) -> float | None:
    r"""Return ``trace((P - T) @ (P - T))`` exactly; None where that takes too long.

    With :math:`M = I - A` it is :math:`P M P + F^T E^{-1} F`, of which only
    :math:`\mathrm{tr}(M^2)` is not a matter of a few columns.
    """
    found = squared_norm(operator.reduced)
    if found is None or not operator.rank:
        return found
    space, across = operator.space, operator.across
    inside = np.eye(operator.rank) - operator.block
    found += float(np.sum(inside**2) - 2.0 * np.sum((space - operator.image) ** 2))
    gram = across.T @ across
    twice = operator.inverse_times(gram - across.T @ operator.reduced.times(across))
    square = operator.inverse_times(gram)
    return found + 2.0 * float(np.trace(twice)) + float(np.sum(square * square.T))


def squared_norm(reduced: Reduced) -> float | None:
    """Return the sum of the squares of the entries of ``I - A``; None where that takes too long.

    Its blocks of single levels are zero. Of the others nearly all are computed once only, as it is
    symmetric.
    """
    every = list(reduced.couplings)
    rows = [row for each in every for row in each.rows]
    meetings = sum(float(np.sum(np.diff(row.indptr).astype(float) ** 2)) for row in rows)
    if meetings > MEETINGS_MAX * max(1, sum(row.nnz for row in rows)):
        return None
    lifting = _lifting(reduced)
    entries = sparse.vstack(rows, format="csr") @ lifting
    turned, direct = entries.T.tocsr(), _direct(reduced, every, lifting)
    n_crossed, levels = reduced.n_crossed, _levels(reduced)
    found, size, first = 0.0, max(1, BLOCK // n_crossed), 0
    for some in slices(n_crossed, max(1, n_crossed // GROUPS)):  # with them and later ones
        if some.start > first:
            entries, first = entries[:, some.start - first :], some.start
        later = None if direct is None else direct[:, some.start :]
        for start in range(some.start, some.stop, size):
            own = slice(start, min(start + size, some.stop))
            part = turned[own] @ entries
            part = part if later is None else part - later[own]
            columns = part.indices + some.start
            squares = part.data**2
            squares[np.repeat(levels[own], np.diff(part.indptr)) == levels[columns]] = 0.0
            found += float(squares.sum() + squares[columns >= some.stop].sum())
    return found


def _levels(reduced: Reduced) -> Ints:
    """The level of each crossed effect, numbered through all factors, (q,)."""
    starts = np.cumsum([0, *(n for _, n in reduced.sizes)])
    pairs = zip(starts, reduced.sizes, strict=False)
    found = [np.tile(start + np.arange(n, dtype=np.int32), k) for start, (k, n) in pairs]
    return np.concatenate(found)


def _lifting(reduced: Reduced) -> Any:
    """``inv(G).T``, sparse, (q, q)."""
    rows, columns, values, start = [], [], [], 0
    for root in reduced.inverse_roots:
        k, n = len(root), root.shape[2]
        places = start + n * np.arange(k)[:, None] + np.arange(n)
        for a in range(k):
            for b in range(a + 1):
                rows.append(places[b])
                columns.append(places[a])
                values.append(root[a, b])
        start += k * n
    at = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(values), at), shape=(start, start))


def _direct(reduced: Reduced, every: list[Couplings], lifting: Any) -> Any:
    """Scaled entries between different factors that are both crossed, (q, q); None without any."""
    parts = [each.direct for each in every if each.direct is not None]
    parts += [] if reduced.above is None else [reduced.above]
    if not parts:
        return None
    above = sum(parts[1:], parts[0])
    return (lifting.T @ (above + above.T) @ lifting).tocsr()
