"""The estimator of any family: searches over families, and families of one's own."""

import numpy as np
import pandas as pd
import pytest
from count_families import SmallPoisson
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skglmm import (
    BetaGLMMRegressor,
    GammaGLMMRegressor,
    GLMMRegressor,
    LMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.families import (
    Bernoulli,
    Beta,
    Binomial,
    Gamma,
    Hurdle,
    Poisson,
    Truncated,
    ZeroInflated,
)
from skglmm.model_selection import log_density_scorer

FORMULA = "x + (1 | g)"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 10})
    return X, np.exp(0.5 * X["x"].to_numpy() + rng.normal(0.0, 0.5, 20)[X["g"]])


@pytest.fixture(scope="module")
def counts(rows):
    X, mean = rows
    rng = np.random.default_rng(1)
    return X, rng.poisson(mean) * (rng.random(200) < 0.6)


@pytest.mark.parametrize(
    ("family", "known"),
    [
        (None, LMMRegressor(FORMULA, reml=False)),
        (Gamma(), GammaGLMMRegressor(FORMULA)),
        (Truncated(Poisson()), PoissonGLMMRegressor(FORMULA, truncated=True)),
        (Beta(), BetaGLMMRegressor(FORMULA)),
    ],
    ids=["real", "positive", "counts", "shares"],
)
def test_it_fits_what_the_estimator_of_the_family_fits(rows, family, known):
    X, mean = rows
    noise = np.random.default_rng(1).uniform(0.5, 1.5, 200)
    y = {"counts": np.ceil(mean), "shares": np.exp(-mean * noise)}
    kind = {"PoissonGLMMRegressor": "counts", "BetaGLMMRegressor": "shares"}
    response = y.get(kind.get(type(known).__name__), mean * noise)
    model = GLMMRegressor(FORMULA, family=family).fit(X, response)
    assert_allclose(model.log_likelihood_, known.fit(X, response).log_likelihood_, rtol=1e-12)
    assert_allclose(model.predict(X), known.predict(X), rtol=1e-7)


def test_other_predictors_have_formulas_by_name(counts):
    X, y = counts
    family = Hurdle(Poisson())
    model = GLMMRegressor(FORMULA, family=family, predictors={"zero": "x"}).fit(X, y)
    known = PoissonGLMMRegressor(FORMULA, zero="x", zero_kind="hurdle").fit(X, y)
    assert model.formulas_ == known.formulas_
    assert_allclose(model.zero_coef_, known.zero_coef_, rtol=1e-10)


def test_a_search_finds_the_family(counts):
    X, y = counts
    search = GridSearchCV(
        GLMMRegressor(FORMULA),
        {"family": [Poisson(), ZeroInflated(Poisson())]},
        scoring=log_density_scorer(),
        cv=3,
    )
    assert search.fit(X, y).best_params_ == {"family": ZeroInflated(Poisson())}


def test_a_family_of_ones_own_is_taken(counts):
    X, y = counts
    model = clone(GLMMRegressor(FORMULA, family=SmallPoisson())).fit(X, y)
    known = PoissonGLMMRegressor(FORMULA).fit(X, y)
    assert_allclose(model.log_likelihood_, known.log_likelihood_, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"family": Poisson}, TypeError, "family=the class Poisson is no instance"),
        ({"family": "poisson"}, TypeError, r"write one such as family=Poisson\(\)"),
        ({"family": Bernoulli()}, ValueError, "no plain numbers; take the estimator"),
        ({"family": Binomial()}, ValueError, "no plain numbers; take the estimator"),
        ({"family": Poisson(), "link": "logit"}, ValueError, "expected one of 'log'"),
        ({"family": Poisson(), "predictors": {"zero": "x"}}, ValueError, "has none"),
        ({"predictors": {"precision": "x"}}, ValueError, "has 'scale'"),
    ],
)
def test_what_is_no_model_of_numbers_is_told(counts, parameters, error, message):
    with pytest.raises(error, match=message):
        GLMMRegressor("x", **parameters).fit(*counts)


def test_the_link_is_that_of_the_family_unless_it_is_named(counts):
    own = GLMMRegressor("x", family=Poisson().with_link(Poisson.parameters[0].links[2]))
    named = GLMMRegressor("x", family=Poisson(), link="sqrt")
    assert_allclose(own.fit(*counts).coef_, named.fit(*counts).coef_)
