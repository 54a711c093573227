"""Successes in trials: against R, against labels of single trials, and what is refused."""

import json
from contextlib import nullcontext
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import gammaln
from scipy.stats import betabinom, binom
from sklearn.base import clone

from skglmm import (
    BetaBinomialGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
)
from skglmm.families import BetaBinomial, Binomial
from skglmm.inspection import PredictionDisplay, residuals
from skglmm.multioutput import fit_many

REFERENCE = Path(__file__).with_name("reference")
ANSWERS = json.loads((REFERENCE / "trials.json").read_text(encoding="utf-8"))
KINDS = {"binomial": BinomialGLMMRegressor, "betabinomial": BetaBinomialGLMMRegressor}
both = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "simulated_trials.csv")


@pytest.fixture(scope="module")
def model(data):
    return BinomialGLMMRegressor("x + (1 | group)", trials="trials").fit(data, data["binomial"])


@pytest.fixture(scope="module")
def overdispersed(data):
    model = BetaBinomialGLMMRegressor("x + (1 | group)", trials="trials")
    return model.fit(data, data["overdispersed"])


@pytest.fixture(scope="module")
def zeros(data):
    model = BinomialGLMMRegressor("x + (1 | group)", trials="trials", zero="1")
    return model.fit(data, data["zeros"])


# The answers of R


def made(case):
    """The estimator of a case of trials.R."""
    options = {"trials": "trials", "link": case["link"]}
    if case["family"] == "betabinomial":
        options["precision"] = case["precision_formula"].removeprefix("~ ")
    if case["zero_formula"] != "~ 0":
        options["zero"] = case["zero_formula"].removeprefix("~ ")
    return KINDS[case["family"]](case["mean_formula"].removeprefix("~ "), **options)


@pytest.mark.parametrize("case", ANSWERS["fits"], ids=lambda c: f"{c['response']}-{c['link']}")
def test_a_fit_is_that_of_glmmtmb(data, case):
    model = made(case).fit(data, data[case["response"]])
    names = [name for name in ("mean", "precision", "zero") if name in model.formulas_]
    estimates, errors = (
        np.concatenate([np.atleast_1d(case[name][what]) for name in names])
        for what in ("estimate", "std_error")
    )
    assert model.converged_
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-6)
    assert_allclose((np.concatenate(model.fit_.beta) - estimates) / errors, 0.0, atol=1e-4)
    assert_allclose(np.sqrt(np.diag(model.vcov())), errors, rtol=1e-4)
    first = model.variance_components()["sd"].iloc[0]
    assert_allclose(first, np.exp(np.atleast_1d(case["theta"])[0]), rtol=1e-4)


@pytest.mark.parametrize("case", ANSWERS["quadrature"], ids=lambda c: f"{c['points']} points")
def test_quadrature_is_that_of_lme4(data, case):
    model = BinomialGLMMRegressor("x + (1 | group)", trials="trials", n_quadrature=case["points"])
    model.fit(data, data["binomial"])
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-5)
    assert_allclose([model.intercept_, *model.coef_], case["estimate"], atol=1e-4)
    assert_allclose(model.variance_components()["sd"], case["sd"], rtol=1e-4)


# Other ways to the same answer


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_it_is_the_classifier_of_single_trials(data, link):
    X, y, n = data[["x", "group"]], data["binomial"].to_numpy(), data["trials"].to_numpy()
    model = BinomialGLMMRegressor("x + (1 | group)", trials="trials", link=link).fit(data, y)
    labels = np.repeat(np.tile([1, 0], len(y)), np.column_stack([y, n - y]).ravel())
    single = BinomialGLMMClassifier("x + (1 | group)", link=link)
    single.fit(X.loc[X.index.repeat(n)], labels)
    arrangements = np.sum(gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))
    assert_allclose(model.log_likelihood_, single.log_likelihood_ + arrangements, rtol=1e-9)
    assert_allclose(model.coef_, single.coef_, atol=1e-6)
    assert_allclose(model.vcov("all"), single.vcov("all"), rtol=1e-4)
    assert_allclose(model.predict_rate(data), single.predict_proba(data)[:, 1], atol=1e-7)


@both
def test_a_single_trial_is_the_default(data, kind):
    y = (data["binomial"] > 0).to_numpy()
    is_told = kind is BetaBinomialGLMMRegressor  # whose precision one trial says nothing of
    with pytest.warns(UserWarning, match="not determine") if is_told else nullcontext():
        model = kind("x").fit(data, y)
    assert_allclose(model.log_likelihood_, BinomialGLMMClassifier("x").fit(data, y).log_likelihood_)


