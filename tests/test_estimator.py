"""What BetaGLMMRegressor reads, publishes, and warns of."""

import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import skglmm
from skglmm import (
    BetaGLMMRegressor,
    DesignError,
    FormulaError,
    ImplicitNestingWarning,
    SingularFitWarning,
    __version__,
)
from skglmm.datasets import make_dragons
from skglmm.estimators.runtime.warnings import tell


def grouped(n_groups=24, size=20, seed=1):
    """Rows with an intercept and a slope for each group, on (0, 1)."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n_groups), size)
    x, z = rng.normal(size=code.size), rng.normal(size=code.size)
    b, s = rng.normal(0, 0.7, n_groups), rng.normal(0, 0.3, n_groups)
    mu = expit(0.3 + 0.5 * x + b[code] + s[code] * x)
    y = rng.beta(8 * mu, 8 * (1 - mu)).clip(1e-6, 1 - 1e-6)
    labels = np.array([f"g{i:02d}" for i in range(n_groups)], dtype=object)
    frame = pd.DataFrame({"x": x, "z": z, "g": labels[code], "half": np.resize(["a", "b"], x.size)})
    return frame, y


@pytest.fixture(scope="module")
def model():
    frame, y = grouped()
    return BetaGLMMRegressor("x + (1 + x | g)").fit(frame, y)


def same_numbers(left, right, rtol=0.0):
    assert left.formula_ == right.formula_
    assert_allclose(left.coef_, right.coef_, rtol=rtol)
    assert_allclose(left.log_likelihood_, right.log_likelihood_, rtol=rtol)
    assert_allclose(left.random_effects()["mode"], right.random_effects()["mode"], rtol=rtol)


# --- what is published ----------------------------------------------------------------------------


def test_the_fit_is_published_in_parts(model):
    assert model.coef_names_ == ["x"]
    assert model.coef_.shape == (1,)
    assert_allclose(model.intercept_, model.fit_.beta[0][0])
    assert_allclose(model.precision_coef_, model.fit_.beta[1])
    assert model.n_params_ == 6
    assert model.n_obs_ == 480
    assert model.n_levels_ == {"g": 24}
    assert model.converged_
    assert not model.is_singular_
    assert model.n_iter_ >= 1
    assert model.n_boundary_ == 0
    assert model.formula_ == "1 + x + (1 + x | g)"
    assert [str(term) for term in model.random_terms_] == ["(1 + x | g)"]
    assert model.n_features_in_ == 4
    assert_array_equal(model.feature_names_in_, ["x", "z", "g", "half"])
    assert_allclose(model.aic_, 2 * 6 - 2 * model.log_likelihood_)
    assert_allclose(model.bic_, np.log(480) * 6 - 2 * model.log_likelihood_)


def test_a_formula_without_intercept_has_an_intercept_of_zero():
    frame, y = grouped()
    model = BetaGLMMRegressor("0 + x + z + (1 | g)").fit(frame, y)
    assert model.intercept_ == 0.0
    assert model.coef_names_ == ["x", "z"]


def test_precision_covariates_have_coefficients_on_the_log_scale():
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | g)", precision="1 + z").fit(frame, y)
    assert model.precision_coef_.shape == (2,)
    assert "precision, log scale" in str(model.summary())


@pytest.mark.parametrize(
    ("formula", "groups"),
    [
        ("x + (x | g)", None),
        ("testScore ~ 1 + x + (1 + x | g)", None),
        ("(x | g) + x", None),
        ("x", {"g": "x"}),
        ("x", {"g": "1 + x"}),
        ("x", {2: "x"}),
    ],
)
def test_every_spelling_of_a_model_gives_the_same_fit(model, formula, groups):
    frame, y = grouped()
    same_numbers(BetaGLMMRegressor(formula, groups=groups).fit(frame, y), model)


def test_spellings_of_independent_effects_agree():
    frame, y = grouped()
    fits = [
        BetaGLMMRegressor("x + (x || g)").fit(frame, y),
        BetaGLMMRegressor("x + (1 | g) + (0 + x | g)").fit(frame, y),
        BetaGLMMRegressor("x", groups={"g": ["1", "0 + x"]}).fit(frame, y),
    ]
    same_numbers(fits[1], fits[2])
    assert_allclose(fits[0].log_likelihood_, fits[1].log_likelihood_, rtol=1e-10)
    assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-6)


def test_without_formula_every_column_is_used_but_groups_and_offset():
    frame, y = grouped()
    frame["o"] = 0.1
    model = BetaGLMMRegressor(groups="g", offset="o").fit(frame, y)
    assert model.formula_ == "1 + x + z + half + (1 | g)"
    assert model.coef_names_ == ["x", "z", "half[T.b]"]


def test_without_formula_the_response_is_kept_out_of_x():
    frame, y = grouped()
    frame["score"] = y
    model = BetaGLMMRegressor(groups="g").fit(frame, frame["score"])
    assert "score" not in model.formula_


def test_odd_column_names_are_quoted():
    frame, y = grouped()
    odd = frame.rename(columns={"x": "body length", "z": "a|b", "g": "the group"})
    model = BetaGLMMRegressor(groups="the group").fit(odd, y)
    plain = BetaGLMMRegressor(groups="g").fit(frame, y)
    assert model.formula_ == "1 + `body length` + `a|b` + half + (1 | `the group`)"
    assert_allclose(model.coef_, plain.coef_)
    assert_allclose(model.predict(odd), plain.predict(frame))


# --- forms of X and y -----------------------------------------------------------------------------


def test_arrays_have_columns_with_numbers_as_names():
    frame, y = grouped()
    code = pd.factorize(frame["g"])[0]
    X = np.column_stack([code, frame["x"]])
    by_position = BetaGLMMRegressor(groups={0: "x1"}).fit(X, y)
    by_name = BetaGLMMRegressor("x1 + (x1 | x0)").fit(X, y)
    assert by_position.formula_ == "1 + x1 + (1 + x1 | x0)"
    same_numbers(by_position, by_name)
    assert not hasattr(by_position, "feature_names_in_")


def test_object_arrays_keep_texts_and_read_numbers():
    frame, y = grouped()
    X = frame[["x", "g"]].to_numpy(dtype=object)
    model = BetaGLMMRegressor(groups=1).fit(X, y)
    named = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert_allclose(model.coef_, named.coef_)
    assert_allclose(model.predict(X), named.predict(frame))


def test_polars_frames_are_read_like_pandas_frames(model):
    frame, y = grouped()
    other = pl.DataFrame({name: frame[name].to_list() for name in frame})
    fitted = BetaGLMMRegressor("x + (1 + x | g)").fit(other, pl.Series("y", y))
    same_numbers(fitted, model)
    assert_allclose(fitted.predict(other), model.predict(frame))


def test_polars_categories_and_booleans_keep_their_kind():
    frame, y = grouped()
    other = pl.DataFrame(
        {
            "x": frame["x"].to_list(),
            "flag": (frame["z"] > 0).to_list(),
            "half": pl.Series(frame["half"].to_list(), dtype=pl.Categorical),
        }
    )
    expected = BetaGLMMRegressor().fit(frame.assign(flag=frame["z"] > 0)[["x", "flag", "half"]], y)
    fitted = BetaGLMMRegressor().fit(other, y)
    assert fitted.formula_ == expected.formula_
    assert_allclose(fitted.coef_, expected.coef_)


def test_a_frame_with_numbers_as_names_is_an_array():
    frame, y = grouped()
    X = pd.DataFrame(frame[["x", "z"]].to_numpy())
    fitted = BetaGLMMRegressor().fit(X, y)
    assert fitted.formula_ == "1 + x0 + x1"
    assert_allclose(fitted.predict(X), fitted.predict(X.to_numpy()))


@pytest.fixture(scope="module")
def numbered():
    """A frame whose columns are called 0, 1, 2, with a model of it."""
    frame, y = grouped()
    X = frame[["x", "z", "g"]].set_axis([0, 1, 2], axis=1)
    return X, BetaGLMMRegressor("x0 + x1 + (1 | x2)").fit(X, y)


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X[[2, 0, 1]],
        lambda X: X.assign(more=1.0),
        lambda X: X[[1, 2, 0]].assign(more=1.0),
    ],
)
def test_columns_with_numbers_as_names_are_found_by_name(numbered, change):
    X, model = numbered
    assert_array_equal(model.predict(change(X.copy())), model.predict(X))


def test_numbered_columns_that_are_not_needed_may_be_missing(numbered):
    X, model = numbered
    assert_array_equal(model.predict(X[[1, 0]], kind="fixed"), model.predict(X, kind="fixed"))
    with pytest.raises(DesignError, match="unknown column 'x1'"):
        model.predict(X[[0, 2]])
    with pytest.raises(DesignError, match=r"none of the columns of fit, which were \[0, 1, 2\]"):
        model.predict(X.set_axis(list("abc"), axis=1))


def test_a_numbered_frame_is_copied_with_its_names(numbered):
    X, model = numbered
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X[[2, 1, 0]]), model.predict(X))


def test_float_groups_are_for_arrays_alone():
    frame, y = grouped()
    X = np.column_stack([pd.factorize(frame["g"])[0], frame["x"]])
    for array in (X, pd.DataFrame(X)):
        assert BetaGLMMRegressor(groups=0).fit(array, y).n_levels_ == {"x0": 24}
    for frame in (pd.DataFrame(X, columns=[1, 2]), pd.DataFrame(X).assign(z="a")):
        with pytest.raises(DesignError, match="'x0' holds floating-point"):
            BetaGLMMRegressor(groups=0).fit(frame.rename(columns={"z": 2}), y)


def test_names_of_several_levels_are_refused(model):
    frame, y = grouped()
    deep = frame.set_axis(pd.MultiIndex.from_product([["a"], frame.columns]), axis=1)
    for call in (lambda: BetaGLMMRegressor().fit(deep, y), lambda: model.predict(deep)):
        with pytest.raises(DesignError, match=r"2 levels, such as \('a', 'x'\)"):
            call()


def test_the_index_of_a_frame_does_not_matter(model):
    frame, y = grouped()
    shuffled = frame.set_axis(np.random.default_rng(0).permutation(len(frame)), axis=0)
    same_numbers(BetaGLMMRegressor("x + (x | g)").fit(shuffled, y), model)


def test_neither_x_nor_y_is_changed():
    frame, y = grouped()
    copies = frame.copy(), y.copy()
    BetaGLMMRegressor("x + (1 | g)", boundary="squeeze").fit(frame, y).predict(frame)
    pd.testing.assert_frame_equal(frame, copies[0])
    assert_array_equal(y, copies[1])


# --- bounds, weights, offset, context -------------------------------------------------------------


def test_other_bounds_change_the_scale_and_nothing_else(model):
    frame, y = grouped()
    wide = BetaGLMMRegressor("x + (x | g)", bounds=(-20, 80)).fit(frame, 100 * y - 20)
    assert_allclose(wide.coef_, model.coef_, rtol=1e-7)
    assert_allclose(wide.log_likelihood_, model.log_likelihood_ - len(y) * np.log(100), rtol=1e-9)
    mean, std = wide.predict(frame, return_std=True)
    unit_mean, unit_std = model.predict(frame, return_std=True)
    assert_allclose(mean, 100 * unit_mean - 20, rtol=1e-6)
    assert_allclose(std, 100 * unit_std, rtol=1e-6)


def test_a_fraction_moves_only_the_responses_on_a_bound():
    frame, y = grouped()
    y[[3, 5, 8]] = [0.0, 1.0, 1.0]
    model = BetaGLMMRegressor("x + (1 | g)", boundary=1e-3).fit(frame, y)
    by_hand = y.clip(1e-3, 1 - 1e-3)
    by_hand[(y > 0) & (y < 1)] = y[(y > 0) & (y < 1)]
    assert model.n_boundary_ == 3
    same_numbers(model, BetaGLMMRegressor("x + (1 | g)").fit(frame, by_hand))
    assert "3 of 480 responses lay on a bound" in str(model.summary())


def test_squeezing_moves_all_responses():
    frame, y = grouped()
    y[[3, 5]] = [0.0, 1.0]
    model = BetaGLMMRegressor("x + (1 | g)", boundary="squeeze").fit(frame, y)
    by_hand = BetaGLMMRegressor("x + (1 | g)").fit(frame, (y * 479 + 0.5) / 480)
    assert model.n_boundary_ == 480
    same_numbers(model, by_hand)
    assert "all 480 responses were squeezed" in str(model.summary())


def test_parameters_that_are_set_after_fit_wait_for_the_next():
    frame, y = grouped()
    y[[3, 5]] = [0.0, 1.0]
    model = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100), boundary=1e-3).fit(frame, 100 * y)
    before = model.predict(frame, return_std=True), str(model.summary())
    model.set_params(bounds=(0, 1), boundary="squeeze")
    for again in (model, pickle.loads(pickle.dumps(model))):
        assert_array_equal(again.predict(frame, return_std=True), before[0])
        assert str(again.summary()) == before[1]
    assert model.fit(frame, y).predict(frame).max() < 1
    assert "squeezed" in str(model.summary())


@pytest.mark.parametrize(
    ("formula", "change"),
    [
        ("x + (1 | nothing)", lambda X, y: (X[["x", "g"]], y)),
        ("x + (1 | g)", lambda X, y: (X[["x", "g"]].assign(x=np.nan), y)),
        ("x + (1 | g)", lambda X, y: (X[["x", "g"]].to_numpy(dtype=object), y)),
        ("x + (1 | g)", lambda X, y: (X[["x", "g"]], y + 3)),
    ],
)
def test_a_fit_that_fails_changes_nothing(formula, change):
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    state, means = dict(vars(model.set_params(formula=formula))), model.predict(frame)
    with pytest.raises(ValueError, match=r"nothing|missing|uses column|between the bounds"):
        model.fit(*change(frame, y))
    assert vars(model).keys() == state.keys()
    assert all(vars(model)[name] is value for name, value in state.items())
    assert_array_equal(model.predict(frame), means)


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator():
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | nothing)")
    with pytest.raises(DesignError):
        model.fit(frame, y)
    assert not hasattr(model, "feature_names_in_")
    with pytest.raises(NotFittedError):
        model.predict(frame)


def test_a_weight_of_two_is_the_row_twice():
    frame, y = grouped()
    weights = np.resize([1.0, 2.0, 0.0], len(y))
    rows = np.repeat(np.arange(len(y)), weights.astype(int))
    weighted = BetaGLMMRegressor("x + (x | g)").fit(frame, y, sample_weight=weights)
    repeated = BetaGLMMRegressor("x + (x | g)").fit(frame.iloc[rows], y[rows])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-10)
    assert weighted.n_obs_ == 320


def test_rows_of_weight_zero_are_not_there():
    frame, y = grouped()
    weights = (frame["g"] != "g03").to_numpy(dtype=float)
    frame.loc[frame["g"] == "g03", "x"] = np.nan
    y[(frame["g"] == "g03").to_numpy()] = 1.0
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y, sample_weight=weights)
    assert model.n_levels_ == {"g": 23}


def test_an_offset_is_a_term_with_coefficient_one():
    frame, y = grouped()
    frame["o"] = 0.7 * frame["x"]
    plain = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    shifted = BetaGLMMRegressor("x + (1 | g)", offset="o").fit(frame, y)
    assert_allclose(shifted.coef_ + 0.7, plain.coef_, rtol=1e-6)
    assert_allclose(shifted.predict(frame), plain.predict(frame), rtol=1e-6)


def test_formulas_may_call_functions_of_the_context():
    frame, y = grouped()
    model = BetaGLMMRegressor("double(x) + (1 | g)", context={"double": lambda x: 2 * x})
    plain = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert_allclose(2 * model.fit(frame, y).coef_, plain.coef_, rtol=1e-7)
    assert_allclose(model.predict(frame), plain.predict(frame), rtol=1e-7)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_every_link_fits(link):
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | g)", link=link).fit(frame, y)
    assert model.converged_
    assert model.score(frame, y) > 0.3
    assert f"{link} scale" in str(model.summary())


def test_verbose_prints_a_line_for_each_iteration(capsys):
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | g)", verbose=1).fit(frame, y)
    assert len(capsys.readouterr().out.splitlines()) >= model.n_iter_


# --- warnings -------------------------------------------------------------------------------------


def caught(call):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        call()
    return record


def only_warning(call, category, *fragments):
    record = caught(call)
    assert [item.category for item in record] == [category]
    assert Path(record[0].filename) == Path(__file__)
    for fragment in fragments:
        assert fragment in str(record[0].message)


def test_a_term_without_grouping_factor_is_named_and_a_better_one_proposed():
    frame, y = grouped()
    fits = []
    only_warning(
        lambda: fits.append(BetaGLMMRegressor("x + (x | 1)").fit(frame, y)),
        UserWarning,
        "(1 + x | 1)",
        "(0 + x | g)",
    )
    same_numbers(fits[0], BetaGLMMRegressor("x").fit(frame, y))


def test_a_variance_of_zero_is_named():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": np.tile(rng.normal(size=20), 5), "g": np.repeat(list("abcde"), 20)})
    y = np.tile(rng.beta(3, 3, size=20), 5)  # all groups are the same
    fits = []
    only_warning(
        lambda: fits.append(BetaGLMMRegressor("x + (1 | g)").fit(X, y)),
        SingularFitWarning,
        "Intercept",
        "levels of g is 0",
    )
    assert fits[0].is_singular_
    assert fits[0].converged_
    assert fits[0].variance_components()["sd"].tolist() == [0.0]


def test_an_optimizer_that_stops_early_is_a_convergence_warning():
    frame, y = grouped()
    fits = []
    only_warning(
        lambda: fits.append(
            BetaGLMMRegressor("x + (x | g)", max_iter=2, inference=False).fit(frame, y)
        ),
        ConvergenceWarning,
        "did not converge",
        "max_iter",
    )
    assert not fits[0].converged_
    assert "did not converge" in str(fits[0].summary())


@pytest.mark.parametrize("extra", ["twice", "constant"])
def test_columns_that_others_determine_are_dropped_and_named(extra):
    frame, y = grouped()
    frame[extra] = 2 * frame["x"] + 1 if extra == "twice" else 3.0
    fits = []
    only_warning(
        lambda: fits.append(BetaGLMMRegressor(f"x + {extra} + (1 | g)").fit(frame, y)),
        UserWarning,
        repr(extra),
        "dropped from the mean",
    )
    plain = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert fits[0].coef_[1] == 0.0
    assert fits[0].n_params_ == plain.n_params_
    assert_allclose(fits[0].coef_[0], plain.coef_[0], rtol=1e-6)
    assert_allclose(fits[0].predict(frame), plain.predict(frame), rtol=1e-6)
    assert repr(extra) in str(fits[0].summary())
    assert np.isnan(fits[0].vcov().loc[extra, extra])


def test_data_on_an_exact_curve_stop_at_the_largest_precision():
    x = np.linspace(-1, 1, 30)
    X, y = pd.DataFrame({"x": x}), expit(0.2 + x)
    fits = []
    only_warning(
        lambda: fits.append(BetaGLMMRegressor("x").fit(X, y)), UserWarning, "precision stopped"
    )
    assert_allclose(fits[0].predict(X), y, rtol=1e-5)


def test_levels_of_one_row_are_worth_a_warning():
    frame, y = grouped()
    frame["row"] = [f"r{i}" for i in range(len(frame))]
    record = caught(lambda: BetaGLMMRegressor("x + (1 | row)").fit(frame, y))
    assert any("every row is a level of 'row'" in str(item.message) for item in record)


def test_labels_that_are_reused_within_another_factor_are_worth_a_warning():
    X, y = make_dragons(random_state=0, return_X_y=True)
    model = BetaGLMMRegressor(
        "bodyLength + (1 | mountainRange) + (1 | site)", bounds=(0, 100), boundary=1e-4
    )
    record = [w for w in caught(lambda: model.fit(X, y)) if w.category is ImplicitNestingWarning]
    assert len(record) == 1
    assert "'site'" in str(record[0].message)
    assert "(1 | mountainRange/site)" in str(record[0].message)
    assert Path(record[0].filename) == Path(__file__)


def test_labels_reused_under_a_fixed_factor_are_worth_a_warning():
    X, y = make_dragons(random_state=0, return_X_y=True)
    model = BetaGLMMRegressor("mountainRange + (1 | site)", bounds=(0, 100), boundary=1e-4)
    record = caught(lambda: model.fit(X, y))
    assert ImplicitNestingWarning in {item.category for item in record}


@pytest.mark.parametrize(
    "terms", ["(1 | mountainRange/site)", "(1 | mountainRange) + (1 | mountainRange:site)"]
)
def test_nesting_that_the_formula_states_is_no_cause_for_a_warning(terms):
    X, y = make_dragons(random_state=0, return_X_y=True)
    BetaGLMMRegressor(f"bodyLength + {terms}", bounds=(0, 100), boundary=1e-4).fit(X, y)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("names", [str, "item {}".format])
def test_crossed_factors_are_no_cause_for_a_warning(seed, names):
    rng = np.random.default_rng(seed)
    subject, item = (part.ravel() for part in np.mgrid[:20, :8])
    subject, item = np.repeat(subject, 4), np.repeat(item, 4)
    eta = rng.normal(0, 0.8, 20)[subject] + rng.normal(0, 0.8, 8)[item]
    y = rng.beta(6 * expit(eta), 6 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    X = pd.DataFrame({"subject": subject, "item": [names(i) for i in item]})
    BetaGLMMRegressor("(1 | subject) + (1 | item)").fit(X, y)


# --- the example of the README --------------------------------------------------------------------

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def test_the_readme_shows_what_its_example_prints(capsys):
    code, shown = (
        re.search(f"```{kind}\n(.*?)```", README, re.DOTALL)[1] for kind in ("python", "text")
    )
    assert len(code.splitlines()) <= 12
    exec(code, {})
    printed = re.sub(r"Converged in \d+", "Converged in 10", capsys.readouterr().out)
    shown = re.sub(r"Converged in \d+", "Converged in 10", shown)
    assert NUMBER.sub("", printed).split() == NUMBER.sub("", shown).split()
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (printed, shown)]
    assert_allclose(numbers[0], numbers[1], rtol=1e-3, atol=1e-5)


def test_length_matters_to_the_dragons_of_the_readme_only_without_groups():
    assert "make_dragons(random_state=3" in README
    X, y = make_dragons(random_state=3, return_X_y=True)
    structure = "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)"
    z = {}
    for formula in ("bodyLength", structure):
        model = BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4).fit(X, y)
        z[formula] = model.coef_[0] / model.vcov().loc["bodyLength", "bodyLength"] ** 0.5
    assert z["bodyLength"] > 10
    assert abs(z[structure]) < 0.5


# --- objects --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows_of_a_group", [(10, 20), (300, 600)])  # few effects, and many rows
def test_a_pickle_holds_no_training_rows(rows_of_a_group):
    sizes = []
    for size in rows_of_a_group:
        frame, y = grouped(size=size)
        fitted = BetaGLMMRegressor("x + half + (x | g)").fit(frame, y)
        sizes.append(len(pickle.dumps(fitted)))
        again = pickle.loads(pickle.dumps(fitted))
        assert_array_equal(again.predict(frame), fitted.predict(frame))
        assert str(again.summary()) == str(fitted.summary())
    assert abs(sizes[1] - sizes[0]) < 50


def test_a_pickle_names_the_version_that_made_it(model):
    assert model.__getstate__()["_skglmm_version"] == __version__


@pytest.mark.parametrize("text", ["log(x + 9)", "poly(x, 2)", "`a|b` + I(`a|b` ** 2)", "{x * z}"])
def test_a_pickle_of_every_allowed_expression_can_be_read(text):
    frame, y = grouped()
    frame["a|b"] = frame["z"]
    model = BetaGLMMRegressor(f"{text} + (1 | g)").fit(frame, y)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(frame), model.predict(frame))


def test_a_pickle_with_an_expression_that_fit_refuses_is_refused():
    frame, y = grouped()
    function = {"grow": np.exp}
    model = BetaGLMMRegressor("grow(x) + (1 | g)", context=function).fit(frame, y)
    assert pickle.loads(pickle.dumps(model)).coef_names_ == ["grow(x)"]
    stored = pickle.dumps(model.set_params(context=None))
    with pytest.raises(FormulaError, match="'grow' is not known"):
        pickle.loads(stored)


def test_warnings_point_at_files_whose_path_only_starts_like_ours():
    folder = Path(skglmm.__file__).parent
    code = compile("tell('look')", f"{folder}_user.py", "exec")
    record = caught(lambda: exec(code, {"tell": tell}))
    assert [item.filename for item in record] == [f"{folder}_user.py"]


def test_an_unfitted_estimator_says_so():
    frame, _ = grouped()
    unfitted = BetaGLMMRegressor()
    for call in (
        lambda: unfitted.predict(frame),
        unfitted.summary,
        unfitted.variance_components,
        unfitted.random_effects,
        unfitted.vcov,
        unfitted.confint,
    ):
        with pytest.raises(NotFittedError):
            call()


def test_the_html_view_links_to_the_documentation(model):
    html = model._repr_html_()
    assert "skglmm.readthedocs.io" in html
    assert "BetaGLMMRegressor" in html


def test_fitting_again_forgets_the_first_fit():
    frame, y = grouped()
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    model.set_params(formula=None).fit(frame[["x", "z"]].to_numpy(), y)
    assert model.formula_ == "1 + x0 + x1"
    assert model.n_levels_ == {}
    assert not hasattr(model, "feature_names_in_")
