"""Freeze what a search may not change on its way, where systems are solved by iterations.

Values of the objective are estimates then, by fixed probes and a fixed coarse space: a smooth
function of the parameters that can be minimized as any other, but for an error that is the same
everywhere nearby. The space suits the parameters where it was made, so that it is made where a
first, rough search ends.
"""

from dataclasses import replace

from skglmm import engine
from skglmm.arrays import give_back_memory
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import MODE_MIN, Optimum, Options, minimize
from skglmm.linalg import IndefiniteError

__all__ = ["settle"]

ROUGH = 0.5  # log-likelihood units that may be left to gain by the first search


def settle(bound: Bound, state: Optimum, options: Options) -> tuple[Bound, Optimum]:
    """Search roughly, and fix the plan of the problem there; others are returned as they are.

    Parameters
    ----------
    bound : Bound
    state : Optimum
        Where the search begins.
    options : Options
    """
    problem = bound.problem
    if problem.plan is None:
        return bound, state
    state = minimize(problem, state, replace(options, tol=max(ROUGH, options.tol)))
    state.here.mode.let_go()
    give_back_memory()  # arrays of other sizes follow
    try:
        plan = engine.settled(state.here.mode.system)
    except IndefiniteError:  # some direction, of none of the probes: what follows will find it
        return bound, state
    if options.report is not None:
        n_directions = 0 if plan.space is None else plan.space.shape[1]
        options.report(f"iterative solver: {n_directions} directions, {plan.n_probes} probes")
    give_back_memory()
    problem = replace(problem, plan=plan)
    here = problem.evaluate(state.vector, state.here.mode.u, MODE_MIN, "near")
    if here is None:
        return bound, state
    n_evaluations = state.n_evaluations + 1
    state = replace(state, here=here, n_evaluations=n_evaluations, is_stalled=False)
    return replace(bound, problem=problem), state
