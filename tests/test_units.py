"""Responses in dollars and in millionths are one model: fits of either are the same."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import design
from scipy.stats import expon
from unit_cases import (
    CASES,
    ONE,
    POSITIVE,
    RANDOM,
    RNG,
    TIED,
    WEIGHTS,
    G,
    N,
    Unmeasured,
    W,
    X,
    Y,
    assert_alike,
    assert_one_model,
    fitted,
    rows_of,
)

from skglmm.engine import assemble, bind_part
from skglmm.families import Bernoulli, Beta, Gaussian, Identity, Log, Poisson
from skglmm.fitting import (
    Bound,
    Options,
    Study,
    fit,
    fit_bound,
    learn_scales,
    measured,
    refit,
)
from skglmm.parts import Here

POSITIVES = ("exponential", "inflated", "exponential, identity")
FACTORS = (1e-9, 1e-6, 1.0, 1e6, 1e9)
SHIFTED = (
    "slopes",
    "crossed",
    "scale",
    "none",
    "both",
    "parts",
    "categories",
    "negative",
    "aliased",
)


@pytest.mark.parametrize(
    "factor", [1e-9, 1e9, *(pytest.param(each, marks=pytest.mark.slow) for each in (1e-6, 1e6))]
)
@pytest.mark.parametrize("case", CASES)
def test_units_of_the_response_do_not_matter(case, factor):
    family, rows, y = rows_of(case)
    mass = WEIGHTS[~np.isin(y, family.masses)].sum()  # what has a probability has no units
    assert_alike(fitted(case, factor), fitted(case), rows, factor, mass=mass)
    assert fitted(case, factor).n_iterations == fitted(case).n_iterations


@pytest.mark.parametrize("factor", [1e-9, pytest.param(1.0, marks=pytest.mark.slow), 1e9])
@pytest.mark.parametrize("case", SHIFTED)
def test_the_origin_of_the_response_does_not_matter(case, factor):
    _, rows, _ = rows_of(case)  # a million widths: responses have ten digits left
    found = fitted(case, factor, 1e6)
    assert_alike(found, fitted(case), rows, factor, 1e6, tol=1e-6)
    assert abs(found.n_iterations - fitted(case).n_iterations) <= 1
    family, shifted, y = rows_of(case, factor, 1e6)
    study = Study.of(family, shifted, y, WEIGHTS)
    assert_allclose(study.units.center, np.average(y, weights=WEIGHTS), rtol=1e-9)
    assert np.abs(study.vector(found)).max() < 10.0  # what searches count on


@pytest.mark.parametrize("level", [0.0, 1e6])
@pytest.mark.parametrize("factor", FACTORS)
def test_offsets_are_in_the_units_of_the_response(factor, level):
    family, rows, y = rows_of("slopes", factor, offset=level + 5.0 * W)
    found = fit(family, rows, y, WEIGHTS)
    assert_alike(found, fitted("slopes"), rows, factor, tol=1e-6 if level else 1e-8)


@pytest.mark.parametrize("case", [case for case in CASES if case not in POSITIVES])
def test_own_units_do_not_change_a_model(case):
    family, rows, y = rows_of(case, offset=0.1 * W if case == "none" else None)
    base = fit(Unmeasured(links=family.links), rows, y, WEIGHTS)
    found = fit(family, rows, y, WEIGHTS)
    assert found.units.are_own
    assert not base.units.are_own
    assert_one_model(found, base)


def test_effects_of_several_predictors_that_share_their_spread_keep_it():
    rows = design(([ONE, X], [ONE]), TIED)
    base = fit(Unmeasured(), rows, 5.0 * Y, WEIGHTS)
    found = fit(Gaussian(), rows, 5.0 * Y, WEIGHTS)
    assert_one_model(found, base)
    root = found.lambdas[0]
    assert_allclose(np.linalg.norm(root[0]), np.linalg.norm(root[1]), rtol=1e-12)


@pytest.mark.parametrize("links", [(Identity(), Log()), (Log(), Log())])
def test_without_intercepts_zeros_are_where_the_user_has_them(links):
    # neither model is the same in other units: a log scale of 0 is one of these
    rows = design(([X], [X]), offset=0.2 * W)
    base = fit(Unmeasured(links=links), rows, POSITIVE, WEIGHTS)
    assert_one_model(fit(Gaussian(links=links), rows, POSITIVE, WEIGHTS), base)


def test_the_likelihood_of_positive_responses_is_that_of_the_user():
    family, rows, y = rows_of("exponential, identity", 1e6)
    found = fit(family, rows, y, WEIGHTS)
    mean = rows.fixed[0] @ found.beta[0]
    assert_allclose(found.log_likelihood, WEIGHTS @ expon.logpdf(y, scale=mean), rtol=1e-12)
    assert found.units.center == 0.0


@pytest.mark.parametrize(
    ("family", "y"),
    [
        (Poisson(), RNG.poisson(3.0, N).astype(float)),
        (Bernoulli(), (RNG.random(N) < 0.4).astype(float)),
        (Beta(), RNG.beta(2.0, 3.0, N)),
    ],
)
def test_counts_classes_and_shares_have_the_units_of_the_user(family, y):
    rows = design([[ONE, X], [ONE]][: len(family.links)], RANDOM, offset=0.1 * W)
    study = Study.of(family, rows, y)
    assert not study.units.are_own
    assert study.response is y
    assert study.design.offsets[0] is rows.offsets[0]
    assert study.bound.log_jacobian == 0.0


# In parts


def in_parts(case, factor):
    """Parts of the rows of a case, which split no level, with their family and layout."""
    family, rows, y = rows_of(case, factor, offset=W)
    cuts = [np.flatnonzero((low <= G) & (high > G)) for low, high in ((0, 7), (7, 12), (12, 20))]
    parts = [Here([part(each) for each in cuts]) for part in (rows.take, y.take, WEIGHTS.take)]
    scales = learn_scales(rows.layout, parts[0], parts[2])
    return parts, measured(scales, rows.layout, family, *parts), (family, rows, y)


def test_a_row_of_weight_two_counts_twice():
    family, rows, y = rows_of("slopes", offset=W)
    whole = 1.0 + (np.arange(N) % 3 == 0)
    every = np.repeat(np.arange(N), whole.astype(int))
    weighted = Study.of(family, rows, y, whole).units
    repeated = Study.of(family, rows.take(every), y[every]).units
    assert_allclose(weighted.width, repeated.width, rtol=1e-12)
    assert_allclose(weighted.center, repeated.center, rtol=1e-12)


def shard(design, y, weights, scales, **common):
    return bind_part(scales.apply(design), scales.units.response(y), weights, **common)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("case", ["scale", "categories", "log", "through 0", "inflated"])
def test_units_of_parts_are_those_of_all_rows(case, factor):
    _, found, (family, rows, y) = in_parts(case, factor)
    whole = Study.of(family, rows, y, WEIGHTS).scales
    for name in ("center", "width", "sizes", "shifts"):
        assert_allclose(getattr(found.units, name), getattr(whole.units, name), rtol=1e-13)
    assert_allclose(found.levels, whole.levels, rtol=1e-13)
    for ours, theirs in zip(found.origins, whole.origins, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * whole.units.width)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("case", ["scale", "categories", "log"])
def test_a_fit_of_parts_is_that_of_all_rows(case, factor):
    (designs, ys, weights), scales, (family, rows, y) = in_parts(case, factor)
    units, plan = scales.units, ((0,), 1)
    common = {"family": family, "arranged": plan, "constant": [False] * len(rows.fixed)}
    shards = designs.map(shard, ys, weights, scales=scales, **common)
    lost = sum(units.log_jacobian(*each, family.masses) for each in zip(ys, weights, strict=True))
    n_columns = [x.shape[1] for x in rows.fixed]
    problem = assemble(rows.layout, family, shards, plan, n_columns)
    bound = Bound(problem, scales, rows.layout, N, "", lost, frozenset())
    start = family.start(units.response(y), WEIGHTS)
    found, base = fit_bound(bound, start, Options()), fit(family, rows, y, WEIGHTS)
    assert_allclose(found.log_likelihood, base.log_likelihood, rtol=1e-9)
    errors = np.sqrt(np.diag(base.covariance))[: sum(map(len, base.beta))]
    off = np.concatenate(found.beta) - np.concatenate(base.beta)
    assert_allclose(off / errors, 0.0, atol=1e-5)


# Again


@pytest.mark.parametrize("case", ["scale", "log", "exponential"])
def test_a_fit_begins_again_where_it_was(case):
    family, rows, y = rows_of(case, 1e6)
    study, before = Study.of(family, rows, y, WEIGHTS), fitted(case, 1e6)
    here = study.problem.evaluate(study.vector(before))
    value = -here.value - study.bound.log_jacobian
    assert_allclose(value, before.log_likelihood, rtol=1e-12)
    assert_allclose(here.gradient, 0.0, atol=1e-3)
    again = refit(study.with_response(2.0 * y), before)  # which is not measured anew
    loss = WEIGHTS.sum() * np.log(2.0)
    assert_allclose(again.log_likelihood + loss, before.log_likelihood, rtol=1e-9)


def test_responses_that_are_all_the_same_have_units():
    _, rows, y = rows_of("none")
    for value in (0.0, 1e-9, 7e8):
        units = Study.of(Gaussian(), rows, np.full_like(y, value)).units
        assert units.center == 0.0
        assert_allclose(units.width, value or 1.0, rtol=1e-12)


@pytest.mark.parametrize("slope", [0.0, 1e2, 1e4, 1e6])
def test_what_fixed_effects_explain_does_not_count_as_width(slope):
    _, rows, y = rows_of("slopes")
    base = fitted("slopes")
    found = fit(Gaussian(), rows, y + slope * X, WEIGHTS)
    assert found.converged
    assert_allclose(found.units.width, base.units.width, rtol=1e-9)
    assert_allclose(found.log_likelihood, base.log_likelihood, rtol=1e-7)
    assert_allclose(found.lambdas[0], base.lambdas[0], atol=1e-3)
