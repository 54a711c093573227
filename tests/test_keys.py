"""Random effects in several predictors, apart and correlated: ``(1 |p| g)``."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logsumexp
from scipy.stats import beta as beta_distribution
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold

from skglmm import BetaGLMMRegressor, FormulaError, ZeroInflatedBetaGLMMRegressor
from skglmm.formula import Bar, parse
from skglmm.inspection import RandomEffectsDisplay
from skglmm.model_selection import compare, likelihood_ratio_test

ROOT = np.array([[0.7, 0.0], [0.4, 0.5]])  # of the covariance of the effects that are simulated


def simulate(rng, n_groups=60, n_rows=15):
    g = np.repeat(np.arange(n_groups), n_rows)
    b = rng.normal(size=(n_groups, 2)) @ ROOT.T
    X = pd.DataFrame({"x": rng.normal(size=len(g)), "g": [f"g{i:03d}" for i in g]})
    mu, phi = expit(0.2 + 0.5 * X["x"] + b[g, 0]), np.exp(2.0 + b[g, 1])
    return X, rng.beta(mu * phi, (1.0 - mu) * phi).clip(1e-9, 1.0 - 1e-9)


@pytest.fixture(scope="module")
def data():
    return simulate(np.random.default_rng(1))


@pytest.fixture(scope="module")
def joint(data):
    return BetaGLMMRegressor("x + (1 |p| g)", precision="1 + (1 |p| g)").fit(*data)


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x + (1 |p| g)", "1 + x + (1 |p| g)"),
        ("(1|p|g)", "1 + (1 |p| g)"),
        ("((x |p| g))", "1 + (1 + x |p| g)"),
        ("(1 |p| a/b)", "1 + (1 |p| a) + (1 |p| a:b)"),
        ("x + (1 |p| g) + (0 + x |p| g)", "1 + x + (1 + x |p| g)"),
        ("(0 + x |p| g) + (0 + z |p| g)", "1 + (0 + x + z |p| g)"),
        ("(1 |p| g) + (0 + x |q| g)", "1 + (0 + x |q| g) + (1 |p| g)"),
    ],
)
def test_keys_are_read(text, canonical):
    assert sorted(str(parse(text)).split(" + (")) == sorted(canonical.split(" + ("))


@pytest.mark.parametrize(
    "text", ["(x |p|| g)", "(x ||p| g)", "(1 |1| g)", "(1 | p | g)", "(1 |p q| g)", "(1 |p| g | h)"]
)
def test_what_is_no_key_is_refused_with_its_place(text):
    with pytest.raises(
        FormulaError, match=r"a key without blanks between two, \(x \|p\| g\)"
    ) as no:
        parse(text)
    assert "^" in str(no.value)


def test_keys_that_join_nothing_are_left_out(data):
    alone = BetaGLMMRegressor("x + (1 |p| g)").fit(*data)
    assert alone.formula_ == "1 + x + (1 | g)"
    assert alone.log_likelihood_ == BetaGLMMRegressor("x + (1 | g)").fit(*data).log_likelihood_
    other = BetaGLMMRegressor("x + (1 |p| g)", precision="1 + (1 |q| g)").fit(*data)
    assert other.formula_ == "1 + x + (1 | g)"
    assert other.random_terms_ == (
        Bar("1", ("g",), predictor="mean"),
        Bar("1", ("g",), predictor="precision"),
    )


@pytest.mark.filterwarnings("ignore:the fit is singular")
def test_terms_with_one_key_in_one_formula_are_one_term(data):
    one = BetaGLMMRegressor("x + (1 |p| g) + (0 + x |p| g)").fit(*data)
    other = BetaGLMMRegressor("x + (x | g)").fit(*data)
    assert one.formula_ == other.formula_
    assert one.log_likelihood_ == other.log_likelihood_


def test_keys_join_terms_of_one_factor_only(data):
    X, y = data
    X = X.assign(h=np.arange(len(X)) % 7)
    model = BetaGLMMRegressor("x + (1 |p| g)", precision="1 + (1 |p| h)").fit(X, y)
    apart = BetaGLMMRegressor("x + (1 | g)", precision="1 + (1 | h)").fit(X, y)
    assert model.log_likelihood_ == apart.log_likelihood_


def test_an_effect_may_be_given_once_for_each_predictor(data):
    with pytest.raises(FormulaError, match="both have an intercept"):
        BetaGLMMRegressor("x", precision="1 + (1 | g) + (1 |p| g)").fit(*data)


def test_a_term_without_a_factor_warns_in_every_predictor(data):
    with pytest.warns(UserWarning, match=r"\(1 \+ x \| 1\) has no grouping factor"):
        BetaGLMMRegressor("x", precision="1 + (x | 1)").fit(*data)


# --- fits -----------------------------------------------------------------------------------------


def test_the_correlation_between_predictors_is_recovered(joint):
    assert joint.confint().index[-3:].tolist() == [
        "sd(Intercept | g)",
        "sd(precision(Intercept) | g)",
        "corr(Intercept, precision(Intercept) | g)",
    ]
    found, sigma = joint.confint().tail(3), ROOT @ ROOT.T
    sds = np.sqrt(np.diag(sigma))
    true = [*sds, sigma[0, 1] / sds.prod()]
    assert np.all((found["conf_low"] < true) & (true < found["conf_high"]))


def test_blocks_without_a_key_are_independent(data, joint):
    apart = BetaGLMMRegressor("x + (1 | g)", precision="1 + (1 | g)").fit(*data)
    assert apart.n_params_ == joint.n_params_ - 1
    covariance = apart.fit_.lambdas[0] @ apart.fit_.lambdas[0].T
    assert covariance[0, 1] == 0.0
    assert likelihood_ratio_test(apart, joint).df == 1
    with pytest.raises(ValueError, match="wrong order"):
        likelihood_ratio_test(joint, apart)
    table = compare(apart, joint, names=["apart", "joint"])
    assert table.loc["joint", "lr_against"] == "apart"
    assert table.index[0] == "joint"


def test_groups_may_stand_beside_bars_of_the_precision(data, joint):
    model = BetaGLMMRegressor("x", groups="g", precision="1 + (1 | g)").fit(*data)
    apart = BetaGLMMRegressor("x + (1 | g)", precision="1 + (1 | g)").fit(*data)
    assert model.log_likelihood_ == apart.log_likelihood_


def test_the_likelihood_is_an_integral_over_both_effects(data):
    """Gauss-Hermite over the two effects of each group; Laplace's error shrinks with its rows."""
    X, y = simulate(np.random.default_rng(3), n_groups=25, n_rows=40)
    model = BetaGLMMRegressor("x + (1 |p| g)", precision="1 + (1 |p| g)").fit(X, y)
    t = np.linspace(-5.0, 5.0, 81)
    u = np.stack(np.meshgrid(t, t, indexing="ij")).reshape(2, -1)
    log_weight = -0.5 * np.sum(u**2, axis=0)
    log_weight -= logsumexp(log_weight)
    b, total = model.fit_.lambdas[0] @ u, 0.0
    for _, rows in X.reset_index(drop=True).groupby("g"):
        fixed = model.intercept_ + model.coef_[0] * rows["x"].to_numpy()
        mu, phi = expit(fixed[:, None] + b[0]), np.exp(model.precision_coef_[0] + b[1])
        density = beta_distribution.logpdf(y[rows.index, None], mu * phi, (1.0 - mu) * phi)
        total += logsumexp(density.sum(axis=0) + log_weight)
    assert_allclose(model.log_likelihood_, total, atol=25 * 0.02)


