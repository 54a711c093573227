"""One model for many responses: the numbers of single fits, whatever else is fitted beside them."""

import re

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    ExtendedBetaGLMMRegressor,
    LMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    PoissonGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.estimators.runtime import replicates
from skglmm.multioutput import fit_many

N, GROUPS, M = 120, 12, 3
LABELS = ["effect", "component", "group", "term"]
NUMBERS = ["estimate", "std_error", "statistic", "p_value"]
FORMULA = "x + (1 | g)"
MODELS = {
    "linear": (LMMRegressor(FORMULA), "real"),
    "ml": (LMMRegressor(FORMULA, reml=False), "real"),
    "through the origin": (LMMRegressor("0 + x + (1 | g)"), "real"),
    "scale": (LMMRegressor("x + (1 |p| g)", scale="x + (1 |p| g)", reml=False), "real"),
    "offset": (LMMRegressor(FORMULA, offset="z"), "real"),
    "slopes": (LMMRegressor("x + (x | g)"), "real"),
    "no effects": (LMMRegressor("x"), "real"),
    "poisson": (PoissonGLMMRegressor(FORMULA), "counts"),
    "exposure": (PoissonGLMMRegressor(FORMULA, exposure="hours"), "counts"),
    "quadrature": (PoissonGLMMRegressor(FORMULA, n_quadrature=5), "counts"),
    "zero inflated": (PoissonGLMMRegressor(FORMULA, zero="1"), "zeros"),
    "hurdle": (PoissonGLMMRegressor(FORMULA, zero="1", zero_kind="hurdle"), "zeros"),
    "truncated": (PoissonGLMMRegressor(FORMULA, truncated=True), "positive"),
    "classes": (BinomialGLMMClassifier(FORMULA), "labels"),
    "beta": (BetaGLMMRegressor(FORMULA, bounds=(0, 100)), "shares"),
    "precision": (BetaGLMMRegressor(FORMULA, precision="x", bounds=(0, 100)), "shares"),
    "squeezed": (BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary="squeeze"), "ends"),
    "zero beta": (ZeroInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), "lower ends"),
    "one beta": (OneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), "upper ends"),
    "both beta": (ZeroOneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), "ends"),
    "ordered beta": (OrderedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), "ends"),
    "extended beta": (ExtendedBetaGLMMRegressor(FORMULA, exceedance=0.1, bounds=(0, 100)), "ends"),
}


@pytest.fixture(autouse=True)
def _one_chunk(monkeypatch):
    """Few responses would be shared out one by one, so that none shares a design with another."""
    monkeypatch.setattr(replicates, "CHUNKS", 1)


def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=N), "z": rng.normal(size=N)})
    X["g"] = [f"g{i:02d}" for i in np.arange(N) % GROUPS]
    return X.assign(hours=rng.uniform(1, 3, N))


def responses(kind, m=M):
    """Columns a, b, c, ... of responses of some kind; real ones in very different units."""
    rng, X = np.random.default_rng(1), rows()
    effects = rng.normal(0, 0.6, (GROUPS, m))[np.arange(N) % GROUPS]
    eta = 0.5 + 0.6 * X["x"].to_numpy()[:, None] + effects
    counts = rng.poisson(2 * np.exp(eta)).astype(float)
    mean = 1 / (1 + np.exp(-eta))
    shares = rng.beta(6 * mean, 6 * (1 - mean))
    units = 10.0 ** np.resize([0, -8, 7], m)
    values = {
        "real": units * (40 + eta + rng.normal(0, 0.7, (N, m))),
        "counts": counts,
        "zeros": np.where(rng.random((N, m)) < 0.3, 0.0, counts),
        "positive": counts + 1,
        "labels": np.where(rng.random((N, m)) < mean, "yes", "no"),
        "shares": 100 * shares,
        "ends": 100 * np.clip(1.4 * shares - 0.2, 0.0, 1.0),
        "lower ends": 100 * np.clip(1.2 * shares - 0.2, 0.0, 0.99),
        "upper ends": 100 * np.clip(1.1 * shares, 0.01, 1.0),
    }
    return pd.DataFrame(values[kind], columns=[chr(ord("a") + j) for j in range(m)])


