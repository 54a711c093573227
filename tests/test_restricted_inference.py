"""What is made of restricted fits: profiles, diagnoses, comparisons, or a reason why not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq, minimize_scalar

from skglmm import BetaGLMMRegressor, LMMRegressor
from skglmm.design import Term, learn
from skglmm.engine import Laplace
from skglmm.estimators.reading.study import study_of
from skglmm.families import Gaussian
from skglmm.fitting import Study, fit, local, unrestricted
from skglmm.inference import (
    Comparison,
    bootstrap_once,
    cluster_scores,
    conditional_aic,
    likelihood_ratio,
    natural,
    other_integrals,
    profile_intervals,
    profiles,
    sandwich,
)
from skglmm.inference.diagnosis.influence import influences
from skglmm.model_selection import compare, likelihood_ratio_test

REML = Laplace(integrated=(0,))
N_GROUPS, N_ROWS = 12, 8


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(N_GROUPS), N_ROWS)
    frame = pd.DataFrame({"x": rng.normal(size=len(g)), "z": rng.normal(size=len(g)), "g": g})
    b = rng.normal(0, 0.6, (2, N_GROUPS))[:, g]
    y = 0.3 + 0.5 * frame["x"] + b[0] + b[1] * frame["z"] + rng.normal(0, 0.8, len(g))
    return frame, y.to_numpy()


def fitted(data, mean="1 + x", terms=("1",), approximation=REML):
    """A fit, and the study of its rows."""
    frame, y = data
    bars = [Term(effects, ("g",)) for effects in terms]
    _, design = learn(frame, {"mean": mean, "scale": "1"}, bars)
    return fit(Gaussian(), design, y, approximation=approximation), Study.of(Gaussian(), design, y)


@pytest.fixture(scope="module")
def restricted(data):
    return fitted(data)


def loss(data, sd):
    """Twice the loss of the restricted likelihood, by dense algebra, at a standard deviation."""
    frame, y = data
    x = np.column_stack([np.ones(len(y)), frame["x"]])
    same = (frame["g"].to_numpy()[:, None] == frame["g"].to_numpy()) * 1.0

    def twice(log_scale, sd):
        inverse = np.linalg.inv(np.exp(2 * log_scale) * np.eye(len(y)) + sd**2 * same)
        information = x.T @ inverse @ x
        error = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
        logdets = np.linalg.slogdet(information)[1] - np.linalg.slogdet(inverse)[1]
        return logdets + error @ inverse @ error

    return minimize_scalar(twice, (-1.0, 0.0), args=(sd,), tol=1e-10).fun


def test_a_profile_of_a_standard_deviation_is_that_of_the_restricted_likelihood(data, restricted):
    place = [each.name for each in natural(restricted[0])].index("sd(Intercept | g)")
    found = profile_intervals(profiles(*restricted, [place]), 0.95)
    estimate = float(found.estimate[0])
    least = loss(data, estimate)
    limits = [
        brentq(lambda sd: loss(data, sd) - least - 1.959963984540054**2, *ends)
        for ends in ((0.1, estimate), (estimate, 3.0))
    ]
    assert_allclose([found.low[0], found.high[0]], limits, rtol=1e-4)


def test_a_profile_of_what_is_integrated_out_is_that_of_maximum_likelihood(data, restricted):
    plain = profiles(*fitted(data, approximation=Laplace()))
    found = profiles(*restricted)
    assert [each.name for each in found] == [each.name for each in plain]
    for mine, theirs in zip(found[:2], plain[:2], strict=True):
        assert_allclose(mine.interval(0.95), theirs.interval(0.95), rtol=1e-6)
        assert_allclose(mine.peak, theirs.estimate, rtol=1e-6)
    assert_allclose([each.estimate for each in found[:2]], restricted[0].beta[0])
    low, high = zip(*(each.interval(0.95) for each in found[2:]), strict=True)
    below, above = zip(*(each.interval(0.95) for each in plain[2:]), strict=True)
    assert np.all(np.array(low) > below)  # restricted: variances are not made too small
    assert np.all(np.array(high) > above)


def test_some_profiles_of_a_restricted_fit_are_those_among_all(restricted):
    every = profiles(*restricted)
    for places in ([1], [3, 0], [2]):
        some = profiles(*restricted, places)
        assert [each.name for each in some] == [every[place].name for place in places]
        ends = ([each.interval(0.95) for each in found] for found in (some, every))
        assert_allclose(next(ends), np.array(next(ends))[places], rtol=1e-6)


def test_the_surroundings_of_a_fit_are_those_of_its_search(restricted):
    result, study = restricted
    around = local(study, result, study.problem.evaluate(study.vector(result)))
    assert_allclose(around.gradient, 0.0, atol=1e-6)
    moved = [replace(result, beta=(result.beta[0] + e, result.beta[1])) for e in np.eye(2)]
    turn = np.stack([(study.vector(each) - study.vector(result))[:2] for each in moved], axis=1)
    expected = turn @ result.covariance[:2, :2] @ turn.T
    assert_allclose(around.covariance[:2, :2], expected, rtol=1e-6, atol=1e-9)
    turned = study.signs[2:, None] * around.covariance[2:, 2:] * study.signs[2:]
    assert_allclose(turned, result.covariance[2:, 2:], rtol=1e-4)


def test_influences_are_those_of_fits_without_a_level(data, restricted):
    result, study = restricted
    here = study.problem.evaluate(study.vector(result))
    around = local(study, result, here)
    found = {each.level: each for each in influences(study.like(result), here.mode, around)}
    frame, y = data
    errors = np.sqrt(np.diag(result.covariance))
    for level in ("0", "7"):
        rows = (frame["g"] != int(level)).to_numpy()
        without, _ = fitted((frame[rows], y[rows]))
        theta = result.theta[0] * without.lambdas[0][0] / result.lambdas[0][0]  # in one unit
        moved = np.concatenate([*without.beta, theta])
        moved -= np.concatenate([*result.beta, *result.theta])
        assert_allclose(found[level].shift[1:], (moved / errors)[1:], atol=0.15)


def test_scores_of_clusters_add_up_to_nothing(data, restricted):
    scores = cluster_scores(*restricted, data[0]["g"].to_numpy())
    assert np.abs(scores).max() > 0.5
    assert_allclose(scores.sum(axis=0), 0.0, atol=1e-5)


def test_scores_of_clusters_are_those_of_dense_algebra(data, restricted):
    frame, y = data
    result = restricted[0]
    x, g = np.column_stack([np.ones(len(y)), frame["x"]]), frame["g"].to_numpy()
    error = y - x @ result.beta[0]
    estimate = np.array([result.beta[1][0], result.lambdas[0][0, 0]])
    known = result.covariance[:2, :2]

    def share(c, log_scale, sd):
        rows = g == c
        covariance = np.exp(2 * log_scale) * np.eye(N_ROWS) + sd**2
        weighted = np.linalg.solve(covariance, np.column_stack([x[rows], error[rows]]))
        information, square = x[rows].T @ weighted[:, :2], error[rows] @ weighted[:, 2]
        value = square + np.linalg.slogdet(covariance)[1] + np.trace(known @ information)
        return 0.5 * value, -x[rows].T @ weighted[:, 2]

    found, h = cluster_scores(*restricted, g), 1e-5 * np.eye(2)
    for c in range(N_GROUPS):
        ends = [[share(c, *(estimate + sign * step))[0] for sign in (1, -1)] for step in h]
        slopes = (
            np.diff(ends, axis=1)[:, 0]
            / -2e-5
            * [1.0, result.lambdas[0][0, 0] / result.theta[0][0]]
        )
        assert_allclose(found[c], [*share(c, *estimate)[1], *slopes], rtol=1e-4, atol=1e-5)
    half = known @ found[:, :2].T
    robust = sandwich(*restricted, g).covariance[:2, :2]
    assert_allclose(robust, half @ half.T * N_GROUPS / (N_GROUPS - 1), rtol=1e-9)


def test_bootstrap_replicates_are_restricted(restricted):
    result, study = restricted
    found = bootstrap_once(study, result, None, np.random.default_rng(0))
    assert found.converged
    assert_allclose(found.log_likelihood, result.log_likelihood, atol=30)


def test_the_conditional_criterion_takes_the_estimates_as_they_are(restricted):
    result, study = restricted
    found = conditional_aic(study, result)
    assert 2.0 < found.effective_df < 2.0 + N_GROUPS
    assert found.log_likelihood > result.log_likelihood


def test_variances_are_tested_by_restricted_likelihoods(data, restricted):
    smaller, _ = restricted
    larger, _ = fitted(data, terms=("1 + z",))
    assert Comparison(smaller, larger).obstacle() is None
    found = likelihood_ratio(smaller, larger)
    assert_allclose(found.statistic, 2 * (larger.log_likelihood - smaller.log_likelihood))
    assert found.df == 2


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"approximation": Laplace()}, "the second by maximum likelihood"),
        ({"mean": "1 + x + z"}, "differ in 'z'"),
        ({"mean": "1"}, "differ in 'x'"),
    ],
)
def test_restricted_likelihoods_of_other_fixed_effects_are_not_compared(
    data, restricted, other, reason
):
    found, _ = fitted(data, **other)
    assert reason in other_integrals(restricted[0], found)
    assert other_integrals(found, found) is None


def test_names_alone_do_not_make_fixed_effects_the_same(data, restricted):
    frame, y = data
    wide, _ = fitted((frame.assign(x=3.0 * frame["x"]), y))
    mixed, _ = fitted((frame.assign(x=frame["x"].to_numpy()[::-1]), y))
    assert "other units" in other_integrals(restricted[0], wide)
    assert "other numbers" in other_integrals(restricted[0], mixed)
    turned, _ = fitted((frame.iloc[::-1], y[::-1]))
    assert other_integrals(restricted[0], turned) is None


def test_fixed_effects_are_not_tested_by_restricted_likelihoods(data, restricted):
    larger, _ = fitted(data, "1 + x + z")
    reason = Comparison(restricted[0], larger).obstacle()
    assert reason.endswith("differ in 'z'; refit both with reml=False")


@pytest.fixture(scope="module")
def models(data):
    """Beta regressions with the mean integrated out."""
    frame, y = data
    frame, y = frame.astype({"g": str}), 1.0 / (1.0 + np.exp(-y))
    found = []
    for formula in ("x + (1 | g)", "x + (z | g)", "x + z + (1 | g)"):
        model = BetaGLMMRegressor(formula).fit(frame, y)
        design = model._spec.build(frame)
        model.fit_ = fit(model.fit_.family, design, y, approximation=REML)
        found.append(model)
    return frame, y, found


def test_estimators_compare_what_is_comparable(models):
    _, _, (smaller, larger, other) = models
    table = compare(smaller, larger)
    assert_allclose(
        table["lr_statistic"].dropna(), likelihood_ratio_test(smaller, larger).statistic
    )
    with pytest.raises(ValueError, match=r"differ in 'z'; refit both with reml=False"):
        compare(smaller, larger, other)
    with pytest.raises(ValueError, match=r"differ in 'z'; refit both with reml=False"):
        likelihood_ratio_test(smaller, other)


def test_every_method_of_an_estimator_works_or_says_why_not(models):
    frame, y, (model, *_) = models
    assert np.isfinite(model.vcov("all").to_numpy()).all()
    assert np.isfinite(model.random_effects()["std_error"]).all()
    assert "Restricted log likelihood (REML): " in str(model.summary())
    assert "influence" in str(model.diagnose(frame, y))
    for kind in ("wald", "profile"):
        named = ["precision", "sd(Intercept | g)"]
        for parameters in (named, None):
            found = model.confint(frame, y, method=kind, parameters=parameters)
            assert np.isfinite(found.to_numpy(dtype=float)).all()
    with pytest.warns(UserWarning, match="12 clusters are few"):
        found = model.confint(frame, y, method="sandwich")
    assert np.isfinite(found.to_numpy(dtype=float)).all()


def test_seen_rows_are_remembered_as_by_any_fit(models):
    frame, y, (model, *_) = models
    twice = model.condition(frame, y)
    assert_array_equal(twice.fit_.beta[0], model.fit_.beta[0])
    first = np.linalg.norm(model.random_effects()["std_dev"])
    assert np.linalg.norm(twice.random_effects()["std_dev"]) < first


@pytest.fixture(scope="module")
def linear(data):
    """Linear mixed models of nested fixed parts, by REML and by maximum likelihood."""
    frame, y = data
    formulas = ("x + (1 | g)", "x + z + (1 | g)")
    found = [[LMMRegressor(f, reml=reml).fit(frame, y) for f in formulas] for reml in (True, False)]
    return frame, y, *found


def test_restricted_fits_are_compared_as_maximum_likelihood_fits_them(linear):
    frame, y, restricted, plain = linear
    test = likelihood_ratio_test(*restricted, frame[::-1], y[::-1], refit=True)
    expected = likelihood_ratio_test(*plain)
    assert_allclose(test.statistic, expected.statistic, atol=1e-6)
    assert (test.df, test.method) == (expected.df, expected.method)
    table = compare(*restricted, X=frame, y=y, refit=True)
    assert_allclose(table["aic"], compare(*plain)["aic"], rtol=1e-8)
    mixed = compare(restricted[0], plain[1], X=frame, y=y, refit=True)
    assert_allclose(mixed["lr_statistic"].dropna(), expected.statistic, atol=1e-6)
    assert restricted[0].fit_.integrated == (0,)  # the models are not touched


def test_a_refit_is_the_fit_by_maximum_likelihood(linear):
    frame, y, (model, _), (plain, _) = linear
    found = unrestricted(study_of(model, frame, y), model.fit_)
    assert found.converged
    assert found.integrated == ()
    assert found.data_digest == plain.fit_.data_digest
    assert_allclose(found.beta[0], plain.fit_.beta[0], rtol=1e-6)
    assert_allclose(found.log_likelihood, plain.log_likelihood_, atol=1e-7)
    assert_allclose(found.covariance[:2, :2], plain.fit_.covariance[:2, :2], rtol=1e-4)
    assert unrestricted(study_of(plain, frame, y), plain.fit_) is plain.fit_


def test_bootstrapped_ratios_of_refits_are_those_of_maximum_likelihood(linear):
    frame, y, restricted, plain = linear
    options = {"method": "bootstrap", "n_replicates": 5, "random_state": 0}
    test, expected = (
        likelihood_ratio_test(*models, frame, y, refit=refit, **options)
        for models, refit in ((restricted, True), (plain, False))
    )
    assert_allclose(test.replicates, expected.replicates, atol=1e-3)


def test_refits_need_the_rows_of_fit(linear):
    frame, y, models, _ = linear
    with pytest.raises(ValueError, match=r"refit=True needs the rows of fit, but y is missing"):
        likelihood_ratio_test(*models, frame, refit=True)
    with pytest.raises(ValueError, match=r"X and y are missing; call compare\(..., refit=True"):
        compare(*models, refit=True)
    with pytest.raises(ValueError, match="y or its weights are not those of fit"):
        compare(*models, X=frame, y=y + 1.0, refit=True)
    with pytest.raises(TypeError, match="refit"):
        compare(*models, refit="yes")


def test_messages_say_how_each_model_was_fitted(linear):
    _, _, restricted, plain = linear
    text = r"the first is fitted by maximum likelihood, the second by REML \(the fixed effects of"
    with pytest.raises(ValueError, match=text):
        compare(plain[0], restricted[1])
    text = r"both are fitted by REML, but .* differ in 'z'; refit both with reml=False, or let"
    with pytest.raises(ValueError, match=text):
        likelihood_ratio_test(*restricted)
