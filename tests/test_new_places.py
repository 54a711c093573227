"""Responses at times and places that were not learned: against dense normal distributions."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal
from sklearn.model_selection import GroupKFold, cross_val_score

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.exceptions import DesignError
from skglmm.inference import natural
from skglmm.model_selection import log_density_scorer

N, LATER = 60, 12
RNG = np.random.default_rng(0)
WHOLE = pd.DataFrame({"x": RNG.normal(size=N + LATER), "lon": 0.0, "lat": 0.0})
WHOLE[["lon", "lat"]] = RNG.uniform(0, 9, (N + LATER, 2)).round(1)
WHOLE["g"], WHOLE["t"] = np.arange(N + LATER) % 6, np.arange(N + LATER) // 6
SEEN, NEW = WHOLE.iloc[:N], WHOLE.iloc[N:]
SAME = WHOLE["g"].to_numpy()[:, None] == WHOLE["g"].to_numpy()
GAPS = np.abs(WHOLE["t"].to_numpy()[:, None] - WHOLE["t"].to_numpy())
AWAY = cdist(WHOLE[["lon", "lat"]], WHOLE[["lon", "lat"]])
# By formula: covariances of all rows, by the natural parameters.
CASES = {
    "ar1(0 + t | g)": lambda sd, rho: SAME * sd**2 * rho**GAPS,
    "ou(0 + t | g)": lambda sd, rho: SAME * sd**2 * rho**GAPS,
    "exp(0 + lon + lat | 1)": lambda sd, reach: sd**2 * np.exp(-AWAY / reach),
    "gau(0 + lon + lat | 1)": lambda sd, reach: sd**2 * np.exp(-((AWAY / reach) ** 2)),
    "(1 | g) + ar1(0 + t | g)": lambda own, sd, rho: SAME * (own**2 + sd**2 * rho**GAPS),
}
NOISE = RNG.normal(size=N + LATER)
SERIES = np.linalg.cholesky(SAME * 0.7**GAPS + 1e-9 * np.eye(N + LATER)) @ NOISE
FIELD = np.linalg.cholesky(np.exp(-((AWAY / 3.0) ** 2)) + 1e-6 * np.eye(N + LATER)) @ NOISE
Y = {True: SERIES, False: FIELD}
COUNTS = RNG.poisson(np.exp(0.5 + SERIES))


@pytest.fixture(scope="module", params=CASES)
def case(request):
    two = request.param.startswith("(1")
    noise = (0.8 if two else 0.3) * np.random.default_rng(1 + two).normal(size=N + LATER)
    y = 1.0 + 0.5 * WHOLE["x"].to_numpy() + Y["lon" not in request.param] + noise
    y += 2.0 * two * np.sin(1.0 + WHOLE["g"].to_numpy())
    model = LMMRegressor(f"x + {request.param}", reml=False).fit(SEEN, y[:N])
    found = {each.name: each.value for each in natural(model.fit_)}
    values = [value for name, value in found.items() if "|" in name]
    center = model.predict(WHOLE, kind="fixed")
    return model, y, center, CASES[request.param](*values), found["scale"] ** 2 * np.eye(N + LATER)


def given(center, covariance, noise, y, known):
    """Mean and covariance of what all rows are about, given the responses of some."""
    gain = covariance[:, known] @ np.linalg.inv((covariance + noise)[np.ix_(known, known)])
    return center + gain @ (y - center)[known], covariance - gain @ covariance[known]


def test_the_joint_density_of_new_rows_is_that_of_the_dense_distribution(case):
    model, y, center, covariance, noise = case
    mean, spread = given(center, covariance, noise, y, np.arange(N))
    new = slice(N, None)
    known = multivariate_normal(mean[new], (spread + noise)[new, new]).logpdf(y[new])
    found = model.log_density(NEW, y[new], joint=True)
    assert_allclose(found.sum(), known, rtol=1e-6)
    alone = multivariate_normal(center[new], (covariance + noise)[new, new]).logpdf(y[new])
    assert_allclose(model.log_density(NEW, y[new], True, kind="marginal").sum(), alone, rtol=1e-6)


def test_conditioned_effects_are_those_of_the_dense_distribution(case):
    model, y, center, covariance, noise = case
    mean, spread = given(center, covariance, noise, y, np.arange(N + LATER))
    later = model.condition(NEW, y[N:])
    assert_allclose(later.predict(WHOLE), mean, rtol=1e-6, atol=1e-8)
    if len(model.fit_.u) == 1:  # each row has an effect of its own
        known = np.sort(np.sqrt(np.diag(spread)))
        assert_allclose(np.sort(later.random_effects()["std_dev"]), known, rtol=1e-5)
    steps = model.condition(NEW.iloc[:5], y[N : N + 5]).condition(NEW.iloc[5:], y[N + 5 :])
    assert_allclose(steps.predict(WHOLE), mean, rtol=1e-6, atol=1e-8)
    fresh = model.condition(WHOLE, y, forget=True)
    assert_allclose(fresh.predict(WHOLE), mean, rtol=1e-6, atol=1e-8)
    assert_array_equal(pickle.loads(pickle.dumps(later)).predict(WHOLE), later.predict(WHOLE))


def test_what_was_conditioned_on_has_rows_beyond_itself(case):
    model, y, center, covariance, noise = case
    known = np.arange(N + 5)
    mean, _ = given(center, covariance, noise, y, known)
    later = model.condition(NEW.iloc[:5], y[N : N + 5])
    assert_allclose(later.predict(WHOLE), mean, rtol=1e-6, atol=1e-8)


def test_tables_name_the_new_times():
    model = PoissonGLMMRegressor("x + ar1(0 + t | g)").fit(SEEN, COUNTS[:N])
    later = model.condition(NEW, COUNTS[N:])
    table = later.random_effects()
    assert set(table["effect"]) == {f"t[{t}]" for t in range(12)}
    assert "Random effects, autoregressive" in str(later.summary())
    assert later.variance_components().equals(model.variance_components())
    assert np.isfinite(later.predict_interval(NEW, kind="conditional")).all()


@pytest.mark.parametrize("kind", ["conditional", "posterior", "marginal"])
def test_counts_at_new_times_have_predictions_after_they_were_seen(kind):
    model = PoissonGLMMRegressor("x + ar1(0 + t | g)", predict_kind="posterior")
    later = model.fit(SEEN, COUNTS[:N]).condition(NEW, COUNTS[N:])
    assert np.isfinite(later.predict(WHOLE, kind=kind)).all()
    assert np.isfinite(later.log_density(NEW, COUNTS[N:], kind=kind)).all()


def test_blocks_of_time_are_cross_validated():
    model = PoissonGLMMRegressor("x + ar1(0 + t | g)")
    blocks = WHOLE["t"] // 4
    scores = [
        cross_val_score(
            each, WHOLE, COUNTS, groups=blocks, cv=GroupKFold(3), scoring=log_density_scorer()
        )
        for each in (model, PoissonGLMMRegressor("x"))
    ]
    assert np.isfinite(scores).all()
    assert scores[0].mean() > scores[1].mean()


@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
def test_own_variances_of_times_tell_nothing_of_others():
    model = PoissonGLMMRegressor("x + hetar1(0 + t | g)").fit(SEEN, COUNTS[:N])
    for ask in (model.condition, lambda X, y: model.log_density(X, y, joint=True)):
        with pytest.raises(DesignError, match=r"that fit did not see: .* predict at the learned"):
            ask(NEW, COUNTS[N:])