def of_response(fits, name):
    table = fits.to_frame()
    return table[table["response"] == name].reset_index(drop=True)


def assert_same(fits, others, names=None, rtol=0.0):
    for name in fits.responses if names is None else names:
        one, other = of_response(fits, name), of_response(others, name)
        assert_array_equal(one["term"], other["term"])
        assert_allclose(one[NUMBERS], other[NUMBERS], rtol=rtol, atol=0.0)
    columns = ["n_obs", "log_likelihood", "converged", "singular", "failed", "message"]
    left, right = fits.glance()[columns], others.glance()[columns]
    chosen = list(fits.responses if names is None else names)
    pd.testing.assert_frame_equal(left.loc[chosen], right.loc[chosen], rtol=rtol or 1e-12)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
@pytest.mark.parametrize("name", MODELS)
def test_each_response_has_the_numbers_of_its_own_fit(name):
    model, kind = MODELS[name]
    X, Y = rows(), responses(kind)
    fits = fit_many(model, X, Y)
    for response in Y:
        single = clone(model).fit(X, Y[response])
        table, expected = of_response(fits, response), single.tidy(("fixed", "random"))
        pd.testing.assert_frame_equal(table[LABELS], expected[LABELS])
        for column in NUMBERS:
            assert_allclose(table[column], expected[column].astype(float), rtol=1e-8)
        state = fits.glance().loc[response]
        assert_allclose(state["log_likelihood"], single.log_likelihood_, rtol=1e-10)
        assert (state["converged"], state["singular"]) == (single.converged_, single.is_singular_)
        assert state["n_obs"] == N


DF_METHODS = [
    ("linear", "auto"),
    ("linear", "kenward-roger"),
    ("slopes", "satterthwaite"),
    ("slopes", "kenward-roger"),
    ("linear", "between-within"),
    ("linear", "normal"),
    ("scale", "auto"),
    ("poisson", "residual"),
]


@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
@pytest.mark.parametrize(("name", "df"), DF_METHODS)
def test_degrees_of_freedom_are_those_of_single_fits(name, df):
    model, kind = MODELS[name]
    X, Y = rows(), responses(kind)
    fits = fit_many(model, X, Y, df=df)
    for response in Y:
        table = of_response(fits, response)
        expected = clone(model).fit(X, Y[response]).tidy(("fixed", "random"), df=df)
        assert ("df" in table) == ("df" in expected)
        for column in [each for each in ("df", *NUMBERS) if each in table]:
            assert_allclose(table[column], expected[column].astype(float), rtol=1e-7)
    assert ("df" in fits.coefficient("x")) == ("df" in table)


def test_what_degrees_of_freedom_there_are_is_printed():
    X, Y = rows(), responses("real")
    fits = fit_many(LMMRegressor(FORMULA), X, Y, df="kenward-roger")
    assert str(fits).endswith("* degrees of freedom: Kenward-Roger")
    assert "degrees of freedom" not in str(fit_many(LMMRegressor(FORMULA), X, Y, df="normal"))


def test_degrees_of_freedom_that_a_model_has_not_are_refused():
    with pytest.raises(ValueError, match="df='satterthwaite' is for linear mixed models"):
        fit_many(PoissonGLMMRegressor(FORMULA), rows(), responses("counts"), df="satterthwaite")


def test_a_model_without_inference_has_estimates_alone():
    X, Y = rows(), responses("real")
    fits = fit_many(LMMRegressor(FORMULA, inference=False), X, Y)
    assert np.isfinite(fits.numbers["estimate"]).all()
    assert np.isnan(fits.numbers["std_error"]).all()


def test_weights_count_rows_and_rows_of_weight_zero_are_left_out():
    X, Y, weights = rows(), responses("counts"), np.resize([1.0, 2.0, 0.0], N)
    weighted = fit_many(PoissonGLMMRegressor(FORMULA), X, Y, weights)
    repeats = weights.astype(int)
    doubled = fit_many(
        PoissonGLMMRegressor(FORMULA),
        X.loc[X.index.repeat(repeats)],
        Y.loc[Y.index.repeat(repeats)],
    )
    assert_allclose(weighted.numbers["estimate"], doubled.numbers["estimate"], rtol=1e-5)
    assert_array_equal(weighted.n_obs, np.count_nonzero(weights))


