"""Fit a mixed model by maximum likelihood or REML: from design and response to a frozen `Fit`."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import numpy as np

from skglmm.arrays import Floats, give_back_memory
from skglmm.design import Design
from skglmm.engine import (
    Approximation,
    LinearModel,
    Params,
    PosteriorNodes,
    PosteriorNormal,
    Problem,
    ProfiledGaussian,
    effect_posterior,
    find_mode,
    jacobian,
    linear_model,
    maximum_of,
)
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.fitting.data.spaces import signed_sums, spaces
from skglmm.fitting.dictated import with_information
from skglmm.fitting.infinity import Infinity, Sides, infinity, sides
from skglmm.fitting.outcome import Outcome, in_user_units
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.ceilings import begin_again, hold
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.linear import (
    begin_profile,
    begin_profile_at,
    has_digits,
    in_all_parameters,
)
from skglmm.fitting.search.optimize import STALLED_DECREASE, Optimum, Options, finish, minimize
from skglmm.fitting.search.polish import exact, polish
from skglmm.fitting.search.restricted import log_volume, restricted, with_integrated
from skglmm.fitting.search.settle import settle
from skglmm.fitting.search.singular import free_parameters
from skglmm.fitting.search.start import first_constants, start
from skglmm.fitting.search.subsample import Pilot, ahead, begin, begin_at, with_spread
from skglmm.fitting.separation import far_predictors, is_far, recession, run_out
from skglmm.fitting.study import Study
from skglmm.fitting.uncertainty import determined, least_curvatures, stiffened
from skglmm.parts import Crew, Here
from skglmm.priors import NO_PRIORS, Priors

__all__ = ["fit", "fit_bound", "refit", "refit_with", "unpenalized", "unrestricted"]

RUNS_MAX = 10  # towards infinity, of which each leaves a hundredth of what there is to gain
NOBODY = Crew(0)
SHARED_CROSSED = 2_000  # crossed effects: a matrix of more is slow to travel, and where time goes
SMALLER, LARGER = 0.1, 1.0  # standard deviations where a search begins once more


def fit(  # noqa: PLR0913 -- data and what their likelihood is
    family: Family,
    design: Design,
    y: Floats,
    weights: Floats | None = None,
    *,
    inference: bool = True,
    log_jacobian: float = 0.0,
    options: Options | None = None,
    approximation: Approximation | None = None,
    priors: Priors = NO_PRIORS,
) -> Fit:
    """Fit a mixed model by maximum likelihood, or by a restricted one.

    Parameters
    ----------
    family : Family
    design : Design
    y : ndarray, shape (n,)
        Response on the family's own scale.
    weights : ndarray, shape (n,), or None
        Positive weights that multiply the log density of the rows.
    inference : bool
        Whether to compute the covariance of the estimates.
    log_jacobian : float
        Subtracted from the log likelihood: ``sum(w) log(width)`` for a response that lives
        on an interval of another width.
    options : Options or None
        When the optimizer stops.
    approximation : Approximation or None
        Of the likelihood, and which fixed effects it integrates out; None is Laplace's with none.
    priors : Priors
        Of parameters: estimates are modes of the posterior density then.

    Raises
    ------
    ValueError
        If a prior is about no parameter of the model.
    DesignError
        If the likelihood is not finite at the starting values, crossed factors are too large, or
        the approximation is not one for such random effects.
    """
    options = options or Options()
    rows, n_threads = (family, design, y, weights, log_jacobian), options.n_threads
    with Crew(options.n_processes - 1) as crew:
        if not isinstance(approximation, ProfiledGaussian):  # which hardly ever needs it
            crew.start()
        study = Study.of(
            *rows,
            n_threads,
            approximation,
            whole=options.averages,
            priors=priors,
            solver=options.solver,
        )
        if options.averages and study.problem.plan is not None:
            _refuse_averages()
        found = spaces(signed_sums(design, y, weights), study.scales)
        first = first_constants(family, study.design.offsets, study.response, weights)
        bound = [replace(study.bound, spaces=found)]
        del study  # with columns of all rows; nor is what a fit makes of them held here
        return fit_bound(bound.pop(), first, options, inference=inference, crew=crew)


def fit_bound(
    bound: Bound,
    constants: Floats,
    options: Options,
    *,
    inference: bool = True,
    effects: bool = True,
    model: LinearModel | None = None,
    crew: Crew = NOBODY,
) -> Fit:
    """Fit a bound problem, whose rows may be here or on a cluster.

    Parameters
    ----------
    bound : Bound
    constants : ndarray, shape (K,)
        Constant linear predictors that suit the responses, both in the units of the fit.
    options : Options
        When the optimizer stops.
    inference : bool
        Whether to compute the covariance of the estimates.
    effects : bool
        Whether to keep the posterior of the random effects, which predictions need.
    model : LinearModel or None
        Cross-products of the rows of a linear mixed model, where they are known.
    crew : Crew
        Processes that are to have a share of the rows that are here.
    """
    model = model or linear_model(bound.problem)
    if model is not None:
        state, kept = begin_profile(model), {"inference": inference, "effects": effects}
        found = _fit_linear(bound, model, state, options, **kept)
        if found is not None:
            return found
    bound = replace(bound, problem=bound.problem.kept())
    if bound.problem.approximation.integrated:
        bound = restricted(bound, start(bound.problem, constants, bound.upper))
    bound, pilot = _shared(bound, constants, options, crew)
    return _maximize(  # which lets go of the start, with arrays of all rows, on its way
        bound,
        begin(bound.problem, constants, bound.upper, pilot),
        options,
        constants,
        inference=inference,
        effects=effects,
    )


def _shared(
    bound: Bound, constants: Floats, options: Options, crew: Crew
) -> tuple[Bound, Pilot | None]:
    """Fit some rows ahead, while a crew starts and takes its share of all of them."""
    problem, where = bound.problem, (constants, bound.upper, options)
    is_large = problem.plan is not None or problem.n_crossed > SHARED_CROSSED
    if not crew.n_others or is_large:
        return bound, ahead(problem, *where)
    alone = replace(problem, shards=Here(problem.shards))  # threads would only wait for each other
    with ThreadPoolExecutor(1) as sender:
        shared = sender.submit(problem.shared, crew)
        pilot = ahead(alone, *where)
        return replace(bound, problem=shared.result()), pilot


def refit(
    study: Study,
    before: Fit,
    options: Options | None = None,
    *,
    inference: bool = False,
    effects: bool = False,
) -> Fit:
    """Fit again from the estimates of an earlier fit, to the same rows or another response.

    Parameters
    ----------
    study : Study
        Rows of `before`, as they were or with another response.
    before : Fit
        Whose estimates are the starting values.
    options : Options or None
        When the optimizer stops.
    inference : bool, default=False
        Whether to compute the covariance of the estimates.
    effects : bool, default=False
        Whether to keep the posterior of the random effects, which predictions need.
    """
    study = study.like(before).condensed()
    if study.model is not None:
        bound, model = study.anonymous, study.model
        first = begin_profile_at(model, bound.vector(before))
        kept = {"inference": inference, "effects": effects}
        found = _fit_linear(bound, model, first, options or Options(), **kept)
        if found is not None:
            return found
    bound = study.around(before)
    state = begin_at(bound.problem, bound.off_boundary(bound.vector(before)), bound.upper)
    return _maximize(bound, state, options or Options(), inference=inference, effects=effects)


def refit_with(study: Study, before: Fit, easier: Study, options: Options) -> Fit:
    """Fit again, with the optimum and the Hessian of rows of the same likelihood.

    Parameters
    ----------
    study : Study
        Rows of `before`.
    before : Fit
        Whose estimates are the starting values, and which the record is compared as.
    easier : Study
        The same rows, in numbers that lose fewer digits.
    options : Options
        When the optimizer stops.
    """
    bound, other = study.around(before), easier.around(before)
    first = begin_at(other.problem, other.off_boundary(other.vector(before)), other.upper)
    optimum = minimize(other.problem, first, options)
    optimum = polish(other.problem, optimum, options, inference=True)
    here = bound.problem.evaluate(optimum.vector)
    if here is None:
        return before
    optimum = replace(
        optimum,
        here=replace(here, value=optimum.here.value),
        n_evaluations=before.n_evaluations + optimum.n_evaluations,
        n_iterations=before.n_iterations + optimum.n_iterations,
    )
    going = [Sides(np.zeros(len(beta)), np.zeros(len(beta))) for beta in before.beta]
    found = _recorded(bound, optimum, going, options, inference=True, effects=True)
    return replace(found, spaces=before.spaces, data_digest=before.data_digest)


def unrestricted(study: Study, before: Fit, options: Options | None = None) -> Fit:
    """Fit again by maximum likelihood what may have been fitted by REML.

    Parameters
    ----------
    study : Study
        Rows of `before`.
    before : Fit
        Whose estimates are the starting values; itself the answer if it integrates nothing out.
    options : Options or None
        When the optimizer stops.
    """
    if not before.integrated:
        return before
    plain = replace(before, approximation=replace(before.approximation, integrated=()))
    inference = before.uncertainty is not None
    found = refit(study, plain, options, inference=inference, effects=True)
    return replace(found, spaces=before.spaces, data_digest=before.data_digest)


def unpenalized(study: Study, before: Fit, options: Options | None = None) -> Fit:
    """Fit again without the priors that parameters may have.

    Parameters
    ----------
    study : Study
        Rows of `before`.
    before : Fit
        Whose estimates are the starting values; itself the answer if there are no priors.
    options : Options or None
        When the optimizer stops.
    """
    if not before.priors:
        return before
    return refit(study, replace(before, priors=NO_PRIORS, log_prior=0.0), options)


def _fit_linear(
    bound: Bound,
    model: LinearModel,
    state: Optimum | None,
    options: Options,
    *,
    inference: bool,
    effects: bool,
) -> Fit | None:
    """Fit a linear mixed model by its profiled likelihood.

    None where cross-products do not carry enough digits, as of responses that the model reproduces,
    or the search does not converge: rows, one by one, tell what there is to tell.
    """
    if state is None:
        return None
    problem = model.search
    optimum = polish(problem, minimize(problem, state, options), options, inference=inference)
    maximum = maximum_of(model, optimum.here, effects=effects)
    if not optimum.is_within(options.tol) or not has_digits(bound, maximum):
        return None
    found = in_all_parameters(bound, maximum, optimum, inference=inference)
    user = bound.scales.coefficients(maximum.params.beta)
    outcome = Outcome(
        going=[Sides(np.zeros(len(beta)), np.zeros(len(beta))) for beta in user],
        moves=maximum.jacobian() if inference else None,
        rows=model.shared,
        effects=effects,
    )
    gone = bound.problem.approximation.integrated
    bound = replace(bound, problem=maximum.problem, log_volume=log_volume(bound, gone))
    done = in_user_units(bound, found, outcome, options.tol)
    if not (options.averages and effects):
        return done
    assert done.posterior is not None
    assert done.effect_information is not None
    normal = PosteriorNormal(done.u, done.effect_information, done.posterior)
    return replace(done, effect_posterior=normal)


def _maximize(
    bound: Bound,
    state: Optimum,
    options: Options,
    constants: Floats | None = None,
    *,
    inference: bool,
    effects: bool,
) -> Fit:
    bound, state = settle(bound, state, options)
    optimum = minimize(bound.problem, state, options)
    del state
    bound, optimum = hold(bound, optimum, options, constants)
    optimum = polish(bound.problem, optimum, options, inference=inference)
    optimum, away = _followed(bound, optimum, options.tol)
    # Iterations that went on towards infinity say nothing of a search that starts elsewhere.
    has_more = optimum.n_iterations < options.max_iter or away.direction.any()
    if not optimum.is_within(options.tol) and has_more:
        bound, again = _once_more(bound, optimum, options, constants, inference=inference)
        optimum, away = _followed(bound, again, options.tol)
    going = sides(bound, optimum, away)
    return _recorded(bound, optimum, going, options, inference=inference, effects=effects)


def _recorded(
    bound: Bound,
    optimum: Optimum,
    going: Sequence[Sides],
    options: Options,
    *,
    inference: bool,
    effects: bool,
) -> Fit:
    std_error, plan = optimum.here.mode.system.uncertainty, bound.problem.plan
    bound, optimum = with_integrated(bound, with_information(bound, optimum))
    moves = jacobian(bound.problem, optimum.here.mode) if inference else None
    outcome = Outcome(going, moves, bound.problem, effects, std_error)
    _rest(bound.problem, optimum)
    done = replace(in_user_units(bound, optimum, outcome, options.tol), plan=plan)
    _rest(bound.problem, optimum)
    if not (options.averages and effects):
        return done
    return replace(done, effect_posterior=_effect_posterior(bound.problem, optimum))


def _rest(problem: Problem, optimum: Optimum) -> None:
    """Give back what very many rows have taken: arrays of other sizes follow."""
    if problem.plan is not None:
        optimum.here.mode.let_go()
        give_back_memory()


def _refuse_averages() -> NoReturn:
    msg = (
        "averages over the posterior of the random effects need these exactly, and they are solved "
        "for by iterations; leave predict_kind='conditional'"
    )
    raise DesignError(msg)


def _effect_posterior(
    problem: Problem, optimum: Optimum
) -> PosteriorNormal | PosteriorNodes | None:
    """What averages over the posterior of the random effects need; None without a mode."""
    if not problem.order:
        return None
    params = Params.unpack(optimum.vector, problem.shape)
    mode = find_mode(problem, params, optimum.here.mode.u, distance="near")
    return None if mode is None else effect_posterior(problem, mode)


def _followed(bound: Bound, optimum: Optimum, tol: float) -> tuple[Optimum, Infinity]:
    """Follow separated rows to where nothing is left to gain; return the way they go, too."""
    problem, first = bound.problem, None
    for _ in range(RUNS_MAX):
        far = far_predictors(problem, optimum.vector, bound.scales)
        look = is_far(problem, optimum.vector, bound.scales)
        found = _infinity(bound, optimum, look=look)
        first = first if first is not None and first.direction.any() else found
        before = optimum.here.value
        if optimum.is_within(tol) or not (far or found.direction.any()):
            return optimum, first
        for candidates in ([found.direction], far):
            optimum = _run_out(problem, optimum, candidates, tol)
        if not optimum.here.value < before - tol:
            break
        optimum = exact(problem, optimum, tol)
    assert first is not None  # there is a first time
    if first.direction.any() or optimum.decrease <= STALLED_DECREASE:
        optimum = _beside(bound, optimum, tol)
    return optimum, first


def _beside(bound: Bound, optimum: Optimum, tol: float) -> Optimum:
    """Finish what the data determine; what is at infinity stays as it is."""
    problem, free = bound.problem, free_parameters(bound.problem, optimum)
    hessian = differenced_hessian(problem, optimum, free)
    if hessian is None:
        return optimum
    least = least_curvatures(bound.scales, len(free) - problem.shape.n_beta)
    found = finish(problem, optimum, stiffened(hessian, free, least), free, tol)
    return replace(found, hessian=hessian)


def _run_out(
    problem: Problem, optimum: Optimum, candidates: Iterable[Floats], tol: float
) -> Optimum:
    """Go on where separated rows are, as steps towards infinity are short."""
    vector, here = optimum.vector, optimum.here
    direction = recession(problem, vector, here, candidates)
    if not direction.any():
        return optimum
    vector, here = run_out(problem, vector, here, direction, tol)
    return replace(optimum, vector=vector, here=here)


def _once_more(
    bound: Bound, optimum: Optimum, options: Options, constants: Floats | None, *, inference: bool
) -> tuple[Bound, Optimum]:
    """Search from other starts before a fit is given up, and keep the best end.

    One that converged is better than any that did not.
    """
    ends, n_evaluations = [(bound, optimum)], optimum.n_evaluations
    for state in _other_starts(bound, optimum.vector, constants):
        found = minimize(bound.problem, state, options)
        held, found = hold(bound, found, options, constants)
        found = polish(held.problem, found, options, inference=inference)
        n_evaluations += found.n_evaluations
        ends.append((held, _followed(held, found, options.tol)[0]))
        if ends[-1][1].is_within(options.tol):
            break
    within = [end for end in ends if end[1].is_within(options.tol)]
    held, best = min(within or ends, key=lambda end: end[1].here.value)
    return held, replace(best, n_evaluations=n_evaluations)


def _other_starts(bound: Bound, vector: Floats, constants: Floats | None) -> Iterator[Optimum]:
    """Yield where a search stopped, but for its Hessian, and then what owes nothing to it."""
    with suppress(DesignError):
        yield begin_again(bound, vector, constants)
    if constants is not None:
        usual = start(bound.problem, constants, bound.upper)
        for share in (SMALLER, LARGER):
            with suppress(DesignError):
                spread = with_spread(bound.problem, usual, share)
                yield begin_at(bound.problem, spread, bound.upper)


def _infinity(bound: Bound, optimum: Optimum, *, look: bool) -> Infinity:
    """What is at infinity; `look` for it even where it costs a Hessian."""
    problem, free = bound.problem, free_parameters(bound.problem, optimum)
    hessian = optimum.hessian if optimum.is_exact else None
    if look and hessian is None:
        hessian = differenced_hessian(problem, optimum, free)
    if hessian is None:
        return infinity(bound, optimum, None, np.zeros((len(free), 0)))
    least = least_curvatures(bound.scales, len(free) - problem.shape.n_beta)
    return infinity(bound, optimum, hessian, determined(hessian, free, least)[1])