def test_one_number_of_trials_is_a_column_of_it(data):
    y = np.minimum(data["binomial"], 12)
    number = BinomialGLMMRegressor("x + (1 | group)", trials=12).fit(data, y)
    column = BinomialGLMMRegressor("x + (1 | group)", trials="n").fit(data.assign(n=12), y)
    assert_allclose(number.log_likelihood_, column.log_likelihood_, rtol=1e-13)
    assert_allclose(number.predict(data.drop(columns="trials")), column.predict(data.assign(n=12)))
    assert "each response is of 12 trials" in str(number.summary())


@both
def test_arrays_and_frames_without_a_formula_leave_the_trials_out(data, kind):
    y = data["overdispersed"]
    array = kind("x0", trials="x1").fit(data[["x", "trials"]].to_numpy(), y)
    frame = kind(trials="trials").fit(data[["x", "trials"]], y)
    assert frame.formula_ == "1 + x"
    assert_allclose(array.coef_, frame.coef_)


def test_many_trials_cost_no_digits():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=100), "g": np.arange(100) // 10, "n": 10**6})
    share = 1 / (1 + np.exp(0.5 - 0.3 * X["x"] - rng.normal(0, 0.5, 10)[X["g"]]))
    y = rng.binomial(10**6, share)
    model = BinomialGLMMRegressor("x + (1 | g)", trials="n").fit(X, y)
    assert model.converged_
    assert_allclose(model.coef_, 0.3, atol=5e-4)
    rate = model.predict_rate(X)
    assert_allclose(model.log_density(X, y, kind="conditional").sum() > -800, True)
    assert_allclose(rate, share, atol=0.01)


# What the trials are to predictions


@both
def test_a_known_predictor_is_nowhere_to_be_seen(data, overdispersed, model, kind):
    fitted = model if kind is BinomialGLMMRegressor else overdispersed
    estimated = ("mean", "precision")[: fitted.n_params_ - 2]
    assert tuple(fitted.formulas_) == estimated
    assert tuple(table.predictor for table in fitted.summary().coefficients) == estimated
    assert tuple(fitted.summary().links) == estimated
    assert not hasattr(fitted, "trials_coef_")
    assert "trials" not in fitted.tidy()["component"].to_numpy()
    assert not [name for name in fitted.vcov("all").columns if "trials" in name]
    fitted.tidy(exponentiate=True)
    with pytest.raises(ValueError, match="predictor='trials' is unknown, expected one of 'mean'"):
        fitted.predict_linear(data, "trials")


def test_means_are_successes_of_the_trials_of_a_row_and_rates_those_of_one(data, model):
    rate = model.predict_rate(data.drop(columns="trials"))
    assert_allclose(model.predict(data), rate * data["trials"])
    assert_allclose(model.predict(data.assign(trials=1)), rate)
    mean, std = model.predict_rate(data, return_std=True)
    assert_allclose(std, np.sqrt(mean * (1 - mean)))
    assert_allclose(model.predict_proba_zero(data), (1 - rate) ** data["trials"])


def test_rates_are_those_of_the_trials_that_were_fitted(data):
    model = BinomialGLMMRegressor("x + log(trials)", trials="trials").fit(data, data["binomial"])
    rate = model.predict_rate(data)
    assert_allclose(model.predict(data), rate * data["trials"])
    model.set_params(trials=1)
    assert_array_equal(model.predict_rate(data), rate)


@pytest.mark.parametrize("group", ["known", "new"])
@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal"])
def test_limits_of_means_are_those_of_rates_times_the_trials(
    data, model, overdispersed, zeros, kind, group
):
    rows = data.head(40) if group == "known" else data.head(40).assign(group="new")
    for fitted in (model, overdispersed, zeros):
        limits = fitted.predict_interval(rows, kind=kind)
        single = fitted.predict_interval(rows.assign(trials=1), kind=kind)
        assert_allclose(limits, single * rows[["trials"]].to_numpy(), rtol=1e-7)
        assert (limits[:, 0] > 0.0).all()
        assert (limits[:, 1] < rows["trials"]).all()
        assert (limits[:, 0] < fitted.predict(rows, kind)).all()


def test_limits_of_averages_are_those_of_rates_times_the_trials(data):
    model = BinomialGLMMRegressor("x + z", trials="trials").fit(data, data["binomial"])

    def curve(n_trials):
        rows = data.assign(trials=n_trials)
        shown = PredictionDisplay.from_estimator(model, rows, feature="x", n_points=5)
        plt.close(shown.figure_)
        return shown.curves[0]

    one, seven = curve(1), curve(7)
    assert_allclose(seven.mean, 7.0 * one.mean, rtol=1e-7)
    assert_allclose(seven.limits, 7.0 * one.limits, rtol=1e-7)


@both
def test_new_responses_end_at_the_trials_of_their_row(data, model, overdispersed, kind):
    fitted = model if kind is BinomialGLMMRegressor else overdispersed
    new = data.head(30).assign(group="new")
    high = fitted.predict_quantile(new, [0.5, 1 - 1e-9])[:, 1]
    assert (high <= new["trials"]).all()
    assert (high == new["trials"]).any()
    draws = fitted.sample_y(new, 200, random_state=0)
    assert (draws <= new[["trials"]].to_numpy()).all()