# --- what must not matter ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "poisson", "classes"])
def test_the_order_of_responses_does_not_matter(name):
    model, kind = MODELS[name]
    X, Y = rows(), responses(kind, 5)
    assert_same(fit_many(model, X, Y), fit_many(model, X, Y[["d", "b", "a", "e", "c"]]))


@pytest.mark.parametrize("name", ["linear", "poisson"])
def test_other_responses_do_not_matter(name):
    model, kind = MODELS[name]
    X, Y = rows(), responses(kind, 5)
    assert_same(fit_many(model, X, Y[["d"]]), fit_many(model, X, Y), ["d"])


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_the_number_of_workers_does_not_matter(backend):
    X, Y = rows(), responses("real", 20)
    Y.iloc[:7, 3] = np.nan
    alone = fit_many(LMMRegressor(FORMULA), X, Y)
    with joblib.parallel_config(backend=backend):
        assert_same(alone, fit_many(LMMRegressor(FORMULA), X, Y, n_jobs=2))


def test_the_model_stays_as_it_is():
    model, X, Y = LMMRegressor(FORMULA), rows(), responses("real")
    before = dict(vars(model))
    fit_many(model, X, Y)
    assert vars(model) == before


def polars(frame):
    """The frame of polars, for which pandas alone would need pyarrow."""
    return pl.DataFrame({name: frame[name].to_list() for name in frame})


@pytest.mark.parametrize("make", [lambda Y: Y, polars], ids=["pandas", "polars"])
def test_frames_give_their_names(make):
    fits = fit_many(LMMRegressor(FORMULA), make(rows()), make(responses("real")))
    assert list(fits.responses) == ["a", "b", "c"]
    assert_same(fits, fit_many(LMMRegressor(FORMULA), rows(), responses("real")))


def test_columns_of_an_array_are_numbered():
    Y = responses("counts").to_numpy().astype(int)
    fits = fit_many(PoissonGLMMRegressor(FORMULA), rows(), Y)
    assert list(fits.responses) == ["y0", "y1", "y2"]
    expected = fit_many(PoissonGLMMRegressor(FORMULA), rows(), responses("counts"))
    assert_array_equal(fits.numbers["estimate"], expected.numbers["estimate"])


def test_missing_values_of_polars_and_nullable_columns_are_missing():
    Y = responses("counts").astype("Int64")
    Y.iloc[:9, 1] = pd.NA
    fits = fit_many(PoissonGLMMRegressor(FORMULA), rows(), Y)
    values = {name: [None if v is pd.NA else v for v in Y[name]] for name in Y}
    assert_array_equal(fits.n_obs, [N, N - 9, N])
    assert_same(fits, fit_many(PoissonGLMMRegressor(FORMULA), rows(), pl.DataFrame(values)))


# --- missing values ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "slopes", "poisson", "classes", "squeezed"])
def test_a_response_with_missing_values_is_fitted_to_its_own_rows(name):
    model, kind = MODELS[name]
    X, Y = rows(), responses(kind)
    Y.iloc[5:30, 1] = None
    Y.loc[(X["g"] == "g03").to_numpy(), "c"] = None  # a level without rows
    fits = fit_many(model, X, Y)
    for response in Y:
        seen = Y[response].notna().to_numpy()
        single = clone(model).fit(X[seen], Y.loc[seen, response])
        table, expected = of_response(fits, response), single.tidy(("fixed", "random"))
        for column in NUMBERS:
            assert_allclose(table[column], expected[column].astype(float), rtol=1e-6)
        assert_allclose(fits.glance().loc[response, "log_likelihood"], single.log_likelihood_)
        assert fits.glance().loc[response, "n_obs"] == seen.sum()
    assert "2 responses were fitted to fewer rows than others" in str(fits)
    assert "1 response was fitted to fewer rows" in str(fit_many(model, X, Y.drop(columns="c")))


