"""Profile likelihood: against glmmTMB, constrained fits, and what must not change it."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, ndtri
from sklearn.exceptions import ConvergenceWarning

from skglmm import BetaGLMMRegressor
from skglmm.covariance.reparametrized import Rotated
from skglmm.engine import Params
from skglmm.estimators.reading.study import study_of
from skglmm.exceptions import SingularFitWarning
from skglmm.inference import natural, profiles
from skglmm.inference.uncertainty.axis import axes
from skglmm.inference.uncertainty.descent import begin, minimized, moved

REFERENCE = Path(__file__).parent / "reference" / "profiles.json"
CUTOFF = ndtri(0.975) ** 2

MODELS = {
    "petrol-random-intercept": ("yield", "EPc + (1 | batch)", {}),
    "petrol-precision": ("yield", "EPc + (1 | batch)", {"precision": "EPc"}),
    "dragons-random-intercept": ("score", "bodyLength_z + (1 | mountainRange)", {}),
    "dragons-random-slope": ("score", "bodyLength_z + (bodyLength_z | mountainRange)", {}),
    "dragons-nested": ("score", "bodyLength_z + (1 | mountainRange / site)", {}),
}


def data(seed, sd=(0.7, 0.4), nested=0.0, n_groups=8, per_group=8):
    """Rows of g with random intercepts and slopes, and of s, two levels within each."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), per_group)
    x, s = rng.normal(size=len(g)), np.arange(len(g)) % 2
    b = rng.normal(size=(2, n_groups)) * np.array(sd)[:, None]
    inner = nested * rng.normal(size=(n_groups, 2))
    mu = expit(0.3 + 0.4 * x + b[0, g] + b[1, g] * x + inner[g, s])
    y = rng.beta(8 * mu, 8 * (1 - mu)).clip(1e-4, 1 - 1e-4)
    return pd.DataFrame({"x": x, "g": g.astype(str), "s": s.astype(str)}), y


def fitted(formula, frame, y, **parameters):
    model = BetaGLMMRegressor(formula, **parameters).fit(frame, y)
    return model, study_of(model, frame, y)


# --- glmmTMB --------------------------------------------------------------------------------------


@cache
def reference():
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


def in_our_words(name):
    return name.replace("(Intercept)", "Intercept").replace(
        "site:mountainRange", "mountainRange:site"
    )


@cache
def reference_intervals(name, reference_data):
    frame = reference_data(name)
    response, formula, parameters = MODELS[name]
    model = BetaGLMMRegressor(formula, **parameters).fit(frame, frame[response])
    return model.confint(frame, frame[response], method="profile")


# Its profiles are interpolated by splines, and its optimizer stops early: 1 %. Its root finding
# comes closer; what is left is the error of its gradient tolerance.
@pytest.mark.parametrize(("method", "rtol"), [("profile", 1e-2), ("uniroot", 5e-4)])
@pytest.mark.parametrize("name", MODELS)
def test_intervals_are_those_of_glmmtmb(name, method, rtol, reference_data):
    table = reference_intervals(name, reference_data)
    theirs = {in_our_words(key): ends for key, ends in reference()[name][method].items()}
    assert len(theirs) == len(table)
    for row, ends in theirs.items():
        for column, end in zip(("conf_low", "conf_high"), ends, strict=True):
            if end is not None:
                assert_allclose(table.loc[row, column], end, rtol=rtol, err_msg=f"{row} {column}")


def test_a_correlation_that_glmmtmb_cannot_bound_ends_at_minus_one(reference_data):
    theirs = "corr((Intercept), bodyLength_z | mountainRange)"
    assert reference()["dragons-random-slope"]["uniroot"][theirs][0] is None
    table = reference_intervals("dragons-random-slope", reference_data)
    assert table.loc[in_our_words(theirs), "conf_low"] == -1.0


# --- constrained fits -----------------------------------------------------------------------------


def naturals(fit, study, vector):
    """All parameters in the order of `natural`, a constant precision as its logarithm."""
    params, values = Params.unpack(vector, study.problem.shape), []
    for to_user, beta in zip(study.scales.to_user, params.beta, strict=True):
        values += list(to_user @ beta)
    for f, covariance in enumerate(study.problem.covariances):
        root = fit.bases[f] @ covariance.factor(params.theta[f])
        sigma, start = root @ root.T, 0
        for block in covariance.blocks:
            inside = slice(start, start + block.size)
            sd = np.sqrt(np.diag(sigma)[inside])
            values += list(sd)
            if block.rebases:
                corr = sigma[inside, inside] / np.maximum(np.outer(sd, sd), 1e-300)
                values += list(corr[np.triu_indices(block.size, 1)])
            start = inside.stop
    return np.array(values)


