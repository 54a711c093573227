"""What follows from a fit is the same in all units of the response, but for these units."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from unit_cases import GROUPS, WEIGHTS, G, N, fitted, moves_of, rows_of

from skglmm import inference as infer
from skglmm.fitting import Options, Study, fit, local
from skglmm.inference.diagnosis.influence import influences
from skglmm.inference.parameters.own_units import in_own_units

MEASURED = ("scale", "both", "log", "exponential")
TWO = [(1e-9, 0.0), (1e9, 0.0)]
PAIRS = [(case, change) for case in MEASURED for change in TWO]
PAIRS += [(case, (1e-6, 1e3)) for case in MEASURED[:2]]  # whose origin does not matter
FEW = [("both", (1e9, 0.0)), ("slopes", (1e-6, 1e3)), ("log", (1e-9, 0.0))]
NEW = np.where(np.arange(N) % 5 == 0, -1, 0)  # rows of levels that no fit has seen
ROWS = np.arange(0, N, 7)


def changed(case, change):
    """A fit in other units, its rows and responses, and how means change."""
    factor, shift = change
    _, rows, y = rows_of(case, factor, shift)
    return fitted(case, factor, shift), rows, y, lambda mean: factor * (mean + shift)


def some(rows):
    """Some rows, of which a few have new levels."""
    part = rows.take(ROWS)
    return replace(part, codes=tuple(np.where(NEW[ROWS] < 0, -1, c) for c in part.codes))


def changed_units(found):
    """Units of the linear predictors in those of the fit."""
    return [found.units.size(k) for k in range(len(found.beta))]


def plan(found, kind):
    return infer.Plan.of(found.layout, kind, "marginal")


each_pair = pytest.mark.parametrize(("case", "change"), PAIRS, ids=str)
each_other = pytest.mark.parametrize("change", [*TWO, (1e-6, 1e3)], ids=str)
few_pairs = pytest.mark.parametrize(("case", "change"), FEW, ids=str)
each_kind = pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal"])


def close(change):
    return {"rtol": 1e-5, "atol": 1e-5 * change[0]} if change[1] else {"rtol": 1e-6}


@each_kind
@each_pair
def test_means_and_their_limits_have_the_units_of_the_response(case, change, kind):
    found, rows, _, user = changed(case, change)
    base, few = fitted(case), some(rows)
    here = infer.predict(found, few, plan(found, kind), spread=True)
    there = infer.predict(base, few, plan(base, kind), spread=True)
    assert_allclose(here.mean, user(there.mean), **close(change))
    assert_allclose(here.std, change[0] * there.std, **close(change))
    here = infer.mean_interval(found, few, plan(found, kind), 0.9)
    there = infer.mean_interval(base, few, plan(base, kind), 0.9)
    for end in ("mean", "lower", "upper"):
        assert_allclose(getattr(here, end), user(getattr(there, end)), **close(change))
    assert_allclose(here.se, change[0] * there.se, rtol=1e-4)


@each_kind
@each_pair
def test_new_responses_have_the_units_of_the_response(case, change, kind):
    found, rows, y, user = changed(case, change)
    base, few, (_, _, y0) = fitted(case), some(rows), rows_of(case)
    how, usual = plan(found, kind), plan(base, kind)
    q = [0.05, 0.5, 0.9]
    here, there = (
        infer.predict_quantile(found, few, how, q),
        infer.predict_quantile(base, few, usual, q),
    )
    assert_allclose(here, user(there), **close(change))
    cdf, usual_cdf = (
        infer.predictive_cdf(found, few, how, y[ROWS]),
        infer.predictive_cdf(base, few, usual, y0[ROWS]),
    )
    assert_allclose(cdf, usual_cdf, atol=1e-5)
    of_rows, usual_of_rows = (
        infer.log_density(found, few, how, y[ROWS]),
        infer.log_density(base, few, usual, y0[ROWS]),
    )
    assert_allclose(of_rows + np.log(change[0]), usual_of_rows, atol=1e-5)
    draws = [
        infer.sample(each, few, plan(each, kind), 3, np.random.default_rng(1), new_effects=False)
        for each in (found, base)
    ]
    assert_allclose(draws[0], user(draws[1]), **close(change))


@pytest.mark.parametrize("change", TWO, ids=str)
def test_zeros_have_a_probability_in_all_units(change):
    found, rows, y, _ = changed("inflated", change)
    base, (_, _, y0) = fitted("inflated"), rows_of("inflated")
    lost = np.where(y0 == 0.0, 0.0, np.log(change[0]))
    for kind in ("fixed", "marginal"):
        here = infer.log_density(found, rows, plan(found, kind), y)
        there = infer.log_density(base, rows, plan(base, kind), y0)
        assert_allclose(here + lost, there, atol=1e-5)


@each_pair
def test_averages_of_rows_have_the_units_of_the_response(case, change):
    found, rows, _, user = changed(case, change)
    base, rows = fitted(case), rows.take(ROWS)
    places, weights = np.zeros(len(ROWS), dtype=np.intp), np.full(len(ROWS), 1 / len(ROWS))
    for of in (infer.average_interval, infer.average_quantiles):
        for kind in ("marginal", "fixed"):
            here = of(found, rows, plan(found, kind), places, weights, 0.9)
            there = of(base, rows, plan(base, kind), places, weights, 0.9)
            assert_allclose(here, user(np.array(there)), **close(change))


@each_pair
def test_the_joint_density_and_updated_effects_do_not_depend_on_units(case, change):
    found, rows, y, _ = changed(case, change)
    base, (_, _, y0) = fitted(case), rows_of(case)
    few, usual = y[ROWS], y0[ROWS]
    part = rows.take(ROWS)
    joint = [
        infer.joint_log_density(each, part, plan(each, "conditional"), response, WEIGHTS[ROWS])
        for each, response in ((found, few), (base, usual))
    ]
    lost = WEIGHTS[ROWS] * np.log(change[0])
    assert_allclose(joint[0] + lost, joint[1], atol=1e-5)
    fits = [
        infer.condition(each, part, infer.update(each, part, response, None))
        for each, response in ((found, few), (base, usual))
    ]
    assert_allclose(fits[0].u[0], fits[1].u[0], atol=1e-5)
    sizes = np.concatenate(
        [
            np.repeat(moves_of(base, rows, change[0])[0], [len(b) for b in base.beta]),
            np.ones(len(base.theta[0])),
        ]
    )
    assert_allclose(
        fits[0].mode_jacobian[0] * sizes[:, None, None],
        fits[1].mode_jacobian[0],
        rtol=1e-3,
        atol=1e-4,
    )


@each_pair
def test_residuals_have_no_units(case, change):
    found, rows, y, _ = changed(case, change)
    base, (_, _, y0) = fitted(case), rows_of(case)
    for of in (infer.pearson_residuals, infer.deviance_residuals):
        here, there = (
            of(found, rows, y, plan(found, "conditional")),
            of(base, rows, y0, plan(base, "conditional")),
        )
        assert_allclose(here, there, atol=1e-5)
    for kind in ("conditional", "marginal"):
        rngs = np.random.default_rng(0), np.random.default_rng(0)
        here = infer.quantile_residuals(found, rows, y, plan(found, kind), rngs[0])
        there = infer.quantile_residuals(base, rows, y0, plan(base, kind), rngs[1])
        assert_allclose(here, there, atol=1e-4)


@each_pair
def test_explained_variances_have_the_units_of_the_response(case, change):
    found, rows, _, _ = changed(case, change)
    here, there = infer.r_squared(found, rows), infer.r_squared(fitted(case), rows)
    unit = found.family.links[0].rescaled(change[0])[0]
    for name, size in (("latent", unit), ("response", change[0])):
        ours, theirs = getattr(here, name), getattr(there, name)
        for part in ("fixed", "random", "residual"):
            assert_allclose(getattr(ours, part), size**2 * getattr(theirs, part), rtol=1e-5)


# Of the rows again


@cache
def studied(case, factor=1.0, shift=0.0):
    family, rows, y = rows_of(case, factor, shift)
    study = Study.of(family, rows, y, WEIGHTS)
    return study, study.problem.evaluate(study.vector(fitted(case, factor, shift)))


@few_pairs
def test_profiles_have_the_units_of_the_response(case, change):
    found, rows, _, _ = changed(case, change)
    base, (units, moves) = fitted(case), moves_of(fitted(case), rows, *change)
    here = infer.profiles(found, studied(case, *change)[0], n_points=3)
    there = infer.profiles(base, studied(case)[0], n_points=3)
    sizes = np.repeat(units, [len(b) for b in base.beta])
    for place, (ours, theirs) in enumerate(zip(here, there, strict=True)):
        ends, expected = np.array(ours.interval(0.95)), np.array(theirs.interval(0.95))
        if place < len(sizes):
            expected = sizes[place] * expected + moves[place]
        elif "corr" not in ours.name:
            column = (place - len(sizes)) % len(base.lambdas[0])
            expected = expected * units[base.layout.factors[0].predictors[column]]
        wide = np.ptp(expected[np.isfinite(expected)]) or np.abs(expected).max()
        assert_allclose(ends, expected, atol=2e-4 * wide)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_constants_are_within_the_reach_of_links_that_suit_the_fit(factor):
    base, (family, rows, y) = fitted("slopes"), rows_of("slopes", factor)
    named = tuple(("Intercept", "x")[: x.shape[1]] for x in rows.fixed)
    rows = replace(rows, layout=replace(rows.layout, coefficients=named))
    found = fit(family, rows, y, WEIGHTS)
    scale = infer.constant(found, 1)
    assert_allclose(scale.value, factor * np.exp(base.beta[1][0]), rtol=1e-6)
    assert_allclose(scale.gradient[2], scale.value, rtol=1e-12)  # of an exponential
    assert_allclose(scale.back(found.beta[1]), scale.value, rtol=1e-12)
    (profile,) = infer.profiles(found, Study.of(family, rows, y, WEIGHTS), [2], n_points=3)
    (usual,) = infer.profiles(base, studied("slopes")[0], [2], n_points=3)
    assert_allclose(profile.interval(0.95), factor * np.exp(usual.interval(0.95)), rtol=1e-4)


@each_other
def test_the_profile_of_a_constant_goes_through_its_link(change):
    named = tuple(("Intercept", "x")[: x.shape[1]] for x in rows_of("slopes")[1].fixed)
    found, rows, y, _ = changed("slopes", change)
    rows = replace(rows, layout=replace(rows.layout, coefficients=named))
    found = replace(found, layout=rows.layout)
    (profile,) = infer.profiles(found, Study.of(found.family, rows, y, WEIGHTS), [2])
    base = fitted("slopes")
    (usual,) = infer.profiles(base, studied("slopes")[0], [2])
    expected = change[0] * np.exp(usual.interval(0.95))
    assert profile.name == "scale"
    assert_allclose(profile.interval(0.95), expected, rtol=1e-4)
    assert_allclose(profile.estimate, change[0] * np.exp(base.beta[1][0]), rtol=1e-6)


@each_pair
def test_sandwiches_and_conditional_criteria_follow_the_units(case, change):
    found, rows, _, _ = changed(case, change)
    base = fitted(case)
    sizes = np.repeat(moves_of(base, rows, change[0])[0], [len(b) for b in base.beta])
    (ours, _), (theirs, _) = studied(case, *change), studied(case)
    robust = [
        infer.sandwich(each, study, G).covariance[: len(sizes), : len(sizes)]
        for each, study in ((found, ours), (base, theirs))
    ]
    errors = np.sqrt(np.diag(robust[1]))
    expected = robust[1] / errors / errors[:, None]
    assert_allclose(
        robust[0] / sizes / sizes[:, None] / errors / errors[:, None], expected, atol=1e-3
    )
    here, there = infer.conditional_aic(ours, found), infer.conditional_aic(theirs, base)
    assert_allclose(here.effective_df, there.effective_df, rtol=1e-5)
    lost = WEIGHTS.sum() * np.log(change[0])
    assert_allclose(here.log_likelihood + lost, there.log_likelihood, rtol=1e-6)


@each_pair
def test_checks_of_residuals_do_not_depend_on_units(case, change):
    found, *_ = changed(case, change)
    unit = found.family.links[found.family.location].rescaled(change[0])[0]
    ours, theirs = (
        infer.residual_checks(
            study, here.mode, np.random.default_rng(0), candidates={"h": np.arange(N) % 7}
        ).tests
        for study, here in (studied(case, *change), studied(case))
    )
    assert_allclose([t.p_value for t in ours], [t.p_value for t in theirs], rtol=1e-3)
    on_link = {"link", "missing effect", "missing slope"}
    sizes = np.array([unit if t.name in on_link else 1.0 for t in theirs])
    effects = [t.effect for t in theirs]
    assert_allclose([t.effect for t in ours] / sizes, effects, rtol=1e-3, atol=1e-5)
    study, here = studied(case, *change)
    rows = infer.drawn(study, here.mode, np.random.default_rng(0))
    mean = found.family.mean(rows.eta)
    assert np.corrcoef(mean, study.y)[0, 1] > 0.1
    assert_allclose(np.mean(mean / change[0]), np.mean(study.y / change[0]), rtol=0.1)


@each_other
@pytest.mark.parametrize("case", ["scale", "crossed"])
def test_influences_of_levels_do_not_depend_on_units(case, change):
    found = []
    for how in (change, ()):
        study, here = studied(case, *how)
        around = local(study, fitted(case, *how), here)
        found.append([each.distance for each in influences(study, here.mode, around)])
    assert len(found[0]) >= GROUPS
    assert_allclose(*found, rtol=1e-3)


@each_other
@pytest.mark.parametrize("case", ["scale", "crossed"])
def test_diagnoses_do_not_depend_on_units(case, change):
    found = []
    for how in (change, ()):
        study, here = studied(case, *how)
        checks = infer.residual_checks(study, here.mode, np.random.default_rng(0))
        diagnosis = infer.diagnose(fitted(case, *how), study, here, "y ~ x", checks)
        found.append([(each.kind, each.severity, each.subject) for each in diagnosis.findings])
    assert found[0] == found[1]


@each_other
def test_what_the_data_do_not_determine_does_not_depend_on_units(change):
    found, rows, *_ = changed("slopes", change)
    known = found.uncertainty
    errors = np.sqrt(np.diag(known.covariance))
    flat = 0.1 * errors[:, None] * np.eye(len(errors))[:, :1]
    found = replace(found, uncertainty=replace(known, flat=flat))
    own, design = in_own_units(found, rows)
    gradients = (np.eye(len(errors)) + np.eye(len(errors))[::-1]) / errors
    units = np.append(np.repeat(changed_units(found), [2, 1]), np.ones(3))
    assert design.offsets[1] is not None
    ours = own.uncertainty.determines(gradients * units)
    assert_array_equal(ours, found.uncertainty.determines(gradients))
    assert not ours.all()
    assert ours.any()


@few_pairs
def test_simulated_responses_and_their_fits_have_the_units_of_the_response(case, change):
    found, rows, y, user = changed(case, change)
    base, (_, _, y0) = fitted(case), rows_of(case)
    ours, theirs = (Study.of(base.family, rows, each) for each in (y, y0))
    drawn = [
        infer.simulate_responses(each, study, np.random.default_rng(3))
        for each, study in ((found, ours), (base, theirs))
    ]
    assert_allclose(drawn[0], user(drawn[1]), **close(change))
    refits = [
        infer.bootstrap_once(study, each, Options(), np.random.default_rng(3))
        for each, study in ((found, ours), (base, theirs))
    ]
    assert_allclose(
        refits[0].log_likelihood + N * np.log(change[0]), refits[1].log_likelihood, rtol=1e-6
    )


@each_other
def test_the_rows_of_whole_weights_are_simulated_in_the_same_units(change):
    family, rows, y = rows_of("slopes", *change)
    whole = np.where(np.arange(N) % 3 == 0, 2.0, 1.0)
    study = infer.unweighted(Study.of(family, rows, y, whole))
    found = fit(family, rows, y, whole)
    assert len(study.y) == whole.sum()
    here = study.problem.evaluate(study.vector(found))
    assert_allclose(-here.value - study.bound.log_jacobian, found.log_likelihood, rtol=1e-9)