def test_weights_of_missing_responses_are_left_out():
    X, Y = rows(), responses("real")
    weights = np.random.default_rng(2).uniform(0.5, 2, N)
    Y.iloc[5:30, 1] = np.nan
    seen = Y["b"].notna().to_numpy()
    fits = fit_many(LMMRegressor(FORMULA), X, Y, weights)
    single = LMMRegressor(FORMULA).fit(X[seen], Y.loc[seen, "b"], weights[seen])
    assert_allclose(of_response(fits, "b")["estimate"][:2], single.tidy("fixed")["estimate"][:2])


def test_columns_that_some_rows_alone_tell_are_left_out_of_single_responses():
    X, Y = rows().assign(late=np.arange(N) >= 100), responses("real")
    Y.iloc[100:, 1] = np.nan
    fits = fit_many(LMMRegressor("late + (1 | g)"), X.assign(late=X["late"] * 1.0), Y)
    found = fits.coefficient("late")
    assert found["estimate"].tolist()[1] == 0.0
    assert_array_equal(found["std_error"].isna(), [False, True, False])
    assert fits.messages[1].startswith("dropped from the mean: 'late'")


def test_missing_values_can_be_refused():
    Y = responses("real", 8)
    Y.iloc[0, 1:] = np.nan
    message = r"7 of 8 responses miss values: 'b', 'c', 'd', 'e', 'f', \.\.\.; missing='drop' fits"
    with pytest.raises(ValueError, match=message):
        fit_many(LMMRegressor(FORMULA), rows(), Y, missing="error")


# --- what goes wrong -----------------------------------------------------------------------------


def failing():
    """Counts of which six are no counts: constant, negative, broken, infinite, missing, single."""
    Y = responses("counts", 8)
    Y["a"], Y.iloc[3, 1], Y.iloc[4, 2], Y.iloc[5, 3] = 0.0, -1.0, 0.5, np.inf
    Y["e"], Y.iloc[1:, 5] = np.nan, np.nan
    return Y


REASONS = [
    "all its 120 values equal 0: there is nothing to tell",
    "every response must be a count, 0, 1, 2, ...; 1 of 120 is negative: -1",
    "every response must be a count, 0, 1, 2, ...; 1 of 120 is not whole: 0.5",
    "Input y contains infinity: 1 of 120 responses",
    "it has 0 values, expected at least 2",
    "it has 1 values, expected at least 2",
]


def test_responses_without_a_fit_do_not_stop_the_others_and_are_named():
    message = (
        r"6 of 8 responses have no fit: 'a', 'b', 'c', 'd', 'e', \.\.\. \(the first: all its 120"
    )
    with pytest.warns(ConvergenceWarning, match=message):
        fits = fit_many(PoissonGLMMRegressor(FORMULA), rows(), failing())
    for reason, found in zip(REASONS, fits.messages, strict=False):
        assert found.startswith(reason)
    assert_array_equal(fits.failed, [True] * 6 + [False] * 2)
    assert np.isnan(fits.numbers["estimate"][:6]).all()
    alone = fit_many(PoissonGLMMRegressor(FORMULA), rows(), failing()[["g", "h"]])
    assert_same(alone, fits, ["g", "h"])


def test_a_fit_that_does_not_converge_is_told_of_and_counts_for_no_rate():
    model = BetaGLMMRegressor(FORMULA, bounds=(0, 100), max_iter=1)
    with pytest.warns(ConvergenceWarning, match="1 of 3 responses has a fit that did not converge"):
        fits = fit_many(model, rows(), responses("shares"))
    assert_array_equal(fits.converged, [False, True, True])
    assert np.isfinite(fits.numbers["p_value"][:, 1]).all()
    assert_array_equal(np.isnan(fits.p_adjusted()[:, 1]), [True, False, False])
    assert "the optimizer did not converge" in fits.messages[0]


def test_what_single_fits_say_of_themselves_is_in_their_messages():
    X, Y = rows(), responses("counts")
    Y.loc[(X["x"] < 0).to_numpy(), "b"] = 0.0
    X["positive"] = (X["x"] >= 0) * 1.0
    fits = fit_many(PoissonGLMMRegressor("positive"), X, Y)
    assert fits.messages[1].startswith("the likelihood rises for ever as Intercept goes to -")
    assert fits.messages[0] == ""