def loss(fit, study, place, value):
    """Twice the loss of log likelihood where a parameter is held, by scipy's SLSQP."""

    def objective(vector):
        here = study.problem.evaluate(vector)
        return (1e6, np.zeros_like(vector)) if here is None else (here.value, here.gradient)

    best = minimize(
        objective,
        study.bound.off_boundary(study.vector(fit)),
        jac=True,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda v: naturals(fit, study, v)[place] - value},
        options={"maxiter": 500, "ftol": 1e-10},
    )
    return 2.0 * (best.fun - study.problem.evaluate(study.vector(fit)).value)


def own_value(name, value):
    return np.log(value) if name == "precision" else value


@pytest.mark.parametrize(
    "formula",
    [
        "x + (1 + x | g)",
        pytest.param("x + (1 | g) + (0 + x | g)", marks=pytest.mark.slow),
        pytest.param("x + (1 + x + z | g)", marks=pytest.mark.slow),
    ],
)
def test_at_the_ends_a_constrained_fit_loses_what_the_level_allows(formula):
    frame, y = data(2)
    frame["z"] = np.cos(3 * frame["x"]) + 2
    model, study = fitted(formula, frame, y)
    found, n_ends = profiles(model.fit_, study, n_points=4), 0
    for place, profile in enumerate(found):
        for end in profile.interval(0.95):
            if 0 < abs(end) < np.inf and abs(end) != 1.0:
                value = own_value(profile.name, end)
                # 1e-3 of 3.84 moves an end by 1.3e-4 of its distance from the estimate
                assert_allclose(loss(model.fit_, study, place, value), CUTOFF, rtol=1e-3)
                n_ends += 1
    assert n_ends >= 8


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(1, id="slope", marks=pytest.mark.slow),
        pytest.param(2, id="precision", marks=pytest.mark.slow),
        pytest.param(3, id="sd"),
        pytest.param(5, id="correlation"),
    ],
)
def test_a_whole_profile_is_that_of_constrained_fits(place):
    frame, y = data(2)
    model, study = fitted("x + (1 + x | g)", frame, y)
    (profile,) = profiles(model.fit_, study, [place])
    assert min(len(profile.low.points), len(profile.high.points)) > 8
    assert np.all(np.diff(profile.value) > 0)
    assert np.all(np.diff(profile.zeta) > 0)
    between = [end for level in (0.3, 0.6, 0.9) for end in profile.interval(level)]
    values = np.concatenate([profile.value[1:-1:4], between])
    roots = ndtri(0.5 + np.repeat([0.3, 0.6, 0.9], 2) / 2)
    zeta = np.concatenate([profile.zeta[1:-1:4], roots])
    exact = [loss(model.fit_, study, place, own_value(profile.name, v)) for v in values]
    assert_allclose(zeta**2, exact, rtol=1e-3, atol=1e-4)  # as exact as SLSQP


def test_a_correlation_is_unbounded_where_its_effects_may_be_absent():
    frame, y = data(18, sd=(0.7, 0.25))
    model, study = fitted("x + (1 + x | g)", frame, y)
    slope, correlation = profiles(model.fit_, study, [4, 5])
    assert slope.interval(0.95)[0] == 0.0
    assert correlation.interval(0.95) == (-1.0, 1.0)
    # without the slope every correlation is as good
    absent = BetaGLMMRegressor("x + (1 | g)").fit(frame, y).fit_.log_likelihood
    most = np.sqrt(2 * (model.fit_.log_likelihood - absent))
    assert_allclose(slope.zeta[0], -most, rtol=1e-4)
    assert_allclose(correlation.zeta[-1], most, rtol=1e-3)
    assert np.all(np.abs(correlation.zeta) <= most * 1.001)
    low, high = correlation.interval(0.5)
    for end in (low, high):
        assert -1 < end < 1
        assert_allclose(loss(model.fit_, study, 5, end), ndtri(0.75) ** 2, rtol=1e-3)


