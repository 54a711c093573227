"""Linear mixed models without a residual: against gls of nlme, glmmTMB and dense matrices."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm
from test_kenward_roger import moments, textbook

from skglmm import LMMRegressor
from skglmm.covariance import (
    Autoregressive,
    BlockDiagonal,
    CompoundSymmetry,
    Coordinate,
    Diagonal,
    Exponential,
    HomogeneousCompoundSymmetry,
    Lowered,
    Toeplitz,
    Unstructured,
)
from skglmm.exceptions import DesignError
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.model_selection import likelihood_ratio_test
from skglmm.multioutput import fit_many

US, AR1, HETAR1 = "us(0 + visit | subject)", "ar1(0 + time | subject)", "hetar1(0 + time | subject)"
HOMCS, CS, TOEP = (
    "homcs(0 + visit | subject)",
    "cs(0 + visit | subject)",
    "toep(0 + time | subject)",
)
INTERCEPT = "(1 | subject) + " + AR1
# log likelihoods by REML and ML: gls(), lme() of nlme 3.1-162 and, of toep, glmmTMB 1.1.5
IN_R = {
    US: (-88.90187558, -83.45582065),
    AR1: (-105.25659790, -101.83710797),
    HETAR1: (-102.97904810, -99.29135718),
    HOMCS: (-100.79853324, -96.87984758),
    CS: (-98.83885147, -94.67364118),
    INTERCEPT: (-100.77085694, None),
    TOEP: (None, -94.44191405),
}
# Fixed effects and their standard errors by REML, with which those of ML do not compare.
FIXED = {
    US: (
        [20.3664018, -0.5401017, 0.9912369, 2.4620120, 3.1371489, 0.8851973, 1.0671156, 2.5194790],
        [0.3415196, 0.4824274, 0.1511660, 0.1846937, 0.2300657, 0.2121121, 0.2652206, 0.3241581],
    ),
    AR1: (
        [20.4553401, -0.6677412, 0.9051997, 2.2491402, 2.9465069, 0.9743728, 1.3916518, 2.6802802],
        [0.3730396, 0.5226230, 0.2554271, 0.3329480, 0.3859281, 0.3533337, 0.4716469, 0.5440403],
    ),
    INTERCEPT: (
        [20.3801969, -0.5412108, 0.9737794, 2.3556633, 3.0263136, 0.8511231, 1.2372679, 2.6218923],
        [0.3711896, 0.5212393, 0.2494185, 0.2634374, 0.2642167, 0.3468875, 0.3739260, 0.3685176],
    ),
}
# Standard deviations, then correlations.
NATURAL = {
    US: [
        *(1.17816697, 1.34329865, 1.06763445, 1.29906098),
        *(0.932139822, 0.869096120, 0.833281787, 0.756139531, 0.710820760, 0.690486239),
    ],
    AR1: [1.247501, 0.7984216],
    INTERCEPT: [1.1147847, 0.5706832, 0.0485760347],
}
SITE_LOG_LIKELIHOOD = -95.45631417  # glmmTMB
SITE_SDS = [1.690418, 1.259515, 1.390748, 1.157479, 1.395374]
SITES = np.array([0.0, 2.0, -1.0, 1.5, -2.0])


def trial():
    """Twenty-four subjects and four visits, of which some are missed."""
    i, t = np.repeat(np.arange(24), 4), np.tile(np.arange(4), 24)
    wave = np.sin(1.0 + 12.9898 * i + 78.233 * t) * 43758.5453 % 1.0 - 0.5
    level = np.sin(3.0 + 7.1 * i) * 951.7 % 1.0 - 0.5
    X = pd.DataFrame({"subject": i, "time": t, "visit": pd.Categorical([f"v{v}" for v in t])})
    X["site"], X["drug"] = i % 5, (i % 2).astype(float)
    y = 20 + t + 0.8 * t * X["drug"] + 4 * level + (1.0 + 0.5 * t) * wave
    seen = ((3 * i + 5 * t) % 11 > 0) & ~((i % 7 == 3) & (t > 1))
    y = pd.Series(np.round(y.to_numpy(), 3), name="y")
    return X[seen].reset_index(drop=True), y[seen].reset_index(drop=True)


X, Y = trial()
FITS = {}


def fitted(structure, reml=True):
    """Fits are shared: none of the tests changes them."""
    if (structure, reml) not in FITS:
        y = Y + SITES[X["site"]] if "site" in structure else Y
        model = LMMRegressor(f"drug * visit + {structure}", scale="0", reml=reml)
        FITS[structure, reml] = model.fit(X, y)
    return FITS[structure, reml]


@pytest.mark.parametrize("structure", IN_R)
def test_log_likelihoods_are_those_of_r(structure):
    for reml, known in zip((True, False), IN_R[structure], strict=True):
        if known is not None:
            model = fitted(structure, reml)
            assert model.converged_
            assert_allclose(model.log_likelihood_, known, rtol=0, atol=1e-6)


@pytest.mark.parametrize("structure", FIXED)
def test_estimates_are_those_of_r(structure):
    model, (estimates, errors) = fitted(structure), FIXED[structure]
    found = model.tidy("fixed")
    assert_allclose(found["std_error"], errors, rtol=1e-4)
    assert np.all(np.abs(found["estimate"] - estimates) < 1e-4 * np.array(errors))
    assert_allclose(model.tidy("random")["estimate"], NATURAL[structure], atol=2e-5)
    assert len(model.scale_coef_) == 0


def test_other_random_effects_stand_beside_what_takes_the_place_of_the_residual():
    model = fitted(f"(1 | site) + {US}")
    assert_allclose(model.log_likelihood_, SITE_LOG_LIKELIHOOD, atol=1e-6)
    assert_allclose(model.tidy("random")["estimate"][:5], SITE_SDS, rtol=1e-4)


def test_arms_may_have_a_covariance_each():
    arms = X.assign(placebo=1.0 - X["drug"])
    formula = "drug * visit + us(0 + visit:drug | subject) + us(0 + visit:placebo | subject)"
    model = LMMRegressor(formula, scale="0").fit(arms, Y)
    parts = [
        LMMRegressor(f"visit + {US}", scale="0").fit(X[own], Y[own])
        for own in (X["drug"] == 1, X["drug"] == 0)
    ]
    whole = sum(part.log_likelihood_ for part in parts)
    assert_allclose(model.log_likelihood_, whole, rtol=0, atol=1e-6)
    found = [part.tidy("random")["estimate"] for part in (model, *parts)]
    assert_allclose(found[0], np.concatenate(found[1:]), rtol=1e-4)


def test_smooths_stand_beside_visits():
    numbers = X.assign(x=np.sin(7.0 * X["subject"]))
    model = LMMRegressor(f"visit + s(x) + {AR1}", scale="0").fit(numbers, Y)
    straight = LMMRegressor(f"visit + x + {AR1}", scale="0").fit(numbers, Y)
    assert model.log_likelihood_ >= straight.log_likelihood_ - 1e-6
    (row,) = model.smooth_terms().to_dict("records")
    assert 0 < row["p_value"] < 1  # of chi-square, as no residual variance is estimated


def covariance_of_rows(model, theta):
    """V, from natural covariances of the user."""
    fit, rows = model.fit_, model._spec.build(X)
    V = np.zeros((len(X), len(X)))
    for f, factor in enumerate(fit.layout.factors):
        z = rows.columns[f]
        z = z.toarray() if hasattr(z, "toarray") else z
        start = at = 0
        for part in factor.covariance.blocks:
            own, inside = slice(start, start + part.size), slice(at, at + part.n_params)
            whole = part.whole if isinstance(part, Lowered) else part
            root = z[:, own] @ fit.bases[f][own, own] @ whole.factor(theta[f][inside])
            same = rows.codes[f][:, None] == rows.codes[f]
            V += same * (root @ root.T)
            start, at = own.stop, inside.stop
    return V


def split(model, vector):
    return np.split(vector, np.cumsum([len(part) for part in model.fit_.theta])[:-1])


def restricted(model, vector, y):
    """The restricted log likelihood, its covariance of fixed effects, and V."""
    V, x = covariance_of_rows(model, split(model, vector)), model._spec.build(X).fixed[0]
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(x.T @ inverse @ x)
    left = y - x @ phi @ x.T @ inverse @ y
    dets = [np.linalg.slogdet(each)[1] for each in (V, phi)]
    n = len(y) - x.shape[1]
    value = -0.5 * (n * np.log(2 * np.pi) + dets[0] - dets[1] + left @ inverse @ left)
    return value, phi, V, x


ORACLES = [US, AR1, INTERCEPT, f"(1 | site) + {US}", f"(1 | site) + {AR1}"]


@pytest.mark.parametrize("structure", ORACLES)
def test_tests_of_fixed_effects_are_those_of_dense_matrices(structure):
    model = fitted(structure)
    y = (Y + SITES[X["site"]] if "site" in structure else Y).to_numpy()
    theta = np.concatenate(model.fit_.theta)
    value, phi, V, x = restricted(model, theta, y)
    assert_allclose(model.log_likelihood_, value, rtol=0, atol=1e-7)
    ends = [theta + step * unit for unit in np.eye(len(theta)) for step in (1e-4, -1e-4)]
    pairs = list(zip(*[iter(restricted(model, end, y)[2] for end in ends)] * 2, strict=True))
    G = [(above - below) / 2e-4 for above, below in pairs]
    corrected, plain, P, W = textbook(V, G, x)
    found = reference(model.fit_, "kenward-roger")
    assert_allclose(found.location_covariance, corrected, rtol=1e-5, atol=1e-8)
    for L in (np.eye(8)[1:2], np.eye(8)[7:], np.eye(8)[5:]):
        assert_allclose(found.denominator(L), moments(plain, P, W, L), rtol=1e-4)

    if len(theta) > 3:  # the same formulas of more parameters
        return

    def value_at(step, other):
        return restricted(model, theta + step + other, y)[0]

    units = 1e-3 * np.eye(len(theta))
    hessian = [
        [sum(s * r * value_at(s * a, r * b) for s in (1, -1) for r in (1, -1)) for b in units]
        for a in units
    ]
    A = -np.linalg.inv(np.array(hessian) / 4e-6)
    moved = [-phi @ each @ phi for each in P]
    for c in (np.eye(8)[1], np.eye(8)[7]):
        gradient = np.array([c @ each @ c for each in moved])
        df = 2 * (c @ phi @ c) ** 2 / (gradient @ A @ gradient)
        assert_allclose(reference(model.fit_).df(c[None]), df, rtol=1e-4)


def test_predictions_know_what_other_visits_tell():
    model = fitted(US)
    assert_allclose(model.predict(X), Y, atol=1e-4)  # without a residual they are the responses
    place = int(np.flatnonzero(X["subject"] == 3)[0])
    row = X.iloc[[place]].assign(visit="v3", time=3)  # which subject 3 missed
    sigma = np.zeros((4, 4))
    natural = model.tidy("random")["estimate"].to_numpy()
    sigma[np.triu_indices(4, 1)] = natural[4:]
    sigma = (sigma + sigma.T + np.eye(4)) * np.outer(natural[:4], natural[:4])
    own = (X["subject"] == 3).to_numpy()
    seen = X["time"][own].to_numpy()
    left = Y[own] - model.predict(X[own], kind="fixed")
    weights = np.linalg.solve(sigma[np.ix_(seen, seen)], sigma[seen, 3])
    mean = model.predict(row, kind="fixed") + weights @ left
    assert_allclose(model.predict(row), mean, atol=1e-5)
    _, std = model.predict(X.iloc[:3], kind="marginal", return_std=True)
    assert_allclose(std, natural[X["time"].iloc[:3]], rtol=1e-6)
    _, std = model.predict(row.assign(subject=99), return_std=True)
    assert_allclose(std, natural[3], rtol=1e-6)


def test_an_autoregression_forecasts():
    model = fitted(AR1)
    last = X[X["subject"] == 0].iloc[[-1]]
    later = last.assign(time=int(last["time"].iloc[0]) + 2)
    sd, rho = model.tidy("random")["estimate"]
    left = Y[last.index[0]] - model.predict(last, kind="fixed")
    mean, std = model.predict(later, return_std=True)
    assert_allclose(mean, model.predict(later, kind="fixed") + rho**2 * left, atol=1e-5)
    assert_allclose(std, sd * np.sqrt(1 - rho**4), rtol=1e-5)


@pytest.mark.parametrize(
    ("smaller", "larger", "df"),
    [(AR1, HETAR1, 3), (HOMCS, CS, 3), (CS, US, 5), (AR1, US, 8), (HETAR1, US, 5), (TOEP, US, 3)],
)
def test_structures_are_tested_against_each_other(smaller, larger, df):
    found = likelihood_ratio_test(fitted(smaller), fitted(larger))
    gain = fitted(larger).log_likelihood_ - fitted(smaller).log_likelihood_
    assert_allclose((found.statistic, found.df), (2 * gain, df), atol=1e-9)


def test_fixed_effects_are_tested_by_likelihood():
    small = LMMRegressor(f"visit + {US}", scale="0", reml=False).fit(X, Y)
    found = likelihood_ratio_test(small, fitted(US, reml=False))
    assert found.df == 4
    assert found.statistic > 0
    table = fitted(US).anova(df="kenward-roger").to_frame()
    assert table["mean_sq"].isna().all()
    assert np.isfinite(table["p_value"]).all()


def test_a_random_intercept_and_a_residual_are_compound_symmetry():
    plain = LMMRegressor("drug * visit + (1 | subject)").fit(X, Y)
    assert_allclose(fitted(HOMCS).log_likelihood_, plain.log_likelihood_, atol=1e-7)
    assert_allclose(fitted(HOMCS).coef_, plain.coef_, rtol=1e-5)
    one, other = (m.tidy("fixed", df="kenward-roger") for m in (plain, fitted(HOMCS)))
    for column in ("std_error", "df", "p_value"):
        assert_allclose(one[column][:8], other[column], rtol=1e-5)


@pytest.mark.parametrize(("size", "center"), [(1e6, 0.0), (1e-6, 0.0), (1.0, 1e4)])
def test_units_do_not_matter(size, center):
    y, here = center + size * Y, fitted(AR1)
    model = LMMRegressor(f"drug * visit + {AR1}", scale="0").fit(X, y)
    moved = (len(Y) - 8) * np.log(size)
    assert_allclose(model.log_likelihood_ + moved, here.log_likelihood_, atol=1e-6)
    assert_allclose(model.coef_, size * here.coef_, rtol=1e-6)
    sd, rho = model.tidy("random")["estimate"]
    assert_allclose((sd / size, rho), here.tidy("random")["estimate"], rtol=1e-6)


def test_profiles_walk_on_natural_parameters():
    model = fitted(AR1, reml=False)
    limits = model.confint(X, Y, method="profile", parameters="rho(time | subject)")
    low, high = limits[["conf_low", "conf_high"]].to_numpy()[0]
    subject, time = X["subject"].to_numpy()[:, None], X["time"].to_numpy()[:, None]
    for rho in (low, high):
        V = (subject == subject.T) * rho ** np.abs(time - time.T)
        x, n = model._spec.build(X).fixed[0], len(Y)
        inverse = np.linalg.inv(V)
        left = Y - x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ Y)
        value = -0.5 * (np.linalg.slogdet(V)[1] + n * np.log(2 * np.pi * np.e / n))
        value -= 0.5 * n * np.log(left @ inverse @ left)
        assert_allclose(2 * (model.log_likelihood_ - value), chi2.ppf(0.95, 1), rtol=1e-4)


REFUSED = [
    (f"visit + {US}", {"link": "log"}, "needs link='identity'"),
    ("visit + (1 | subject)", {}, "rows 0 and 1 have the same effect 'Intercept' of the level"),
    ("visit", {}, "there are none here"),
    ("visit + us(visit | subject)", {}, "without an intercept"),
    ("visit + (time | subject)", {}, "those of .Intercept, time . subject. do not"),
    ("visit + rr(0 + visit | subject, d=2)", {}, "one effect for each row"),
    ("visit + gau(0 + time | site:subject)", {}, None),
]


@pytest.mark.parametrize(("formula", "options", "message"), REFUSED)
def test_what_cannot_take_the_place_of_a_residual_is_refused(formula, options, message):
    model = LMMRegressor(formula, scale="0", **options)
    if message is None:
        model.fit(X, Y)
        return
    with pytest.raises(DesignError, match=message):
        model.fit(X, Y)


def test_rows_that_would_be_equal_are_named():
    twice, y = pd.concat([X, X.iloc[[5]]]), pd.concat([Y, Y.iloc[[5]]])
    message = f"rows 5 and {len(X)} have the same effect 'visit.v2.' of the level '1' of 'subject'"
    with pytest.raises(DesignError, match=message):
        LMMRegressor(f"visit + {US}", scale="0").fit(twice, y)
    message = "the same effect 'time.2.' of the level '1'"
    with pytest.raises(DesignError, match=message):
        LMMRegressor(f"visit + {AR1}", scale="0").fit(twice, y)


def test_responses_without_variation_are_refused():
    some = X["subject"] < 3
    with pytest.raises(DesignError, match="3 levels of 'subject' cannot tell the 10 covariances"):
        LMMRegressor(f"1 + {US}", scale="0").fit(X[some], Y[some])
    with pytest.raises(DesignError, match="reproduce the responses"):
        LMMRegressor(f"time + {AR1}", scale="0").fit(X, X["time"].to_numpy() + 1.0)


@pytest.mark.slow
def test_likelihoods_that_rise_for_ever_are_told_of():
    some = (X["subject"] < 4) & (X["time"] < 3)
    X_few = X[some].assign(visit=X["visit"][some].cat.remove_unused_categories())
    with pytest.warns(UserWarning, match="until some are combinations of others"):
        LMMRegressor(f"visit + {US}", scale="0").fit(X_few, Y[some])


def test_weights_leave_rows_out_and_nothing_else():
    weights = (np.arange(len(X)) != 7).astype(float)
    model = LMMRegressor(f"visit + {AR1}", scale=" ~ 0")
    model.fit(X, Y, sample_weight=weights)
    other = LMMRegressor(f"visit + {AR1}", scale="0").fit(X.drop(index=7), Y.drop(index=7))
    assert_allclose(model.log_likelihood_, other.log_likelihood_, rtol=1e-12)
    with pytest.raises(DesignError, match="weights may be 0 and 1 only"):
        model.fit(X, Y, sample_weight=1.0 + weights)


@pytest.mark.parametrize("scale", ["-1", "0 + 0"])
def test_a_scale_without_terms_is_no_standard_deviation_of_one(scale):
    with pytest.raises(DesignError, match="would fix the residual standard deviation at 1; write"):
        LMMRegressor(f"visit + {AR1}", scale=scale).fit(X, Y)


def test_known_standard_deviations_need_no_terms():
    sd = np.linspace(10.0, 20.0, len(Y))
    model = LMMRegressor("1", scale="0 + offset(log(sd))", reml=False)
    model.fit(X.assign(sd=sd), Y)
    mean = np.average(Y, weights=sd**-2.0)
    assert_allclose(model.intercept_, mean, rtol=1e-6)
    assert_allclose(model.log_likelihood_, np.sum(norm.logpdf(Y, mean, sd)), rtol=1e-9)


def test_one_visit_of_each_subject_is_not_hidden_by_a_residual_that_is_left_out():
    first = X["visit"] == X["visit"].iloc[0]
    LMMRegressor("1 + us(0 + visit | subject)", scale="0").fit(X[first], Y[first])


def test_many_responses_and_clusters_need_a_residual():
    model = LMMRegressor(f"visit + {AR1}", scale="0")
    with pytest.raises(ValueError, match="not available for a dask DataFrame"):
        model._refuse_sums("a dask DataFrame")
    with pytest.raises(ValueError, match="not available for fit_many"):
        fit_many(model, X, np.column_stack([Y, Y]))


PLACES = np.array([[0.0, 0.1], [0.4, 0.3], [0.9, 0.2]])
LOWERED = [
    Lowered.of(whole, 0.01)
    for whole in (
        Unstructured(3),
        Diagonal(3),
        CompoundSymmetry(3),
        HomogeneousCompoundSymmetry(4),
        Autoregressive(4, (0, 1, 3, 4)),
        Toeplitz(3),
        Exponential(PLACES),
    )
]


@pytest.mark.parametrize("covariance", LOWERED, ids=repr)
def test_a_lowered_covariance_is_the_whole_less_a_diagonal(covariance):
    rng = np.random.default_rng(0)
    theta = covariance.start(np.full(covariance.size, 1.0))
    theta = theta + 0.1 * rng.normal(size=covariance.n_params)
    lower, root = covariance.factor(theta), covariance.whole.factor(theta)
    assert_allclose(lower @ lower.T + 0.01 * np.eye(len(root)), root @ root.T, atol=1e-14)
    moves = np.array(list(covariance.moves(theta)))
    for move, unit in zip(moves, np.eye(len(theta)), strict=True):
        ends = [covariance.factor(theta + h * unit) for h in (1e-6, -1e-6)]
        assert_allclose(move, (ends[0] - ends[1]) / 2e-6, atol=1e-8)
        assert_allclose(covariance.move(theta, unit), move, atol=1e-14)
    kernel = rng.normal(size=(len(root), len(root), 2))
    slopes = np.einsum("mab,abp->mp", moves, kernel)
    assert_allclose(covariance.slope(theta, kernel), slopes, atol=1e-12)
    assert_allclose(covariance.slope(theta, kernel[..., 0]), slopes[:, 0], atol=1e-12)
    precisions = rng.normal(size=(1, len(root), len(root)))
    precisions = precisions @ np.swapaxes(precisions, 1, 2)
    halves = moves @ lower.T
    sums = precisions[0] @ (halves + np.swapaxes(halves, 1, 2))
    expected = 0.5 * np.einsum("mab,nba->mn", sums, sums)
    assert_allclose(covariance.information(theta, precisions), expected, rtol=1e-9)
    assert np.isnan(covariance.factor(0.0 * theta)).all()
    assert not covariance.is_positive(0.0 * theta)
    assert covariance.contains(covariance)
    assert not covariance.contains(covariance.whole)


def test_a_lowered_covariance_knows_units_and_coordinates():
    covariance = Lowered.of(Unstructured(2), 0.04)
    moved = BlockDiagonal((Unstructured(1), covariance)).in_units(np.diag([1.0, 2.0, 0.5]))
    assert_allclose(moved.blocks[1].taken, [0.01, 0.16])
    assert_allclose(moved.in_units(np.eye(3)).blocks[1].taken, 0.04)
    theta = np.array([1.0, 0.3, 0.8])
    found = covariance.coordinate(theta, np.eye(2), 2)
    assert isinstance(found, Coordinate)
    ends = [each.factor(t) for each, t in ((found.covariance, found.theta), (covariance, theta))]
    assert_allclose(ends[0] @ ends[0].T, ends[1] @ ends[1].T, atol=1e-12)
    field, points = Lowered.of(Autoregressive(2), 0.04), np.array([[3.0], [4.0]])
    theta = field.start(np.ones(2))
    lost = field.whole.among(theta, points) - field.among(theta, points)
    assert_allclose(lost, 0.04 * np.eye(2), atol=1e-15)
    assert_allclose(field.variance(theta, points), np.diag(field.among(theta, points)))
    assert_allclose(field.scaled(theta, 1e-3), theta)  # which would not be positive