# --- answers --------------------------------------------------------------------------------------


def test_tables_tell_the_predictors_apart(data, joint):
    effects = ["Intercept", "precision(Intercept)"]
    assert joint.variance_components()["effect"].tolist() == effects
    assert joint.random_effects()["effect"].unique().tolist() == effects
    terms = joint.group_coefficients()["term"].unique().tolist()
    assert terms == ["Intercept", "x", "precision(Intercept)"]
    rows = joint.group_coefficients().query("level == 'g000'").set_index("term")["estimate"]
    modes = joint.random_effects().query("level == 'g000'").set_index("effect")["mode"]
    assert_allclose(rows["Intercept"], joint.intercept_ + modes["Intercept"])
    assert_allclose(
        rows["precision(Intercept)"], joint.precision_coef_[0] + modes["precision(Intercept)"]
    )
    text = str(joint.summary())
    assert "Formula: 1 + x + (1 |p| g); precision: 1 + (1 |p| g)" in text
    assert joint.formulas_ == {"mean": "1 + x + (1 |p| g)", "precision": "1 + (1 |p| g)"}
    assert "precision(Intercept)" in text
    tidy = joint.tidy(effects=("random",))
    assert tidy["component"].tolist() == ["mean", "precision", "mean"]


def test_a_group_has_a_precision_of_its_own(data, joint):
    X, _ = data
    value, std = joint.predict_linear(X.head(1), "precision", return_std=True)
    row = joint.group_coefficients().query("level == 'g000' and term == 'precision(Intercept)'")
    assert_allclose(value, row["estimate"])
    assert_allclose(std, row["std_error"], rtol=1e-6)
    new = X.head(1).assign(g="new")
    unseen, wide = joint.predict_linear(new, "precision", return_std=True)
    assert_allclose(unseen, joint.precision_coef_)
    assert wide > std


