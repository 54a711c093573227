"""Simulated responses of the rows of a study, with new random effects."""

from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Params, bind, solver_of
from skglmm.fitting import USER, Fit, Study
from skglmm.inference.prediction.predict import Plan
from skglmm.inference.prediction.sample import sample

__all__ = ["simulate_responses", "unweighted"]


def simulate_responses(fit: Fit, study: Study, rng: np.random.Generator) -> Floats:
    """Simulate the responses of a study from a fit to its rows, with new random effects.

    Parameters
    ----------
    fit : Fit
        Of the model of `study`, which may be smaller than the one that is refitted.
    study : Study
        Without weights, see `unweighted`; its own response does not matter.
    rng : Generator

    Returns
    -------
    ndarray, shape (n,)
        On the family's own scale and in the units of the user, strictly inside its support, in the
        order of the design.
    """
    problem = study.problem
    params = Params.unpack(study.vector(fit), problem.shape)
    pairs = zip(problem.covariances, params.theta, strict=True)
    lambdas = tuple(covariance.factor(theta) for covariance, theta in pairs)
    # As the columns of the study are, of which none is a combination of others.
    standard = replace(fit, beta=params.beta, lambdas=lambdas, null_spaces=None, units=USER)
    plan = Plan.of(fit.layout, "conditional", "marginal")
    drawn = sample(standard, study.design, plan, 1, rng, new_effects=True)[:, 0]
    return study.units.user_response(drawn)


def unweighted(study: Study) -> Study:
    """Return the study with each row as often as its weight says.

    A weight multiplies the log density of a row, as if the row were there several times. So
    many responses have to be simulated for it: one of that weight would count the same
    deviation several times.

    Raises
    ------
    ValueError
        When some weight is no whole number: no distribution of responses has that likelihood.
    """
    if study.weights is None:
        return study
    counts = study.weights.astype(np.intp)
    odd = np.flatnonzero(counts != study.weights)
    if odd.size:
        msg = (
            "responses cannot be simulated for weights that are no whole numbers, as such a "
            f"likelihood belongs to no distribution: {odd.size} of {len(counts)} are not, the "
            f"first is sample_weight[{odd[0]}]={study.weights[odd[0]]:g}; fit without weights or "
            "with whole ones, or use the method 'sandwich' or 'profile'"
        )
        raise ValueError(msg)
    rows = np.repeat(np.arange(len(counts)), counts)
    design = study.design.take(rows)
    before, response = study.problem, study.response[rows]
    whole = before.approximation.needs_chain
    solver = solver_of(before.plan)
    problem = bind(design, response, None, before.family, whole=whole, solver=solver)
    problem = replace(problem.alike(before, design.layout), plan=before.plan)
    plain = replace(study, weights=None, caps=(), model=None)
    return replace(plain, design=design, problem=problem, y=study.y[rows])