def test_the_descent_leaves_a_variance_of_zero_where_it_does_not_belong():
    frame, y = data(2)
    model, study = fitted("x + (1 | g)", frame, y)
    axis = list(axes(model.fit_, study.around(model.fit_)))[2]  # the precision
    start = begin(axis)
    vector = start.vector * np.array([1.0, 1.0, 1.0, 0.0])
    asleep = replace(  # with nothing that couples the variance to what moves
        start,
        vector=vector,
        here=study.problem.evaluate(vector),
        hessian=np.diag(np.diag(start.hessian)),
    )
    assert asleep.here.gradient[3] == 0.0  # by symmetry
    assert asleep.here.value > start.here.value + 1.0
    assert_allclose(minimized(axis, asleep).here.value, start.here.value, atol=1e-6)


def test_a_correlation_is_held_by_standard_deviations_that_stay_positive():
    frame, y = data(2)
    frame["x"] += 2.0
    model, study = fitted("x + (1 + x | g)", frame, y)
    axis = list(axes(model.fit_, study.around(model.fit_)))[5]
    start = begin(axis)
    assert np.sin(axis.coordinate) < -0.8
    far = moved(axis, start, 1.5)  # the step alone would make both negative
    assert np.all(far.vector >= axis.lower)
    found = minimized(axis, far)
    assert np.all(found.vector[3:5] > 0.1)
    rho = float(np.sin(axis.coordinate + 1.5))
    lost = 2 * (found.here.value - start.here.value)
    assert_allclose(lost, loss(model.fit_, study, 5, rho), rtol=1e-3)


# --- boundaries -----------------------------------------------------------------------------------


def test_a_standard_deviation_that_may_be_zero_begins_at_zero():
    frame, y = data(3, sd=(0.25, 0.0))
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    name = "sd(Intercept | g)"
    wide = model.confint(frame, y, method="profile", parameters=name).loc[name]
    narrow = model.confint(frame, y, method="profile", parameters=name, level=0.5).loc[name]
    assert wide["conf_low"] == 0.0
    assert 0 < narrow["conf_low"] < wide["estimate"] < narrow["conf_high"] < wide["conf_high"]


def test_an_estimate_of_zero_has_an_interval_above():
    frame, y = data(0, sd=(0.0, 0.0))
    with pytest.warns(SingularFitWarning):
        model, study = fitted("x + (1 | g)", frame, y)
    (profile,) = profiles(model.fit_, study, [3])
    low, high = profile.interval(0.95)
    assert profile.estimate == low == profile.value[0] == 0.0
    assert_allclose(loss(model.fit_, study, 3, high), CUTOFF, rtol=1e-3)


def test_a_correlation_of_minus_one_has_an_interval_above(reference_data):
    frame = reference_data("dragons-full")
    with pytest.warns(SingularFitWarning):
        model, study = fitted(
            "bodyLength_z + (bodyLength_z | mountainRange) + (1 | siteUnique)",
            frame,
            frame["score"],
        )
    names = [parameter.name for parameter in natural(model.fit_)]
    place = names.index("corr(Intercept, bodyLength_z | mountainRange)")
    (profile,) = profiles(model.fit_, study, [place])
    low, high = profile.interval(0.95)
    assert low == profile.estimate == -1.0
    assert_allclose(loss(model.fit_, study, place, high), CUTOFF, rtol=1e-3)


def test_of_a_correlation_with_what_does_not_vary_nothing_is_known():
    frame, y = data(0)
    model, study = fitted("x + (1 + x | g)", frame, y)
    root = model.fit_.lambdas[0] * np.array([[1.0], [0.0]])
    flat = replace(model.fit_, lambdas=(root,), theta=(np.array([0.7, 0.0, 0.0]),))
    (profile,) = profiles(flat, study, [5])
    assert profile.interval(0.95) == (-1.0, 1.0)
    assert len(profile.value) == 0


def test_a_coefficient_that_was_left_out_is_unbounded():
    frame, y = data(0)
    frame["twice"] = 2 * frame["x"]
    with pytest.warns(UserWarning, match="twice"):
        model = BetaGLMMRegressor("x + twice + (1 | g)").fit(frame, y)
    table = model.confint(frame, y, method="profile")
    assert table.loc["twice", ["conf_low", "conf_high"]].tolist() == [-np.inf, np.inf]
    without = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert_allclose(table.drop("twice"), without.confint(frame, y, method="profile"), rtol=1e-4)


def test_a_precision_at_its_cap_has_no_upper_end():
    frame, _ = data(0)
    y = expit(0.3 + 0.4 * frame["x"].to_numpy())
    with pytest.warns(UserWarning, match="precision"):
        model = BetaGLMMRegressor("x").fit(frame, y)
    table = model.confint(frame, y, method="profile")
    assert table.loc["precision", "conf_high"] == np.inf
    # n / 2 log(precision) is what the likelihood depends on: an exact tail
    low = table.loc["precision", "estimate"] * np.exp(-CUTOFF / len(y))
    assert_allclose(table.loc["precision", "conf_low"], low, rtol=1e-3)
    assert np.all(np.isfinite(table.drop("precision")))


