"""Gradients of every structure of random effects and every kind of family, against differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design

from skglmm.covariance import (
    Autoregressive,
    CompoundSymmetry,
    Diagonal,
    Exponential,
    FactorAnalytic,
    GaussianKernel,
    HeterogeneousAutoregressive,
    HomogeneousCompoundSymmetry,
    HomogeneousDiagonal,
    HomogeneousToeplitz,
    Matern,
    OrnsteinUhlenbeck,
    Relationship,
    Toeplitz,
    Unstructured,
)
from skglmm.design import OneHot
from skglmm.engine import ProfiledGaussian, bind
from skglmm.families import Bernoulli, Beta, Cumulative, Gamma, Gaussian, NegativeBinomial, Poisson

TIMES, LEVELS, REPEATS = 4, 6, 3
N = TIMES * LEVELS * REPEATS
CODES = np.repeat(np.arange(LEVELS), TIMES * REPEATS)
TIME = np.tile(np.repeat(np.arange(TIMES), REPEATS), LEVELS)
ONE, X = np.ones(N), np.sin(np.arange(N))
RNG = np.random.default_rng(0)
ETA = 0.4 * X + RNG.normal(0.0, 0.5, (LEVELS, TIMES))[CODES, TIME]
PLACES = [[0.0, 0.0], [1.0, 0.3], [0.4, 2.0], [2.5, 1.0]]
GAPS = np.abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES)))

STRUCTURES = {
    "homdiag": HomogeneousDiagonal(TIMES),
    "diag": Diagonal(TIMES),
    "us": Unstructured(TIMES),
    "cs": CompoundSymmetry(TIMES),
    "homcs": HomogeneousCompoundSymmetry(TIMES),
    "ar1": Autoregressive(TIMES),
    "hetar1": HeterogeneousAutoregressive(TIMES, (0, 1, 4, 6)),
    "ou": OrnsteinUhlenbeck([0.0, 0.3, 1.0, 2.5]),
    "toep": Toeplitz(TIMES),
    "homtoep": HomogeneousToeplitz(TIMES),
    "exp": Exponential(PLACES),
    "gau": GaussianKernel(PLACES),
    "mat": Matern(PLACES),
    "rr": FactorAnalytic(TIMES, 2),
    "known": Relationship(0.5**GAPS),
}
FAMILIES = {
    "gaussian": (Gaussian(), ETA + RNG.normal(size=N)),  # whose rows are walked through
    "profiled": (Gaussian(), ETA + RNG.normal(size=N)),  # whose cross-products are
    "bernoulli": (Bernoulli(), RNG.binomial(1, 1.0 / (1.0 + np.exp(-ETA))).astype(float)),
    "poisson": (Poisson(), RNG.poisson(np.exp(0.5 + ETA)).astype(float)),
    "negative binomial": (NegativeBinomial(), RNG.poisson(RNG.gamma(2.0, np.exp(ETA))) * 1.0),
    "gamma": (Gamma(), RNG.gamma(3.0, np.exp(ETA) / 3.0)),
    "beta": (Beta(), RNG.beta(4.0, 4.0 * np.exp(-ETA))),
    "ordinal": (Cumulative(), np.digitize(ETA + RNG.logistic(size=N), [-1.0, 1.0]).astype(float)),
}
FEW = [
    ("cs", "bernoulli"),
    ("hetar1", "gaussian"),
    ("ou", "poisson"),
    ("homtoep", "negative binomial"),
    ("mat", "gamma"),
    ("rr", "ordinal"),
    ("exp", "beta"),
]
H = 2e-3  # of a parameter: errors of the sixth order and of rounding are both 1e-10 or so


def slopes(problem, vector):
    """Differences of the sixth order: those of three steps, extrapolated after Richardson."""
    weights = {1: 0.75, 2: -0.15, 3: 1.0 / 60.0}
    found = []
    for step in H * np.eye(len(vector)):
        ends = {
            k: problem.evaluate(vector + k * step, tol=1e-13).value
            - problem.evaluate(vector - k * step, tol=1e-13).value
            for k in weights
        }
        found.append(sum(weight * ends[k] for k, weight in weights.items()) / H)
    return np.array(found)


def fixed_of(family):
    """Fixed columns of each linear predictor: an intercept, but where cut points take its place."""
    has_cuts = isinstance(family, Cumulative)
    return [
        [X] if has_cuts and k == family.location else [ONE] for k in range(len(family.parameters))
    ]


def problem_of(structure, kind, by_index):
    family, y = FAMILIES[kind]
    z = OneHot(TIME, TIMES) if by_index else tuple((t == TIME) * 1.0 for t in range(TIMES))
    feeds = (family.location,) * TIMES
    terms = [Term("g", CODES, z, STRUCTURES[structure], feeds)]
    terms.append(Term("h", np.arange(N) % 5, (ONE,), Unstructured(1), (family.location,)))
    model = design(fixed_of(family), *terms)
    problem = bind(model, y, None, family)
    if kind == "profiled":
        problem = problem.approximated(ProfiledGaussian(), model.layout)
    return problem


def check(structure, kind, by_index):
    problem = problem_of(structure, kind, by_index)
    n_beta, n_params = problem.shape.n_beta, problem.shape.n_params
    rng = np.random.default_rng(1)
    start = FAMILIES[kind][0].start(FAMILIES[kind][1])
    vector = np.append(start[:n_beta], rng.uniform(0.3, 0.9, n_params - n_beta))
    found = problem.evaluate(vector, tol=1e-13).gradient
    assert_allclose(found, slopes(problem, vector), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("structure", "kind"), FEW)
def test_a_gradient_is_that_of_differences(structure, kind):
    check(structure, kind, by_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("by_index", [True, False], ids=["by index", "dense"])
def test_every_gradient_is_that_of_differences(structure, kind, by_index):
    check(structure, kind, by_index)