def test_densities_are_those_of_scipy(data, model, overdispersed):
    n = data["trials"].to_numpy(dtype=float)
    y, eta = data["binomial"].to_numpy(dtype=float), model.predict_linear(data)
    found = Binomial().log_density(Binomial().prepare(y), (eta, n)).value
    assert_allclose(found, binom.logpmf(y, n, model.predict_rate(data)), rtol=1e-12, atol=1e-12)
    y, eta = data["overdispersed"].to_numpy(dtype=float), overdispersed.predict_linear(data)
    log_phi, share = overdispersed.precision_coef_, overdispersed.predict_rate(data)
    found = BetaBinomial().log_density(BetaBinomial().prepare(y), (eta, log_phi, n)).value
    expected = betabinom.logpmf(y, n, share * np.exp(log_phi), (1 - share) * np.exp(log_phi))
    assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_rows_without_a_failure_have_the_deviance_of_what_was_sure(data, model):
    all_of_them = data.assign(binomial=data["trials"])
    found = residuals(model, all_of_them, all_of_them["binomial"], kind="deviance")
    expected = np.sqrt(-2.0 * data["trials"] * np.log(model.predict_rate(data)))
    assert_allclose(found, expected, rtol=1e-13)


def test_many_responses_are_fitted_in_turn(data, model):
    Y = data[["binomial", "overdispersed"]].assign(wrong=data["trials"] + 1)
    with pytest.warns(UserWarning, match="no fit"):
        found = fit_many(model, data, Y)
    assert_allclose(found.coefficient("x")["estimate"].iloc[0], model.coef_[0], rtol=1e-6)
    assert "240 of its 240 values exceed the trials" in found.glance()["message"].iloc[2]


# What is refused


@both
@pytest.mark.parametrize(
    ("trials", "message"),
    [
        (0, r"1 of 240 is no trial at all: 0, the first in row 7"),
        (-3, r"1 of 240 is negative: -3, the first in row 7"),
        (2.5, r"1 of 240 is not whole: 2.5, the first in row 7"),
        (np.nan, r"1 of 240 is missing, the first in row 7\. Drop these rows"),
        (np.inf, r"1 of 240 is not finite: inf"),
        ("ten", r"1 of 240 are texts, such as 'ten'\. Convert it with pd.to_numeric"),
    ],
)
def test_impossible_trials_are_refused_wherever_they_come_from(
    data, model, overdispersed, kind, trials, message
):
    fitted = model if kind is BinomialGLMMRegressor else overdispersed
    column = data["trials"].astype(object if isinstance(trials, str) else float)
    column[7] = trials
    wrong, y = data.assign(trials=column), data["overdispersed"].mask(data.index == 7, 0)
    asked = (
        lambda: kind("x", trials="trials").fit(wrong, y),
        lambda: fitted.predict(wrong),
        lambda: fitted.sample_y(wrong),
        lambda: fitted.log_density(wrong, y),
        lambda: fitted.score(wrong, y),
    )
    for ask in asked:
        with pytest.raises(ValueError, match=message):
            ask()
    assert fitted.predict_rate(wrong).shape == (240,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (lambda d: d["binomial"] / d["trials"], r"Proportions\? .*\(y \* X\['trials'\]\)\.round"),
        (lambda d: d["binomial"] + 0.5, r"240 of 240 are not whole: .* A rate or a share\?"),
        (lambda d: d["binomial"] - 1.0, "negative"),
        (lambda d: d["trials"] + 1, r"240 of 240 are above, such as 23 of 22, .* and failures"),
        (lambda d: d[["binomial", "trials"]], r"two columns: .* as cbind\(\) in R\?"),
    ],
)
def test_impossible_successes_are_refused_with_advice(data, model, y, message):
    for ask in (clone(model).fit, model.log_density):
        with pytest.raises(ValueError, match=message):
            ask(data, y(data))


@pytest.mark.parametrize(
    ("trials", "message"),
    [(1, "Name the column with the number"), ("failures", "not failures alone")],
)
def test_trials_that_are_too_few_say_what_they_may_be(data, trials, message):
    wrong = data.assign(failures=data["trials"] - data["binomial"] + 1)
    with pytest.raises(ValueError, match=message):
        BinomialGLMMRegressor("x", trials=trials).fit(wrong, data["binomial"])


@pytest.mark.parametrize("trials", [0, -2, 2.5, True, None, [3, 4]])
def test_trials_are_a_whole_number_or_a_column(data, trials):
    with pytest.raises((TypeError, ValueError), match="whole number of at least 1, or the name of"):
        BinomialGLMMRegressor("x", trials=trials).fit(data, data["binomial"])