# --- what must not matter, and what must ----------------------------------------------------------


def test_units_of_a_covariate_do_not_matter():
    frame, y = data(0)
    formula, factor = "x + (1 + x | g)", 1e-3
    here = BetaGLMMRegressor(formula).fit(frame, y).confint(frame, y, method="profile")
    other = frame.assign(x=frame["x"] / factor)
    there = BetaGLMMRegressor(formula).fit(other, y).confint(other, y, method="profile")
    scale = np.where([name in ("x", "sd(x | g)") for name in here.index], factor, 1.0)
    # two optimizers stop at 1e-8 of a log-likelihood unit: 1e-4 standard errors
    assert_allclose(there, here.mul(scale, axis=0), rtol=1e-4, atol=1e-7)


def test_the_origin_of_a_covariate_matters_to_the_intercept_and_its_correlation_only():
    frame, y = data(0)
    formula = "x + (1 + x | g)"
    other = frame.assign(x=frame["x"] + 100.0)
    same = {"method": "profile", "parameters": ["x", "precision", "sd(x | g)"]}
    here = BetaGLMMRegressor(formula).fit(frame, y).confint(frame, y, **same)
    there = BetaGLMMRegressor(formula).fit(other, y).confint(other, y, **same)
    assert_allclose(there, here, rtol=1e-4)


def test_order_of_rows_and_weights_as_repeated_rows_do_not_matter():
    frame, y = data(0)
    weights = np.random.default_rng(0).integers(1, 3, len(y)).astype(float)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y, weights)
    order = np.random.default_rng(1).permutation(len(y))
    table = model.confint(
        frame.iloc[order], y[order], sample_weight=weights[order], method="profile"
    )
    twice = np.repeat(np.arange(len(y)), weights.astype(int))
    more = frame.iloc[twice]
    repeated = BetaGLMMRegressor("x + (1 | g)").fit(more, y[twice])
    assert_allclose(table, repeated.confint(more, y[twice], method="profile"), rtol=1e-4)


def test_much_data_make_profiles_and_wald_agree():
    frame, y = data(0, n_groups=300, per_group=20)
    model = BetaGLMMRegressor("x + (1 + x | g)").fit(frame, y)
    wald, profile = model.confint(), model.confint(frame, y, method="profile")
    width = (wald["conf_high"] - wald["conf_low"]).to_numpy()[:, None]
    ends = ["conf_low", "conf_high"]
    assert_allclose(profile[ends] / width, wald[ends] / width, atol=0.02)  # O(1 / sqrt(300)) of z


def test_a_model_without_random_effects_has_profiles():
    frame, y = data(0)
    model, study = fitted("x", frame, y)
    for place, profile in enumerate(profiles(model.fit_, study)):
        for end in profile.interval(0.95):
            exact = loss(model.fit_, study, place, own_value(profile.name, end))
            assert_allclose(exact, CUTOFF, rtol=1e-3)


def test_profiles_need_no_covariance_of_the_estimates():
    frame, y = data(0)
    without = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(frame, y)
    with_it = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    table = with_it.confint(frame, y, method="profile")
    assert_allclose(without.confint(frame, y, method="profile"), table, rtol=1e-4)


# --- the method -----------------------------------------------------------------------------------


