"""Responses that a linear mixed model reproduces: the scale stops at its floor."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import design

from skglmm import LMMRegressor
from skglmm.families import Beta, Gaussian, Parameter, Role
from skglmm.families import Log as LogLink
from skglmm.fitting import Study
from skglmm.fitting.separation import flat_descents

L, N = 12, 6
G = np.repeat(np.arange(L), N)
X1 = np.tile(np.linspace(-1.0, 1.0, N), L)
KIND = np.where(G % 2 == 0, "a", "b")
X = pd.DataFrame({"x": X1, "g": G, "kind": KIND})
EFFECTS = np.random.default_rng(0).normal(size=L)
NOISE = np.random.default_rng(1).normal(size=L * N)
FLOOR = Gaussian().limits[1].end

EXACT = {
    "constant": (np.full(L * N, 7.5), ("1", "x", "x + (1 | g)")),
    "zero": (np.zeros(L * N), ("1", "x", "x + (1 | g)")),
    "line": (3.0 - 2.0 * X1, ("x", "x + (1 | g)")),
    "groups": (EFFECTS[G], ("x + (1 | g)",)),
    "line in groups": (3.0 - 2.0 * X1 + EFFECTS[G], ("x + (1 | g)",)),
}
CASES = [(name, formula) for name, (_, formulas) in EXACT.items() for formula in formulas]


def fitted(formula, y, frame=X, **parameters):
    """The model, and what it warned of but for effects that do not vary."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LMMRegressor(formula, **parameters).fit(frame, y)
    return model, [str(each.message) for each in caught if "singular" not in str(each.message)]


def errors_of(model):
    return np.sqrt(np.diag(model.vcov("all")))


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(("name", "formula"), CASES)
def test_fits_converge_at_the_floor_and_say_so_once(name, formula, reml):
    y = EXACT[name][0]
    model, (told,) = fitted(formula, y, reml=reml)
    assert model.converged_
    assert "the scale stopped at its smallest value" in told
    assert not any(word in told for word in ("separated", "infinity", "did not"))
    scale = max(1.0, np.abs(y).max())
    assert_allclose(model.predict(X), y, atol=1e-8 * scale)
    slope = -2.0 if name.startswith("line") else 0.0
    assert_allclose(model.coef_, slope, atol=1e-8 * scale)
    assert_allclose(model.scale_coef_, FLOOR + np.log(model.fit_.units.width))


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize(("name", "formula"), CASES)
def test_what_the_rows_tell_without_error_has_no_standard_error(name, formula, reml):
    model, _ = fitted(formula, EXACT[name][0], reml=reml)
    errors = pd.Series(errors_of(model), model.vcov("all").index)
    known = list(errors.index[errors.notna()])
    assert len(known) == (2 if name in {"groups", "line in groups"} else 0)
    if known:  # the mean of the groups, and how far they are apart
        sd, df = EFFECTS.std(ddof=int(reml)), L - int(reml)
        assert_allclose(model.variance_components()["sd"], sd, rtol=1e-2)
        assert_allclose(errors[known[0]], sd / np.sqrt(L), rtol=1e-2)
        assert_allclose(errors[known[1]], sd / np.sqrt(2 * df), rtol=0.05)