def test_a_missing_column_is_named_and_rates_do_without(data, model):
    new = data.drop(columns="trials")
    with pytest.raises(ValueError, match=r"no column 'trials'.* predict_rate\(X\) has prob"):
        model.predict(new)
    with pytest.raises(ValueError, match="no column 'n', trials= says: the number of trials of ea"):
        BinomialGLMMRegressor("x", trials="n").fit(data, data["binomial"])


# Where there is no maximum


@pytest.mark.parametrize("share", [0, 1])
def test_nothing_but_failures_or_successes_has_an_answer_with_words(data, share):
    model = BinomialGLMMRegressor("x + (1 | group)", trials="trials")
    with pytest.warns(UserWarning, match="rises for ever as Intercept goes to"):
        model.fit(data, share * data["trials"].to_numpy())
    assert_allclose(model.predict_rate(data), share, atol=1e-6)


def test_a_diagnosis_names_the_family_of_trials_that_vary_more(data):
    model = BinomialGLMMRegressor("x + (1 | group)", trials="trials")
    model.fit(data, data["overdispersed"])
    found = str(model.diagnose(data, data["overdispersed"], random_state=0))
    assert "look for another one, such as the beta-binomial (BetaBinomialGLMMRegressor)" in found


def test_trials_that_vary_as_binomial_ones_send_the_precision_to_its_end(data, model):
    message = "vary no more than those of a binomial, which has the same likelihood without it"
    rng = np.random.default_rng(0)
    y = rng.binomial(data["trials"], model.predict_rate(data))
    plain = BinomialGLMMRegressor("x", trials="trials").fit(data, y)
    y = np.round(plain.predict(data))  # of less spread than binomial ones
    with pytest.warns(UserWarning, match=message):
        found = BetaBinomialGLMMRegressor("x", trials="trials").fit(data, y)
    plain.fit(data, y)
    assert_allclose(found.log_likelihood_, plain.log_likelihood_, atol=1e-4)
    assert_allclose(found.coef_, plain.coef_, atol=1e-4)
    assert "residuals, of which the model leaves none" not in str(found.diagnose(data, y))


def test_rows_at_the_end_of_a_precision_dictate_nothing_to_others(data, model):
    X = data.assign(loose=np.where(data["z"] > 0, 1.0, 0.0), tight=20.0 * (data["z"] <= 0))
    y = np.where(X["loose"] > 0, data["overdispersed"], np.round(model.predict(data)))
    found, given = (
        BetaBinomialGLMMRegressor("x + (1 | group)", trials="trials", precision=precision)
        for precision in ("loose", "0 + loose + offset(tight)")
    )
    message = "precision of loose = 0 stopped at its largest value, 20 .* vary no more than those"
    with pytest.warns(UserWarning, match=message):
        found.fit(X, y)
    given.fit(X, y)
    assert "determined by them" not in str(found.summary())
    errors, alone = (np.sqrt(np.diag(each.vcov())) for each in (found, given))
    assert_allclose(found.log_likelihood_, given.log_likelihood_, atol=1e-6)
    assert_allclose(errors[:2], alone[:2], rtol=1e-4)
    sds = [each.variance_components()["sd_std_error"] for each in (found, given)]
    assert_allclose(*sds, rtol=1e-4)


def test_trials_without_overdispersion_are_binomial_ones(data):
    y = data["trials"].to_numpy() // 2
    with pytest.warns(UserWarning, match="vary no more than those of a binomial") as told:
        found = BetaBinomialGLMMRegressor("1", trials="trials").fit(data, y)
    assert str(told[0].message).endswith(". Fit the binomial (BinomialGLMMRegressor) instead")
    (finding,) = found.diagnose(data, y).warnings
    assert finding.advice == "Fit the binomial (BinomialGLMMRegressor) instead"


@pytest.mark.parametrize("precision", ["1", "x"])
def test_single_trials_have_no_overdispersion(data, precision):
    y = (data["binomial"] > data["trials"] / 2).astype(int)
    words = "do not determine the precision, which has no standard error: single trials have no"
    with pytest.warns(UserWarning, match=words) as told:
        found = BetaBinomialGLMMRegressor("x", trials=1, precision=precision).fit(data, y)
    assert len(told) == 1
    assert "Intercept' (precision)" not in str(found.summary())
    determined = [each for each in found.diagnose(data, y).warnings if each.kind == "determination"]
    assert words in determined[0].finding
    assert determined[0].advice.startswith("Fit the binomial (BinomialGLMMRegressor)")
    assert not any("precision" in each.subject for each in found.diagnose(data, y).warnings)


def test_summaries_say_beta_binomial(overdispersed):
    assert str(overdispersed.summary()).startswith("Beta-binomial mixed regression")