def test_a_subset_of_parameters_comes_in_the_order_asked_for():
    frame, y = data(0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    names = ["sd(Intercept | g)", "x"]
    for method in ("wald", "profile"):
        whole = model.confint(frame, y, method=method)
        some = model.confint(frame, y, method=method, parameters=names)
        assert some.index.tolist() == names
        assert some.equals(whole.loc[names])
        assert model.confint(frame, y, method=method, parameters="x").equals(whole.loc[["x"]])


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        (["precison"], ValueError, r"but the parameters .* 'x'.*did you mean 'precision'"),
        ([], ValueError, "is empty"),
        (3, TypeError, "a name or a list of names"),
        ([3], ValueError, "parameters has 3"),
    ],
)
def test_unknown_parameters_are_refused(parameters, error, match):
    frame, y = data(0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    with pytest.raises(error, match=match):
        model.confint(parameters=parameters)


def test_profiles_ask_for_the_rows_of_the_fit():
    frame, y = data(0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    with pytest.raises(ValueError, match=r"X and y are missing; call confint\(X, y"):
        model.confint(method="profile")
    with pytest.raises(ValueError, match="but y is missing"):
        model.confint(frame, method="profile")
    with pytest.raises(ValueError, match="not that of fit"):
        model.confint(frame.assign(x=frame["x"] ** 2), y, method="profile")


def test_a_profile_says_up_to_which_level_it_goes():
    frame, y = data(0)
    model, study = fitted("x + (1 | g)", frame, y)
    (profile,) = profiles(model.fit_, study, [3], level=0.9)
    assert profile.interval(0.8)[0] > profile.interval(0.9)[0]
    with pytest.raises(ValueError, match=r"levels up to 0.9, not 0.95"):
        profile.interval(0.95)


def test_a_fit_that_is_not_the_maximum_is_refused():
    frame, y = data(0)
    model, study = fitted("x + (1 | g)", frame, y)
    fit = model.fit_
    off = replace(fit, beta=(fit.beta[0] + 0.2, fit.beta[1]))
    value = study.problem.evaluate(study.vector(off)).value
    model.fit_ = replace(off, log_likelihood=-value - study.log_jacobian)
    lost = fit.log_likelihood - model.fit_.log_likelihood
    assert lost > 0.1
    with pytest.raises(ValueError, match=r"rises at least [0-9.]+ log-likelihood"):
        model.confint(frame, y, method="profile", parameters="precision")
    (profile,) = profiles(off, study, [2])
    assert 1e-3 < profile.excess < 1.001 * lost


def test_a_profile_that_cannot_be_followed_is_told(monkeypatch):
    frame, y = data(0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    monkeypatch.setattr("skglmm.inference.uncertainty.path.minimized", lambda axis, spot: None)
    with pytest.warns(ConvergenceWarning, match="could not be followed beyond"):
        table = model.confint(frame, y, method="profile", parameters=["x", "sd(Intercept | g)"])
    assert table.loc["x"].tolist()[1:] == [-np.inf, np.inf]
    assert table.loc["sd(Intercept | g)"].tolist()[1:] == [0.0, np.inf]


# --- coordinates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("angled", [False, True])
def test_a_rerooted_covariance_has_its_first_effects_for_coordinates(angled):
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(3, 3))
    covariance = Rotated(3, turn, angled)
    theta = np.array([0.7, 0.4, 0.3, -0.2, 0.5, 0.6])
    factor = covariance.factor(theta)
    sigma = np.linalg.inv(turn) @ factor @ factor.T @ np.linalg.inv(turn).T
    assert_allclose(np.sqrt(sigma[0, 0]), theta[0])
    if angled:
        assert_allclose(np.sqrt(sigma[1, 1]), theta[1])
        assert_allclose(sigma[0, 1], theta[0] * theta[1] * np.sin(theta[2]))
    again = covariance.factor(covariance.of_factor(factor @ np.diag([1.0, -1.0, 1.0])))
    assert_allclose(again @ again.T, factor @ factor.T)
    whole = covariance.factor(covariance.start(np.ones(3)))
    assert_allclose(whole @ whole.T, np.eye(3), atol=1e-12)
    flipped = covariance.rectify(theta * np.array([1, 1, 1, 1, 1, -1]))
    assert_allclose(flipped[5], 0.6)
    for place, grad in enumerate(covariance.moves(theta)):
        step = 1e-6 * np.eye(6)[place]
        ahead, behind = covariance.factor(theta + step), covariance.factor(theta - step)
        assert_allclose(grad, (ahead - behind) / 2e-6, atol=1e-9)


@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
@pytest.mark.parametrize(
    ("random", "n_parameters"), [("(0 + x + z | g) + (1 | g)", 8), ("(1 + x + z | g)", 10)]
)
def test_on_each_axis_the_estimates_are_where_they_are(random, n_parameters):
    frame, y = data(2)
    frame["z"] = np.cos(3 * frame["x"]) + 2
    model, study = fitted(f"x + {random}", frame, y, precision="x")
    value = study.problem.evaluate(study.vector(model.fit_)).value
    pairs = list(zip(natural(model.fit_), axes(model.fit_, study.around(model.fit_)), strict=True))
    assert len(pairs) == n_parameters
    for parameter, axis in pairs:
        assert_allclose(axis.back(np.array(axis.coordinate)), parameter.value, rtol=1e-10)
        assert_allclose(axis.problem.evaluate(axis.vector).value, value, rtol=1e-10)