@pytest.mark.parametrize("method", ["wald", "profile", "sandwich", "bootstrap"])
def test_intervals_of_all_kinds_have_all_parameters(data, joint, method):
    options = {"n_replicates": 20, "random_state": 0} if method == "bootstrap" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few replicates
        found = joint.confint(*data, method=method, **options)
    assert len(found) == joint.n_params_
    assert np.all(found["conf_low"] < found["conf_high"])


def test_everything_else_works(data, joint):
    X, y = data
    assert not joint.diagnose(X, y).warnings
    assert joint.log_density(X, y, joint=True).shape == y.shape
    new = X.head(15).assign(g="new")
    known = joint.condition(new, y[:15])
    assert_allclose(known.predict(new), joint.predict(X.head(15)), atol=0.02)
    assert len(joint.bootstrap(X, y, 3, random_state=0).to_frame()) == joint.n_params_
    display = RandomEffectsDisplay.from_estimator(joint)
    labels = [axis.get_xlabel() for axis in display.axes_]
    assert labels == ["effect on the log odds", "effect on the predictor of the precision"]
    again = pickle.loads(pickle.dumps(joint))
    assert_allclose(again.predict(X.head(3)), joint.predict(X.head(3)))
    assert np.isnan(clone(joint).set_params(new_groups="nan").fit(X, y).predict(new)).all()


def test_structures_of_the_precision_are_searched(data):
    X, y = data
    grid = {"precision": ["1", "1 + (1 | g)", "1 + x"]}
    search = GridSearchCV(BetaGLMMRegressor("x + (1 | g)"), grid, cv=GroupKFold(3))
    search.fit(X, y, groups=X["g"])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_effects_of_the_mean_and_of_the_zeros_are_correlated():
    rng = np.random.default_rng(5)
    X, y = simulate(rng)
    g = X["g"].factorize()[0]
    b = rng.normal(size=60)
    y[rng.random(len(y)) < expit(-1.0 + b[g])] = 0.0
    model = ZeroInflatedBetaGLMMRegressor("x + (1 |z| g)", zero="x + (1 |z| g)").fit(X, y)
    assert model.variance_components()["effect"].tolist() == ["Intercept", "zero(Intercept)"]
    assert model.zero_coef_.shape == (2,)
    low, high = model.confint().loc[
        "corr(Intercept, zero(Intercept) | g)", ["conf_low", "conf_high"]
    ]
    assert low < 0.0 < high
    frame = model.predict_frame(X.head(3))
    assert np.all(frame["obs_ci_lower"] == 0.0)
    assert frame.notna().all(axis=None)