def test_without_any_fit_there_is_an_error():
    with pytest.raises(ValueError, match=r"none of 3 responses has a fit; the first: every resp"):
        fit_many(PoissonGLMMRegressor(FORMULA), rows(), -1.0 - responses("counts"))


def twice_a(Y):
    return Y.set_axis(["a", "a", "c"], axis=1)


REFUSED = {
    "Y has 3 rows for 120 rows of X; its columns are as many: pass Y.T": lambda Y: Y.T,
    "Y has 119 rows for 120 rows of X": lambda Y: Y[1:],
    "Y has the shape (120,), expected one column for each response": lambda Y: Y["a"],
    "Y has no columns": lambda Y: Y[[]],
    "Y has the column 'a' several times": twice_a,
    "1 of 4 columns of Y hold no numbers: 'id'": lambda Y: Y.assign(id="x"),
    "Y is sparse": csr_array,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_table_of_responses_is_refused(message):
    Y = REFUSED[message](responses("real"))
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        fit_many(LMMRegressor(FORMULA), rows(), Y)


def test_a_pipeline_and_other_estimators_are_refused():
    pipeline = make_pipeline(StandardScaler(), LMMRegressor())
    with pytest.raises(TypeError, match="model is a Pipeline, expected a skglmm estimator"):
        fit_many(pipeline, rows(), responses("real"))


@pytest.mark.parametrize(("name", "value"), [("missing", "omit"), ("n_jobs", 0), ("df", "t")])
def test_parameters_are_checked(name, value):
    with pytest.raises(ValueError, match=name):
        fit_many(LMMRegressor(FORMULA), rows(), responses("real"), **{name: value})


# --- the record ----------------------------------------------------------------------------------


def test_p_values_are_adjusted_over_the_responses():
    with pytest.warns(ConvergenceWarning):
        fits = fit_many(PoissonGLMMRegressor(FORMULA), rows(), failing().iloc[:, 1:])
    p_values, used = fits.numbers["p_value"][:, 1], ~fits.failed
    ordered = np.sort(p_values[used])
    steps = len(ordered) / np.arange(1, len(ordered) + 1) * ordered
    expected = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    assert_allclose(np.sort(fits.p_adjusted()[used, 1]), expected)
    assert np.isnan(fits.p_adjusted()[~used]).all()
    assert (fits.p_adjusted("by")[used, 1] >= fits.p_adjusted()[used, 1]).all()
    with pytest.raises(ValueError, match="adjust='fdr' is unknown, expected one of 'bh', 'by'"):
        fits.to_frame("fdr")


def test_a_coefficient_has_a_row_for_each_response():
    fits = fit_many(LMMRegressor(FORMULA, scale="x"), rows(), responses("real"))
    table = fits.to_frame()
    for component in ("mean", "scale"):
        chosen = (table["component"] == component) & (table["term"] == "x")
        found = fits.coefficient("x", component)
        assert_array_equal(found[NUMBERS], table.loc[chosen, NUMBERS])
        assert list(found.index) == ["a", "b", "c"]
    message = re.escape("no fixed effect 'z' (mean); the model has 'Intercept' (mean), 'x' (mean)")
    with pytest.raises(ValueError, match=message):
        fits.coefficient("z")


def test_the_record_prints_quartiles_and_counts():
    fits = fit_many(PoissonGLMMRegressor(FORMULA), rows(), responses("counts"))
    lines = str(fits).splitlines()
    assert lines[0] == "Fits to 3 responses"
    assert [line.split()[:2] for line in lines[2:4]] == [["mean", "Intercept"], ["mean", "x"]]
    assert lines[3].split()[-1] == "3"
    assert lines[-1] == "* 0 of 3 fits are singular"
    assert "<table>" in fits._repr_html_()


def test_progress_is_printed_if_it_is_asked_for(capsys, monkeypatch):
    monkeypatch.setattr(replicates, "CHUNKS", 8)
    fit_many(PoissonGLMMRegressor(FORMULA), rows(), responses("counts"), verbose=1)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in printed] == [f"{n} of 3 responses" for n in (1, 2, 3)]