def test_the_floor_of_a_line_does_not_grow_with_its_level():
    y = EXACT["line"][0]
    models = [fitted("x", level + y)[0] for level in (0.0, 1e6)]
    assert_allclose(*(model.scale_coef_ for model in models), rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_floor_is_one_of_the_units_of_the_fit(factor):
    y = EXACT["line in groups"][0]
    model, _ = fitted("x + (1 | g)", y)
    other, _ = fitted("x + (1 | g)", factor * y)
    assert_allclose(other.scale_coef_ - model.scale_coef_, np.log(factor), rtol=1e-9)
    assert_allclose(other.predict(X), factor * y, rtol=1e-8)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("size", [1e-3, 1e-4, 3e-5, 1e-5])
def test_responses_that_are_nearly_exact_keep_their_errors(size, shift, reml):
    """Analysis of variance, and the errors of its estimates."""
    z = EXACT["line in groups"][0] + size * NOISE
    model, told = fitted("x + (1 | g)", shift + z, reml=reml)
    assert told == []
    means = z.reshape(L, N).mean(axis=1)
    between = N * np.sum((means - z.mean()) ** 2) / (L - int(reml))
    inner = z - means[G]
    slope = X1 @ inner / (X1 @ X1)
    within = np.sum((inner - slope * X1) ** 2) / (L * N - L - int(reml))
    sd = np.sqrt((between - within) / N)
    rtol = 1e-3 if shift == 0.0 else 1e-2
    assert_allclose(np.exp(model.scale_coef_), np.sqrt(within), rtol=rtol)
    assert_allclose(model.variance_components()["sd"], sd, rtol=rtol)
    assert_allclose(model.coef_, slope, rtol=1e-8)
    errors = errors_of(model)
    assert_allclose(errors[0], np.sqrt(between / (L * N)), rtol=rtol)
    assert_allclose(errors[1], np.sqrt(within / (X1 @ X1)), rtol=rtol)
    dfs = L * N - L - int(reml), L - int(reml)  # of the logarithms of scale and sd
    assert_allclose(errors[2:] / [1.0, sd], 1.0 / np.sqrt(2.0 * np.array(dfs)), rtol=2e-3)


@pytest.mark.parametrize("reml", [False, True])
def test_profiles_of_the_scale_have_a_finite_end_and_zero(reml):
    y = EXACT["line"][0]
    model, _ = fitted("x", y, reml=reml)
    found = model.confint(X, y, method="profile", parameters=["scale"])
    low, high = found.loc["scale", ["conf_low", "conf_high"]]
    assert low == 0.0
    assert 0.0 < high / np.exp(model.scale_coef_[0]) - 1.0 < 0.1


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("y_b", [np.ones(L * N), 1.0 - 2.0 * X1])
def test_a_kind_that_is_reproduced_is_held_and_the_other_is_as_if_alone(y_b, reml):
    is_b = KIND == "b"
    y = np.where(is_b, y_b, 3.0 + X1 + NOISE)
    model, (told,) = fitted("kind * x", y, scale="kind", reml=reml)
    alone, _ = fitted("x", y[~is_b], X[~is_b], reml=reml)
    assert "the scale of kind[b] is unbounded" in told
    assert "smallest value" in told
    assert model.converged_
    assert_allclose(model.predict(X)[is_b], y[is_b], rtol=1e-8)
    assert_allclose(model.predict(X)[~is_b], alone.predict(X[~is_b]), rtol=1e-6)
    assert_allclose(model.scale_coef_[0], alone.scale_coef_[0], atol=2e-3)
    errors, others = errors_of(model), errors_of(alone)
    assert_allclose(errors[[0, 2, 4]], others, rtol=5e-3)
    assert np.isnan(errors[5])
    with pytest.warns(UserWarning, match="no limits but the infinite end"):
        limits = model.confint().loc["scale(kind[T.b])"]
    assert limits["conf_low"] == -np.inf


def test_rows_of_a_kind_that_are_not_all_held_are_told_by_their_covariate():
    z = np.tile([0.0, 1.0], L * N // 2)
    is_exact = (KIND == "b") & (z == 0.0)
    y = np.where(is_exact, 1.0, 3.0 + NOISE)
    _, told = fitted("kind * z", y, X.assign(z=z), scale="kind * z", reml=False)
    assert any("the scale of kind[b] and z = 0 is unbounded" in each for each in told)


def test_directions_that_lead_to_the_floor_are_none_to_follow():
    one = np.ones(len(G))
    study = Study.of(Gaussian(), design(([one], [one])), NOISE)
    here = study.problem.evaluate(np.zeros(2))
    flat = np.array([[0.0], [1.0]])
    found = flat_descents(study.problem, here, np.zeros((2, 2)), flat)
    moves = [study.scales.to_user[1] @ direction[1:] for direction in found]
    assert sorted(np.sign(np.concatenate(moves))) == [0.0, 0.0, 1.0, 1.0]


def test_a_parameter_has_one_limit():
    one = Parameter("scale", Role.DISPERSION, (LogLink(),), floor=-2.0).limit
    assert (one.sign, one.value, one.end) == (-1.0, 2.0, -2.0)
    assert one.beyond(np.array(-3.0)) == 1.0
    assert Beta().limits[1].end == Beta().ceilings[1]
    with pytest.raises(ValueError, match="a ceiling and a floor"):
        Parameter("scale", Role.DISPERSION, (LogLink(),), ceiling=2.0, floor=-2.0)


@pytest.mark.parametrize("size", [1.0, 1e-1, 1e-2, 1e-3, 1e-4])
def test_how_much_fixed_effects_explain_does_not_matter(size):
    noise = EFFECTS[G] + NOISE
    one, other = fitted("x + (1 | g)", noise)[0], fitted("x + (1 | g)", 100 * X1 + size * noise)[0]
    gained = (L * N - 2) * np.log(size)
    assert_allclose(other.log_likelihood_ + gained, one.log_likelihood_, atol=1e-6)
    turn = np.array([size, size, 1.0, size])
    assert_allclose(errors_of(other) / turn, errors_of(one), rtol=1e-3)
