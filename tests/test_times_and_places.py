"""Effects of times, places and relatives as formulas have them, against dense normal densities."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

from skglmm import BetaGLMMRegressor, LMMRegressor, PoissonGLMMRegressor
from skglmm.exceptions import DesignError, FormulaError
from skglmm.inference import natural
from skglmm.inspection import RandomEffectsDisplay
from skglmm.model_selection import likelihood_ratio_test

N, STEPS, IDS = 96, 8, [f"a{i:02d}" for i in range(14)]


def _rows():
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(0, 9, (2, N)).round(1)
    frame = pd.DataFrame({"x": rng.normal(size=N), "lon": lon, "lat": lat})
    frame["t"], frame["g"] = np.tile([0, 1, 2, 3, 4, 5, 7, 8], N // STEPS), np.arange(N) // STEPS
    frame["id"] = np.array(IDS)[rng.integers(0, 12, N)]
    return frame


X = _rows()
GROUPED = X["g"].to_numpy()[:, None] == X["g"].to_numpy()
GAPS = np.abs(X["t"].to_numpy()[:, None] - X["t"].to_numpy())
AWAY = cdist(X[["lon", "lat"]], X[["lon", "lat"]])
KINSHIP = np.exp(-np.abs(np.arange(14)[:, None] - np.arange(14)) / 2.0)
RELATED = {"A": pd.DataFrame(KINSHIP, IDS, IDS)}
OWN = np.array([IDS.index(each) for each in X["id"]])
# By formula: covariances of the rows by the natural parameters, and true ones.
FIELD, SERIES, KIN = "exp(0 + lon + lat | 1)", "ar1(0 + t | g)", "known(1 | id, A)"
CASES = {
    SERIES: (lambda sd, rho: GROUPED * sd**2 * rho**GAPS, (1.0, 0.7)),
    f"(1 | g) + {SERIES}": (
        lambda own, sd, rho: GROUPED * (own**2 + sd**2 * rho**GAPS),
        (1.5, 1.0, 0.7),
    ),
    FIELD: (lambda sd, extent: sd**2 * np.exp(-AWAY / extent), (1.0, 2.0)),
    "gau(0 + lon + lat | 1)": (lambda sd, extent: sd**2 * np.exp(-((AWAY / extent) ** 2)), (1, 2)),
    KIN: (lambda sd: sd**2 * KINSHIP[np.ix_(OWN, OWN)], (1.0,)),
    "known(0 + x | id, A)": (
        lambda sd: sd**2 * KINSHIP[np.ix_(OWN, OWN)] * np.outer(X["x"], X["x"]),
        (1.0,),
    ),
}
EFFECTS = np.linalg.cholesky(GROUPED * 0.8**GAPS) @ np.random.default_rng(3).normal(size=N)
COUNTS = np.random.default_rng(4).poisson(np.exp(1.0 + 0.3 * X["x"] + EFFECTS))


def fitted(term, **how):
    of, truth = CASES[term]
    rng = np.random.default_rng(4)
    sigma = of(*truth) + 0.25 * np.eye(N)
    y = 1.0 + 0.5 * X["x"].to_numpy() + np.linalg.cholesky(sigma) @ rng.normal(size=N)
    model = LMMRegressor(f"x + {term}", relationships=RELATED, reml=False, **how)
    return of, y, model.fit(X, y)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return fitted(request.param)


@pytest.fixture(scope="module")
def field():
    return fitted(FIELD)


@pytest.fixture(scope="module")
def counts():
    return PoissonGLMMRegressor(f"x + {SERIES}").fit(X, COUNTS)


def parameters(model):
    found = {each.name: each.value for each in natural(model.fit_)}
    return [value for name, value in found.items() if "|" in name], found["scale"]


def dense(of, y, values, scale):
    D = np.column_stack([np.ones(N), X["x"]])
    total = of(*values) + scale**2 * np.eye(N)
    beta = np.linalg.solve(D.T @ np.linalg.solve(total, D), D.T @ np.linalg.solve(total, y))
    return multivariate_normal(D @ beta, total).logpdf(y)


def test_the_likelihood_is_that_of_a_dense_normal_distribution_and_has_its_top_there(case):
    of, y, model = case
    values, scale = parameters(model)
    top = dense(of, y, values, scale)
    assert model.converged_
    assert_allclose(model.log_likelihood_, top, rtol=1e-9)
    for i, step in enumerate(1e-3 * np.eye(len(values) + 1)):
        for sign in (1.0, -1.0):
            moved = np.append(values, scale) + sign * step
            assert dense(of, y, moved[:-1], moved[-1]) < top + 1e-9, i


def test_the_formula_and_random_terms_tell_the_structure(field):
    model = field[2]
    assert model.formula_ == f"1 + x + {FIELD}"
    assert str(model.random_terms_[0]) == FIELD
    again = LMMRegressor(model.formula_, reml=False).fit(X, field[1])
    assert again.log_likelihood_ == model.log_likelihood_


def test_summaries_tell_what_effects_have_in_common_and_not_all_of_them(field):
    model = field[2]
    text, table = str(model.summary()), model.variance_components()
    assert "Random effects, exponential; all rows together" in text
    assert f"Rows: {N}\n" in text
    assert "range(lon, lat)" in text
    assert len(text.splitlines()) < 25
    assert list(table["structure"]) == ["exponential"]
    assert_allclose(table["range"], parameters(model)[0][1])
    assert list(model.tidy("random")["term"]) == ["sd(lon, lat)", "range(lon, lat)"]


def test_modes_are_named_by_their_times(counts):
    table = counts.random_effects()
    assert list(table["effect"][:3]) == ["t[0]", "t[1]", "t[2]"]
    assert_array_equal(table["level"].to_numpy(), np.repeat(np.arange(12), STEPS).astype(str))


def test_related_individuals_are_levels():
    model = fitted(KIN)[2]
    table = model.random_effects()
    assert list(table["level"]) == IDS
    assert set(table["group"]) == {"id"}
    assert model.n_levels_ == {"id": 14}


def test_terms_of_one_grouping_factor_have_its_name():
    model = fitted(f"(1 | g) + {SERIES}")[2]
    assert model.n_levels_ == {"g": 12}
    assert list(model.tidy("random")["term"]) == ["sd(Intercept)", "sd(t)", "rho(t)"]
    both = [model.predict(X, kind=kind) for kind in ({"g"}, "conditional")]
    assert_array_equal(*both)


def kriged(of, y, model, new):
    """Means of new rows given all, and variances by the estimates of covariances."""
    (sd, extent), scale = parameters(model)
    D, Dn = (np.column_stack([np.ones(len(part)), part["x"]]) for part in (X, new))
    total = np.linalg.inv(of(sd, extent) + scale**2 * np.eye(N))
    between = sd**2 * np.exp(-cdist(new[["lon", "lat"]], X[["lon", "lat"]]) / extent)
    known = np.linalg.inv(D.T @ total @ D)
    rest, beta = Dn - between @ total @ D, known @ D.T @ total @ y
    mean = Dn @ beta + between @ total @ (y - D @ beta)
    spread = np.sum(between @ total * between, axis=1) - np.sum(rest @ known * rest, axis=1)
    return mean, sd**2 - spread


@pytest.fixture(scope="module")
def new():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.uniform(-1, 10, (25, 3)), columns=["x", "lon", "lat"])
    return pd.concat([frame, X.head(5)[["x", "lon", "lat"]]], ignore_index=True)


def test_means_at_new_places_are_those_of_kriging(field, new):
    mean, variance = kriged(*field, new)
    value, std = field[2].predict_linear(new, return_std=True)
    assert_allclose(value, mean, rtol=1e-8)
    assert np.all(std**2 > variance * (1 - 1e-6))  # with the uncertainty of the range, too
    assert_allclose(field[2].predict(new), mean, rtol=1e-8)


def test_the_variance_at_new_places_is_that_of_kriging_when_variances_are_known(field, new):
    of, _, model = field
    held = pickle.loads(pickle.dumps(model))
    values, scale = parameters(held)
    D, total = np.column_stack([np.ones(N), X["x"]]), of(*values) + scale**2 * np.eye(N)
    known = np.zeros_like(held.fit_.uncertainty.covariance)
    known[:2, :2] = np.linalg.inv(D.T @ np.linalg.solve(total, D))
    vars(held.fit_.uncertainty).update(covariance=known)
    std = held.predict_linear(new, return_std=True)[1]
    assert_allclose(std**2, kriged(*field, new)[1], rtol=1e-6)


def test_a_field_is_one_panel(field):
    display = RandomEffectsDisplay.from_estimator(field[2])
    assert len(np.ravel(display.axes_)) == 1
    assert "lon, lat" in display.axes_.flat[0].get_title()


def test_far_away_the_field_is_unknown(field):
    far = pd.DataFrame({"x": [0.0], "lon": [1e6], "lat": [0.0]})
    model = field[2]
    assert_allclose(model.predict(far), model.predict(far, kind="marginal"))
    (sd, _), scale = parameters(model)
    draws = model.sample_y(pd.concat([far, far]), 4000, random_state=0)
    assert_allclose(draws.var(), sd**2 + scale**2, rtol=0.1)
    assert_allclose(np.cov(draws)[0, 1], sd**2, rtol=0.15)  # one place has one effect


def test_forecasts_of_a_series_die_out(counts):
    later = pd.DataFrame({"x": 0.0, "g": 3, "t": [8, 9, 12, 400]})
    value, std = counts.predict_linear(later, return_std=True)
    rho = next(each.value for each in natural(counts.fit_) if each.name.startswith("rho"))
    center = float(counts.intercept_)
    assert_allclose(
        value - center, (value[0] - center) * rho ** np.array([0, 1, 4, 392]), atol=1e-9
    )
    assert np.all(np.diff(std) > 0)
    fixed = counts.predict_linear(later.tail(1), return_std=True, kind="marginal")[1]
    assert_allclose(std[-1:], fixed, rtol=1e-6)


@pytest.mark.parametrize("kind", ["conditional", "posterior", "marginal"])
def test_seen_and_new_rows_are_predicted_alike_together_and_apart(kind):
    model = PoissonGLMMRegressor(f"x + {SERIES}", predict_kind="posterior")
    model.fit(X, COUNTS)
    rows = pd.DataFrame({"x": 0.0, "g": [0, 0, 1, 99], "t": [8, 9, 10, 11]})
    apart = [model.predict(rows.iloc[[i]], kind=kind).item() for i in range(4)]
    assert_allclose(model.predict(rows, kind=kind), apart, rtol=1e-9)


def test_a_category_of_times_has_equal_steps_and_forecasts(counts):
    levels = [f"w{i}" for i in range(12)]
    named = X.assign(t=pd.Categorical("w" + X["t"].astype(str), levels, ordered=True))
    model = PoissonGLMMRegressor(f"x + {SERIES}").fit(named, COUNTS)
    assert_allclose(model.log_likelihood_, counts.log_likelihood_, rtol=1e-9)
    later = pd.DataFrame({"x": 0.0, "g": 3, "t": [6, 10]})
    assert_allclose(model.predict(later.assign(t=["w6", "w10"])), counts.predict(later), rtol=1e-6)
    with pytest.raises(DesignError, match="fit knows no time, 'w12'"):
        model.predict(later.assign(t="w12"))


def test_groups_take_a_structure_by_name(counts):
    model = PoissonGLMMRegressor("x", groups={"g": "0 + t"}, covariance="autoregressive")
    model.fit(X, COUNTS)
    assert model.formula_ == counts.formula_
    assert model.log_likelihood_ == counts.log_likelihood_


def test_matrices_of_relationships_have_several_spellings():
    _, y, model = fitted(KIN)
    inverse = csr_array(np.linalg.inv(KINSHIP).round(12))
    order = np.random.default_rng(0).permutation(IDS)
    for matrix in ((KINSHIP, IDS), (inverse, IDS), RELATED["A"].loc[order]):
        found = LMMRegressor(f"x + {KIN}", relationships={"A": matrix}, reml=False).fit(X, y)
        assert_allclose(found.log_likelihood_, model.log_likelihood_, rtol=1e-9)
        assert_allclose(found.predict(X), model.predict(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("term", "changes", "message"),
    [
        (SERIES, {"t": X["t"] / 2}, "holds 0.5 in row 1; ou"),
        (SERIES, {"t": "w" + X["t"].astype(str)}, "ordered=True"),
        (SERIES, {"t": 3}, "two or more times or places, and 't' holds 3"),
        (SERIES, {"t": X["t"].where(X["t"] > 0)}, "missing"),
        ("toep(0 + t | g)", {}, r"have gaps: t\[0\], t\[1\]"),
        ("ou(0 + t + lon | g)", {}, "exp"),
        ("exp(0 + log(lon) | g)", {}, "no expressions such as"),
        ("mat(0 + id | g)", {}, "'id' holds text values"),
        (FIELD, {"lat": np.inf}, "infinite"),
        ("known(1 | id, B)", {}, "no relationship matrix is called 'B'; there are 'A'"),
        ("known(1 | g:id, A)", {}, "one column of individuals"),
        (KIN, {"id": X["g"]}, "holds number values, and the labels .* are text"),
        (KIN, {"id": "b" + X["id"]}, "lacks individuals of 'id': 'ba"),
        ("rr(0 + C(t) | g, 9)", {}, "the rank must be from 1 to the 8 effects"),
    ],
)
def test_what_times_and_places_cannot_be_is_an_error_that_helps(term, changes, message):
    model = LMMRegressor(f"x + {term}", relationships=RELATED)
    with pytest.raises(DesignError, match=message):
        model.fit(X.assign(**changes), np.arange(N) % 7)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (KINSHIP, "of type ndarray; expected a DataFrame"),
        ((KINSHIP, IDS[:3]), "14 rows, and labels of 3 individuals"),
        ((KINSHIP, ["a00", *IDS[:13]]), "the individual 'a00' more than once"),
        ((np.ones((14, 14)), IDS), "twins or clones"),
        (RELATED["A"].iloc[:12], "other individuals in its index"),
    ],
)
def test_what_relationships_cannot_be_is_an_error_that_helps(matrix, message):
    model = LMMRegressor(f"x + {KIN}", relationships={"A": matrix})
    with pytest.raises(DesignError, match=message):
        model.fit(X, np.arange(N) % 7)


def test_times_between_are_refused(counts):
    with pytest.raises(DesignError, match=r"whole times, got 1\.5"):
        counts.predict(pd.DataFrame({"x": 0.0, "g": [0], "t": [1.5]}))


def test_own_variances_of_times_have_no_forecast():
    model = PoissonGLMMRegressor("x + hetar1(0 + t | g)").fit(X, COUNTS)
    later = pd.DataFrame({"x": 0.0, "g": [3], "t": [12]})
    with pytest.raises(DesignError, match="predict at the learned ones"):
        model.predict(later)
    assert model.predict(later, kind="fixed") > 0


def test_one_term_may_have_times_where_another_has_slopes_but_not_times_again():
    slopes = np.random.default_rng(0).normal(0, 0.4, 12)[X["g"]]
    y = np.random.default_rng(1).poisson(np.exp(2.0 + EFFECTS + slopes * X["t"].to_numpy()))
    found = PoissonGLMMRegressor("x + (0 + t | g) + ou(0 + t | g)").fit(X, y)
    assert found.formula_ == "1 + x + ou(0 + t | g) + (0 + t | g)"
    with pytest.raises(FormulaError, match="give each effect once"):
        LMMRegressor("x + ou(0 + t | g) + ar1(0 + t | g)").fit(X, np.zeros(N))


def test_other_rows_are_told_by_their_times(counts):
    with pytest.raises(ValueError, match="hold other values"):
        counts.diagnose(X.assign(t=X["t"].to_numpy()[::-1]), COUNTS)


def test_what_was_learned_survives_storage(field, new):
    stored = pickle.loads(pickle.dumps(field[2]))
    assert_array_equal(stored.predict(new), field[2].predict(new))
    assert stored.predict(X.iloc[::-1]).tolist() == field[2].predict(X)[::-1].tolist()


def test_a_precision_may_have_a_field_of_its_own():
    rng = np.random.default_rng(5)
    size = np.exp(3.0 + 2.0 * np.linalg.cholesky(np.exp(-AWAY / 3.0)) @ rng.normal(size=N))
    model = BetaGLMMRegressor("x", precision=FIELD).fit(X, rng.beta(size * 0.6, size * 0.4))
    assert list(model.tidy("random")["term"])[-1] == "range(precision(lon, lat))"
    assert np.isfinite(model.predict_interval(X.assign(lon=X["lon"] + 0.05))).all()


def test_comparisons_know_which_structure_is_within_which(counts):
    intercept, own = (
        PoissonGLMMRegressor(f"x + {term}").fit(X, COUNTS)
        for term in ("(1 | g)", "hetar1(0 + t | g)")
    )
    assert likelihood_ratio_test(counts, own).df == STEPS - 1
    with pytest.raises(ValueError, match="the random effects 'Intercept' of 'g'"):
        likelihood_ratio_test(intercept, counts)
