"""Time fits with very many crossed levels: ``python benchmarks/iterative.py ratings-1m binary``.

Data are simulated: raters and rated things with degrees that fall off as a power. The log
likelihood has the standard error that the fit states; seconds are those of the processor. With
``--direct`` the same is fitted by factorization, where that is possible.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from skglmm import BetaGLMMRegressor, BinomialGLMMClassifier, LMMRegressor

SIZES = {  # rows, raters, rated
    "ratings-200k": (200_000, 12_000, 2_500),
    "ratings-1m": (1_000_000, 6_040, 3_706),
    "ratings-20m": (20_000_000, 138_493, 26_744),
}
ESTIMATORS = {
    "normal": LMMRegressor,
    "binary": BinomialGLMMClassifier,
    "beta": BetaGLMMRegressor,
}
PRECISION = 4.0  # of beta responses


def pairs(n, n_raters, n_rated, rng):
    """Return the rater and the rated thing of each row, sorted; every level occurs."""
    raters = rng.choice(n_raters, n - n_raters, p=rng.dirichlet(np.full(n_raters, 0.7)))
    rated = rng.choice(n_rated, n - n_rated, p=rng.dirichlet(np.full(n_rated, 0.4)))
    raters = np.sort(np.concatenate([np.arange(n_raters), raters]))
    rated = rng.permutation(np.concatenate([np.arange(n_rated), rated]))
    return raters, rated


def make(size, kind, seed=20261128):
    """Return columns and responses of a workload."""
    rng = np.random.default_rng(seed)
    n, n_raters, n_rated = SIZES[size]
    g, h = pairs(n, n_raters, n_rated, rng)
    x = rng.normal(size=n)
    eta = 0.3 - 0.5 * x + 0.8 * rng.normal(size=n_raters)[g] + 0.6 * rng.normal(size=n_rated)[h]
    return pd.DataFrame({"x": x, "g": g, "h": h}), respond(kind, eta, rng)


def respond(kind, eta, rng):
    """Return responses with these linear predictors."""
    if kind == "normal":
        return eta + rng.normal(size=len(eta))
    mean = 1.0 / (1.0 + np.exp(-eta))
    if kind == "binary":
        return (rng.random(len(eta)) < mean).astype(int)
    return np.clip(rng.beta(PRECISION * mean, PRECISION * (1.0 - mean)), 1e-6, 1.0 - 1e-6)


def run(size, kind, solver):
    """Fit, and print one line."""
    X, y = make(size, kind)
    model, start = ESTIMATORS[kind]("x + (1 | g) + (1 | h)", solver=solver), time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{size} {kind} {solver}: {seconds:.1f} s, {peak:.2f} GB, "
        f"{model.fit_.n_evaluations} evaluations, log likelihood {model.log_likelihood_:.4f} "
        f"+- {model.log_likelihood_std_error_:.1g}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("kind", choices=ESTIMATORS)
    parser.add_argument("--direct", action="store_true")
    asked = parser.parse_args()
    run(asked.size, asked.kind, "direct" if asked.direct else "iterative")
