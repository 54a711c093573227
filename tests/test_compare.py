"""Tables of models, what they refuse, and the conditional criterion against dense algebra."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.linalg import block_diag
from scipy.stats import norm
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import BetaGLMMRegressor, LMMRegressor, OrderedBetaGLMMRegressor
from skglmm.covariance import Unstructured
from skglmm.datasets import load_petrol
from skglmm.engine import AdaptiveQuadrature
from skglmm.exceptions import SingularFitWarning
from skglmm.families import Beta
from skglmm.fitting import Study, fit
from skglmm.inference.hypotheses.conditional_aic import conditional_aic
from skglmm.model_selection import compare, likelihood_ratio_test

# name of glmmTMB's fit: formula
DRAGONS = {
    "dragons-glm": "bodyLength",
    "dragons-random-intercept": "bodyLength + (1 | mountainRange)",
    "dragons-random-slope-only": "bodyLength + (0 + bodyLength | mountainRange)",
    "dragons-intercept-and-slope": "bodyLength + (bodyLength | mountainRange)",
    "dragons-full": "bodyLength + (bodyLength | mountainRange) + (1 | siteUnique)",
}


@pytest.fixture(scope="module")
def petrol():
    return load_petrol(return_X_y=True)


def percent(formula, **options):
    return BetaGLMMRegressor(formula, bounds=(0, 100), **options)


@pytest.fixture(scope="module")
def plain(petrol):
    return percent("EP").fit(*petrol)


@pytest.fixture(scope="module")
def mixed(petrol):
    return percent("EP + (1 | batch)").fit(*petrol)


def test_dragons_are_ranked_as_by_glmmtmb(dragons, reference_fit):
    with pytest.warns(SingularFitWarning):  # a correlation of -1
        models = [BetaGLMMRegressor(f).fit(dragons, dragons["score"]) for f in DRAGONS.values()]
    table = compare(*models[::-1], names=list(DRAGONS)[::-1])
    ranked = "full intercept-and-slope random-intercept random-slope-only glm".split()
    assert list(table.index) == [f"dragons-{name}" for name in ranked]
    for name, row in table.iterrows():
        expected = reference_fit(name)
        # A likelihood 5e-6 higher on the raw column is no error, see the parity tests.
        assert_allclose(row["log_likelihood"], expected["log_likelihood"], atol=1e-4)
        assert_allclose([row["aic"], row["bic"]], [expected["aic"], expected["bic"]], atol=2e-4)
        assert row["n_params"] == expected["df"]
    against = "intercept-and-slope random-intercept glm glm".split()
    assert list(table["lr_against"])[:4] == [f"dragons-{name}" for name in against]
    assert_array_equal(table["lr_df"], [1, 2, 1, 1, np.nan])
    assert table["converged"].all()
    assert list(table.index[table["singular"]]) == ["dragons-full"]


def test_columns_follow_their_definitions(petrol, plain, mixed):
    precise = percent("EP + (1 | batch)", precision="EP").fit(*petrol)
    table = compare(precise, plain, mixed)
    assert list(table.index) == [mixed.formula_, f"{mixed.formula_}; precision: 1 + EP", "1 + EP"]
    assert table["aic"].is_monotonic_increasing
    assert_allclose(table["delta_aic"], table["aic"] - table["aic"].min())
    ratios = np.exp(-0.5 * table["delta_aic"])
    assert_allclose(table["weight"], ratios / ratios.sum())
    k = table["n_params"]
    assert_allclose(table["aic"], 2 * k - 2 * table["log_likelihood"])
    assert_allclose(table["aicc"], table["aic"] + 2 * k * (k + 1) / (32 - k - 1))
    assert_allclose(table["bic"], np.log(32) * k - 2 * table["log_likelihood"])


def test_neighbors_are_tested_as_by_the_likelihood_ratio_test(petrol, plain, mixed):
    vapor = percent("EP + VP").fit(*petrol)
    both = percent("EP + VP + (1 | batch)").fit(*petrol)
    table = compare(vapor, both, plain, mixed, names=["vapor", "both", "plain", "mixed"])
    # Of two equally large neighbors the one of higher likelihood.
    assert vapor.n_params_ == mixed.n_params_
    assert vapor.log_likelihood_ > mixed.log_likelihood_
    against = table["lr_against"].dropna().to_dict()
    assert against == {"vapor": "plain", "mixed": "plain", "both": "vapor"}
    for name, pair in {"mixed": (plain, mixed), "both": (vapor, both)}.items():
        test = likelihood_ratio_test(*pair)
        found = table.loc[name, ["lr_statistic", "lr_df", "lr_p_value", "lr_method"]]
        assert list(found) == [test.statistic, test.df, test.p_value, test.method]


def test_models_that_are_not_nested_are_compared_without_a_test(petrol, plain):
    other = percent("VP", link="probit").fit(*petrol)
    assert compare(plain, other)["lr_statistic"].isna().all()


def test_a_larger_model_of_lower_likelihood_has_no_statistic(petrol, mixed):
    with pytest.warns(UserWarning, match="did not converge"):
        worse = percent("EP + VP + (1 | batch)", max_iter=1, tol=1e-12).fit(*petrol)
    worse.fit_ = replace(worse.fit_, log_likelihood=mixed.log_likelihood_ - 1.0)
    row = compare(mixed, worse).loc[worse.formula_]
    assert row["lr_method"] == "failed: lower log likelihood"
    assert "did not reach its maximum" in row["lr_note"]
    assert np.isnan(row["lr_statistic"])


def test_a_column_of_one_name_with_other_numbers_is_another_one(petrol, mixed):
    X, y = petrol
    other = X.assign(EP=np.random.default_rng(0).permutation(X["EP"]))
    with pytest.warns(SingularFitWarning):
        worse = percent("EP + VP + (1 | batch)").fit(other, y)
    row = compare(mixed, worse).loc[worse.formula_]
    assert "'EP' of the mean holds other numbers in the two fits" in row["lr_note"]
    assert np.isnan(row["lr_statistic"])


def test_a_fit_that_did_not_converge_is_in_the_table_and_marked(petrol, plain):
    with pytest.warns(UserWarning, match="did not converge"):
        short = percent("EP + VP + (1 | batch)", max_iter=1).fit(*petrol)
    assert list(compare(plain, short)["converged"]) == [False, True]
    assert "did not converge" in likelihood_ratio_test(plain, short).notes[1]


def test_one_model_makes_a_table_too(plain):
    table = compare(plain)
    assert_array_equal(table[["delta_aic", "weight"]], [[0.0, 1.0]])


def test_permuted_rows_and_pipelines_are_compared(petrol, plain, mixed):
    X, y = petrol
    order = np.random.default_rng(0).permutation(32)
    permuted = percent("EP").fit(X.iloc[order], y.iloc[order])
    piped = make_pipeline(FunctionTransformer(), percent("EP + (1 | batch)")).fit(X, y)
    assert_allclose(compare(permuted, piped)["aic"], compare(plain, mixed)["aic"], rtol=1e-9)


def test_searches_and_frozen_models_are_looked_into(petrol, plain):
    X, y = petrol
    grid = {"betaglmmregressor__formula": ["EP", "EP + VP"]}
    search = GridSearchCV(make_pipeline(percent("EP")), grid, cv=3).fit(X, y)
    table = compare(plain, FrozenEstimator(search))
    assert list(table.index) == ["1 + EP + VP", "1 + EP"]


def test_estimators_of_other_data_are_refused_with_the_reason(petrol, plain):
    X, y = petrol
    swapped = y.to_numpy().copy()
    swapped[0] += 0.1
    others = {
        r"numbers of rows differ, 32 and 31": percent("EP").fit(X[1:], y[1:]),
        r"responses differ": percent("EP").fit(X, swapped),
        r"sample weights differ": percent("EP").fit(X, y, sample_weight=np.resize([1.0, 2.0], 32)),
        r"bounds differ, \(0, 100\) and \(0, 90\)": BetaGLMMRegressor("EP", bounds=(0, 90)).fit(
            X, y
        ),
        r"boundary='error' and 'squeeze'": percent("EP", boundary="squeeze").fit(X, y),
    }
    for reason, other in others.items():
        with pytest.raises(ValueError, match=rf"'one' and 'two' cannot be compared: .*{reason}"):
            compare(plain, other, names=["one", "two"])


def test_likelihoods_of_different_approximations_are_refused(petrol, plain, mixed):
    other = percent("EP + VP + (1 | batch)").fit(*petrol)
    other.fit_ = replace(other.fit_, approximation=AdaptiveQuadrature(7))
    assert len(compare(plain, other)) == 2  # without random effects there is nothing to integrate
    with pytest.raises(ValueError, match="approximated in different ways; fit both with the same"):
        likelihood_ratio_test(mixed, other)


def test_rows_of_weight_zero_are_dropped_rows(petrol, plain):
    X, y = petrol
    weight = np.ones(32)
    weight[3] = 0
    with pytest.raises(ValueError, match="numbers of rows differ, 32 and 31"):
        compare(plain, percent("EP").fit(X, y, sample_weight=weight))


def test_weights_are_told_from_responses_on_any_bounds():
    rng = np.random.default_rng(4)
    X, y = pd.DataFrame({"x": rng.normal(size=40)}), rng.beta(3, 4, 40)
    plain = BetaGLMMRegressor("x").fit(X, y)
    weighted = BetaGLMMRegressor("1").fit(X, y, sample_weight=np.resize([0.5, 1.5], 40))
    again = BetaGLMMRegressor("x").fit(X, y, sample_weight=np.resize([0.5, 1.5], 40))
    with pytest.raises(ValueError, match="weights differ"):
        compare(plain, weighted)
    assert len(compare(weighted, again)) == 2


def test_responses_on_bounds_that_were_moved_alike_are_compared():
    rng = np.random.default_rng(4)
    X, y = pd.DataFrame({"x": rng.normal(size=40)}), np.append(rng.beta(3, 4, 38), [0.0, 1.0])

    def model(boundary, formula="x"):
        return BetaGLMMRegressor(formula, boundary=boundary).fit(X, y)

    assert len(compare(model(1e-3), model(1e-3, "1"))) == 2
    for one, other in [(1e-3, 1e-4), ("squeeze", 1e-3)]:
        with pytest.raises(ValueError, match=f"boundary={one!r} and {other!r}"):
            compare(model(one), model(other))
    ordered = OrderedBetaGLMMRegressor("x").fit(X, y)
    with pytest.raises(ValueError, match="; compare models with the same boundary, or models that"):
        compare(model(1e-3), ordered)
    inside = BetaGLMMRegressor("x").fit(X[:38], y[:38])
    idle = BetaGLMMRegressor("1", boundary=1e-3).fit(X[:38], y[:38])  # nothing to move
    assert len(compare(inside, idle)) == 2


def test_what_is_no_fitted_estimator_of_ours_is_refused(petrol, plain):
    with pytest.raises(TypeError, match="model 2 is, or ends in, a LinearRegression, not a skglm"):
        compare(plain, LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    with pytest.raises(NotFittedError, match="model 2, a BetaGLMMRegressor, is not fitted yet"):
        compare(plain, percent("EP"))
    with pytest.raises(ValueError, match="nothing to compare"):
        compare()
    for names in (["a"], ["a", "a"], "ab"):
        with pytest.raises(ValueError, match="must be a list of 2 different names"):
            compare(plain, plain, names=names)
    with pytest.raises(ValueError, match="conditional=True needs the rows of fit, but X and y"):
        compare(plain, conditional=True)
    with pytest.raises(ValueError, match="but y is missing"):
        compare(plain, conditional=True, X=petrol[0])


# The conditional criterion


@pytest.fixture(scope="module")
def normal():
    """A normal response, crossed factors, a slope: responses, design and the matrices of both."""
    rng = np.random.default_rng(0)
    n, g, h = 80, np.repeat(np.arange(8), 10), np.tile(np.arange(5), 16)
    x, one = rng.normal(size=n), np.ones(n)
    slopes = rng.normal(0, 0.5, 8)[g] * x
    y = 1 + 0.5 * x + rng.normal(0, 0.8, 8)[g] + slopes + rng.normal(0, 0.5, 5)[h]
    terms = Term("g", g, (one, x), Unstructured(2)), Term("h", h, (one,), Unstructured(1))
    rows = design([[one, x], [one]], *terms)
    in_g, in_h = np.eye(8)[g], np.eye(5)[h]
    Z = [np.hstack([in_g, in_g * x[:, None]]), in_h]
    return y + rng.normal(0, 0.6, n), rows, np.column_stack([one, x]), Z


def spread(found, Z):
    """Covariance of the effects in the order of the columns of Z."""
    sizes = [z.shape[1] // len(root) for z, root in zip(Z, found.lambdas, strict=True)]
    sigmas = [root @ root.T for root in found.lambdas]
    return block_diag(*(np.kron(s, np.eye(k)) for s, k in zip(sigmas, sizes, strict=True)))


def test_effective_df_are_the_trace_of_the_hat_matrix_of_a_normal_response(normal):
    y, rows, X, Z = normal
    n, variance = len(y), 0.4
    layout = replace(rows.layout, coefficients=(rows.layout.coefficients[0], ()))
    known = replace(
        rows,
        layout=layout,
        fixed=(rows.fixed[0], np.zeros((n, 0))),
        offsets=(None, np.full(n, -np.log(variance))),
    )
    found = fit(Gaussian(), known, y)
    V0 = np.hstack(Z) @ spread(found, Z) @ np.hstack(Z).T
    inverse = np.linalg.inv(V0 + variance * np.eye(n))
    hat = X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    hat = hat + V0 @ inverse @ (np.eye(n) - hat)
    result = conditional_aic(Study.of(Gaussian(), known, y), found)
    assert_allclose(result.effective_df, np.trace(hat), rtol=1e-9)
    density = norm.logpdf(y, hat @ y, np.sqrt(variance)).sum()
    assert_allclose(result.log_likelihood, density, rtol=1e-9)
    assert result.variance_df == 4
    assert_allclose(result.aic, -2 * density + 2 * (np.trace(hat) + 4), rtol=1e-9)


def dense_df(hess, fixed, Z, sigma):
    """Trace of inv(H) D for the fixed effects of both predictors and the effects of the mean."""
    mean, precision = fixed
    A = [
        np.hstack([mean, np.zeros((len(mean), precision.shape[1])), np.hstack(Z)]),
        np.hstack([np.zeros_like(mean), precision, np.zeros_like(np.hstack(Z))]),
    ]
    pairs = {(0, 0): hess[0], (0, 1): hess[1], (1, 0): hess[1], (1, 1): hess[2]}
    D = -sum(A[j].T @ (w[:, None] * A[k]) for (j, k), w in pairs.items())
    n_beta = mean.shape[1] + precision.shape[1]
    prior = block_diag(np.zeros((n_beta, n_beta)), np.linalg.inv(sigma))
    return np.trace(np.linalg.solve(D + prior, D))


def test_an_estimated_precision_counts_among_the_fixed_effects(normal):
    y, rows, X, Z = normal
    found = fit(Gaussian(), rows, y)
    result = conditional_aic(Study.of(Gaussian(), rows, y), found)
    b = np.concatenate([found.modes(0).ravel(), found.modes(1).ravel()])
    eta = X @ found.beta[0] + np.hstack(Z) @ b, np.full(len(y), found.beta[1][0])
    hess = Gaussian().log_density(y[None, :], eta, 2).hess
    expected = dense_df(hess, (X, np.ones((len(y), 1))), Z, spread(found, Z))
    assert_allclose(result.effective_df, expected, rtol=1e-8)
    assert result.effective_df > 15  # of 2 + 1 + 16 + 5


@pytest.mark.parametrize(
    ("formula", "scale", "reml"),
    [
        ("x", "1", False),
        ("x + (1 | idle)", "1", False),
        ("x + (x || g)", "1", True),
        ("x + (1 | g)", "x", True),
    ],
)
def test_the_df_of_a_normal_response_are_the_derivatives_of_the_fitted_values(formula, scale, reml):
    rng = np.random.default_rng(3)
    g, x = np.repeat(np.arange(6), 4), rng.normal(size=24)
    X = pd.DataFrame({"x": x, "g": g, "idle": np.tile(np.arange(4), 6)})
    y = 1 + x + rng.normal(0, 1.5, 6)[g] + rng.normal(0, 1.5, 6)[g] * x + rng.normal(0, 1, 24)
    options = {"scale": scale, "reml": reml, "tol": 1e-11, "inference": False}

    def fitted(response):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SingularFitWarning)
            return LMMRegressor(formula, **options).fit(X, response)

    model, step = fitted(y), 1e-3 * np.eye(24)
    ends = [[fitted(y + sign * e).predict(X)[i] for sign in (1, -1)] for i, e in enumerate(step)]
    table = compare(model, conditional=True, X=X, y=y).iloc[0]
    total = table["effective_df"] + table["variance_df"] - (2 if scale == "x" else 1)
    assert_allclose(total, np.sum(np.diff(ends, axis=1)) / -2e-3, rtol=1e-4)
    criterion = -2 * table["conditional_log_likelihood"]
    assert_allclose(table["caic"], criterion + 2 * table[["effective_df", "variance_df"]].sum())


def test_a_beta_response_with_weights_and_bounds_has_the_df_of_dense_algebra(petrol):
    X, y = petrol
    weight = np.resize([1.0, 2.0, 0.5], 32)
    model = percent("EP + (1 | batch)", precision="EP").fit(X, y, sample_weight=weight)
    table = compare(model, conditional=True, X=X, y=y, sample_weight=weight)
    found, unit = model.fit_, y.to_numpy() / 100
    fixed = np.column_stack([np.ones(32), X["EP"]])
    Z = [(X["batch"].to_numpy()[:, None] == found.layout.factors[0].labels).astype(float)]
    eta = fixed @ found.beta[0] + Z[0] @ found.modes(0)[0], fixed @ found.beta[1]
    family = Beta()
    density = family.log_density(family.prepare(unit), eta, 2)
    expected = dense_df(weight * density.hess, (fixed, fixed), Z, spread(found, Z))
    assert_allclose(table["effective_df"], [expected], rtol=1e-6)
    value = weight @ density.value - weight.sum() * np.log(100)
    assert_allclose(table["conditional_log_likelihood"], [value], rtol=1e-9)
    assert_allclose(table["caic"], [-2 * value + 2 * (expected + 1)], rtol=1e-8)


def test_without_random_effects_the_conditional_criterion_is_the_usual_one(petrol, plain, mixed):
    X, y = petrol
    order = np.random.default_rng(0).permutation(32)
    table = compare(plain, mixed, conditional=True, X=X.iloc[order], y=y.iloc[order])
    assert_allclose(table.loc["1 + EP", "effective_df"], 3)
    assert_allclose(table.loc["1 + EP", "caic"], plain.aic_)
    assert list(table.columns[:2]) == ["caic", "delta_caic"]
    assert table["caic"].is_monotonic_increasing
    assert_allclose(table["delta_caic"].iloc[0], 0)


def test_a_variance_of_zero_adds_no_effective_df(petrol, plain):
    X, y = petrol
    idle = X.assign(half=np.resize(["a", "b"], 32))
    with pytest.warns(SingularFitWarning):
        zero = percent("EP + (1 | half)").fit(idle, y)
    table = compare(plain, zero, conditional=True, X=idle, y=y)
    assert_allclose(table["effective_df"], [3, 3], rtol=1e-6)
    assert_allclose(table["caic"].diff().iloc[1], 2)


def test_the_conditional_criterion_refuses_other_rows(petrol, mixed):
    X, y = petrol
    with pytest.raises(ValueError, match="are not those of fit"):
        compare(mixed, conditional=True, X=X, y=y + 0.1)
