"""Fits of many crossed levels by iterations, with their usual tolerances, beside exact ones."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor, BinomialGLMMClassifier, LMMRegressor

KINDS = {"normal": LMMRegressor, "binary": BinomialGLMMClassifier, "beta": BetaGLMMRegressor}
# Rows, and levels of each factor. Exact fits take up to two minutes.
LAYOUTS = {
    "two": ("x + (1 | u) + (1 | i)", 200_000, (12_000, 2_500)),
    "three": ("x + (1 | u) + (1 | i) + (1 | w)", 150_000, (8_000, 3_000, 1_500)),
    "slopes": ("x + (x | u) + (x | i)", 80_000, (4_000, 800)),
    "chain": ("x + (1 | c/u) + (1 | i)", 80_000, (8_000, 2_000)),
}


def ratings(name, kind):
    """Rows, with degrees of levels that fall off as a power, and their responses."""
    _, n, sizes = LAYOUTS[name]
    rng = np.random.default_rng(1)
    frame, eta = {"x": rng.normal(size=n)}, np.full(n, 0.3)
    for column, size, sd in zip("uiw", sizes, (0.8, 0.5, 0.4), strict=False):
        share = rng.dirichlet(np.full(size, 1.0 if column == "u" else 0.4))
        codes = np.concatenate([np.arange(size), rng.choice(size, n - size, p=share)])
        frame[column] = rng.permutation(codes)
        eta += sd * rng.normal(size=size)[frame[column]]
        if name == "slopes":
            eta += 0.4 * rng.normal(size=size)[frame[column]] * frame["x"]
    frame["c"] = frame["u"] // 100
    eta += 0.5 * rng.normal(size=100)[frame["c"] % 100] * (name == "chain") - 0.5 * frame["x"]
    mean = 1 / (1 + np.exp(-eta))
    y = {
        "normal": lambda: eta + rng.normal(size=n),
        "binary": lambda: (rng.random(n) < mean).astype(int),
        "beta": lambda: np.clip(rng.beta(4 * mean, 4 * (1 - mean)), 1e-6, 1 - 1e-6),
    }[kind]()
    return pd.DataFrame(frame), y


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_many_ratings_are_fitted_as_by_factorization(name, kind):
    X, y = ratings(name, kind)
    found, exact = (
        KINDS[kind](LAYOUTS[name][0], solver=solver).fit(X, y) for solver in ("iterative", "direct")
    )
    error = found.log_likelihood_std_error_
    off = found.log_likelihood_ - exact.log_likelihood_
    mine, theirs = (np.concatenate([*m.fit_.beta, *m.fit_.theta]) for m in (found, exact))
    errors = np.sqrt(np.diag(exact.fit_.covariance))
    ratios = np.sqrt(np.diag(found.fit_.covariance)) / errors
    away = np.max(np.abs(mine - theirs) / errors)
    assert 0.0 < error < 0.01
    assert abs(off) < 4 * error
    assert away < 0.01
    assert_allclose(ratios, 1.0, rtol=0.01)
