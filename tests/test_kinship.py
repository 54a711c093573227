"""Related individuals: those without rows, and those without relationships."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.exceptions import DesignError
from skglmm.inference import natural

N, SIZE = 60, 14
IDS = [f"a{i:02d}" for i in range(SIZE)]
KINSHIP = 1.3 * np.exp(-np.abs(np.arange(SIZE)[:, None] - np.arange(SIZE)) / 2.0)
RELATED = {"A": pd.DataFrame(KINSHIP, IDS, IDS)}
RNG = np.random.default_rng(0)
X = pd.DataFrame({"x": RNG.normal(size=N), "id": np.array(IDS)[RNG.integers(0, 11, N)]})
OWN = np.eye(SIZE)[[IDS.index(each) for each in X["id"]]]
EFFECTS = np.linalg.cholesky(KINSHIP) @ RNG.normal(size=SIZE)
Y = 1.0 + 0.5 * X["x"].to_numpy() + OWN @ EFFECTS + 0.5 * RNG.normal(size=N)
UNKNOWN = pd.DataFrame({"x": 0.0, "id": ["zz", "zz", "yy"]})
TERM = "known(1 | id, A)"


@pytest.fixture(scope="module")
def model():
    return LMMRegressor(f"x + {TERM}", relationships=RELATED, reml=False).fit(X, Y)


def spreads(model):
    found = {each.name: each.value for each in natural(model.fit_)}
    return next(value for name, value in found.items() if "|" in name), found["scale"]


def test_individuals_without_rows_have_the_effects_that_relatives_foretell(model):
    sd, scale = spreads(model)
    D = np.column_stack([np.ones(N), X["x"]])
    total = sd**2 * OWN @ KINSHIP @ OWN.T + scale**2 * np.eye(N)
    beta = np.linalg.solve(D.T @ np.linalg.solve(total, D), D.T @ np.linalg.solve(total, Y))
    effects = sd**2 * KINSHIP @ OWN.T @ np.linalg.solve(total, Y - D @ beta)
    given = sd**2 * KINSHIP - sd**4 * KINSHIP @ OWN.T @ np.linalg.solve(total, OWN @ KINSHIP)
    assert set(IDS[11:]).isdisjoint(X["id"])
    assert_allclose(model.predict(pd.DataFrame({"x": 0.0, "id": IDS})), beta[0] + effects)
    table = model.random_effects()
    assert list(table["level"]) == IDS
    assert_allclose(table["mode"], effects, atol=1e-10)
    assert_allclose(table["std_dev"], np.sqrt(np.diag(given)), rtol=1e-8)


def test_a_larger_matrix_changes_nothing_but_adds_individuals(model):
    few = np.isin(IDS, X["id"].unique())
    names = list(np.array(IDS)[few])
    small = (np.linalg.inv(KINSHIP[np.ix_(few, few)]), names)
    own = {"A": (csr_array(small[0]), names)}
    found = LMMRegressor(f"x + {TERM}", relationships=own, reml=False).fit(X, Y)
    assert_allclose(found.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(found.predict(X), model.predict(X), rtol=1e-6)


def test_counts_of_individuals_without_rows_are_predicted():
    counts = np.random.default_rng(1).poisson(np.exp(0.5 * Y))
    found = PoissonGLMMRegressor(f"x + {TERM}", relationships=RELATED).fit(X, counts)
    apart = pd.DataFrame({"x": 0.0, "id": IDS[-3:]})
    value, std = found.predict_linear(apart, return_std=True)
    center = float(found.intercept_)
    assert_allclose((value[1:] - center) / (value[:-1] - center), np.exp(-0.5), rtol=1e-6)
    assert np.all(np.diff(std) > 0)


def test_individuals_without_relationships_are_new_groups(model):
    sd, scale = spreads(model)
    center, std = model.predict_linear(UNKNOWN, return_std=True)
    fixed, alone = model.predict_linear(UNKNOWN, return_std=True, kind="fixed")
    assert_allclose(center, fixed)
    assert_allclose(std**2 - alone**2, sd**2, rtol=1e-8)  # of the diagonal 1
    draws = model.sample_y(UNKNOWN, 4000, random_state=0)
    assert_allclose(np.cov(draws)[0], sd**2 * np.array([1, 1, 0]) + [scale**2, 0, 0], atol=0.1)
    held = LMMRegressor(f"x + {TERM}", relationships=RELATED, new_groups="error").fit(X, Y)
    with pytest.raises(ValueError, match=r"'id'.*zz"):
        held.predict(UNKNOWN)


def test_responses_of_individuals_without_relationships_are_refused(model):
    y = np.array([1.0, 2.0, 3.0])
    for ask in (model.condition, lambda X, y: model.log_density(X, y, joint=True)):
        with pytest.raises(DesignError, match=r"3 of 3 rows have individuals .* 'zz', 'yy': noth"):
            ask(UNKNOWN, y)
    assert np.isfinite(model.log_density(UNKNOWN, y)).all()
    later = model.condition(pd.DataFrame({"x": [0.0], "id": IDS[-1:]}), [5.0])
    assert later.predict(pd.DataFrame({"x": [0.0], "id": IDS[-1:]})) > 3.0
