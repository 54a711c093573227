"""Effects by index against the same effects as dense columns of zeros and ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Gaussian, Term, design

from skglmm.covariance import Autoregressive, Unstructured
from skglmm.design import OneHot
from skglmm.engine import bind
from skglmm.families import Beta
from skglmm.links import Identity, Log

N, TIMES, LARGE = 240, 5, 12
RNG = np.random.default_rng(1)
X, ONE = np.sin(np.arange(N)), np.ones(N)
MANY, FEW = RNG.integers(0, 30, N), np.arange(N) % 7
ABOVE = MANY % 110 // 3  # levels of MANY belong to one of these
WITHIN = np.arange(N) % 120
Y = RNG.beta(2.0, 3.0, N)
NORMAL = Gaussian(links=(Identity(), Log()))


def terms(size, codes, others=(), values=None, predictor=0):
    """The same model with effects by index, and with their columns."""
    index = np.asarray(np.arange(N) * 7 % 13 % size, dtype=np.intp)
    by_index = OneHot(index, size, values)
    dense = tuple(by_index.toarray().T)
    found = []
    for columns in (by_index, dense):
        term = Term("g", codes, columns, Autoregressive(size), (predictor,) * size)
        fixed = ([ONE, X], [ONE]) if predictor == 0 else ([ONE, X], [ONE, X])
        found.append(design(fixed, term, *others))
    return found


INTERCEPTS = Term("h", FEW, (ONE, X), Unstructured(2))
BOTH = Term("h", FEW, (ONE, ONE), Unstructured(2), (0, 1))
NESTED = Term("h", WITHIN, (ONE,), Unstructured(1))
MODELS = {
    "many levels": terms(TIMES, MANY),
    "large blocks": terms(LARGE, MANY),
    "one level": terms(LARGE, np.zeros(N)),
    "a numeric column": terms(TIMES, MANY, values=X),
    "crossed with slopes": terms(TIMES, MANY, (INTERCEPTS,)),
    "large and crossed": terms(LARGE, MANY, (INTERCEPTS,)),
    "one level beside others": terms(LARGE, np.zeros(N), (NESTED,)),
    "two predictors": terms(TIMES, MANY, (BOTH,)),
    "in the other predictor": terms(TIMES, MANY, (BOTH,), predictor=1),
    "nested": terms(LARGE, WITHIN, (Term("h", WITHIN, (ONE,), Unstructured(1)),)),
    "by index twice": [
        design(([ONE, X], [ONE]), *pair)
        for pair in zip(
            *(
                [
                    Term(name, codes, columns, Autoregressive(size))
                    for columns in (
                        OneHot((np.arange(N) * 5 % size).astype(np.intp), size),
                        tuple((np.arange(N) * 5 % size == c).astype(float) for c in range(size)),
                    )
                ]
                for name, codes, size in (("g", MANY, 9), ("h", FEW, 4))
            ),
            strict=True,
        )
    ],
}


@pytest.fixture(params=list(MODELS))
def models(request):
    return MODELS[request.param]


def vector_of(problem):
    rng = np.random.default_rng(3)
    return rng.uniform(0.2, 0.6, problem.shape.n_params)


@pytest.mark.parametrize("family", [NORMAL, Beta()], ids=["normal", "beta"])
@pytest.mark.parametrize("rows", [100, 10_000])
def test_likelihood_and_gradient_are_those_of_dense_columns(models, family, rows):
    known, found = (bind(each, Y, None, family, rows) for each in models[::-1])
    vector = vector_of(known)
    known, found = known.evaluate(vector), found.evaluate(vector)
    assert_allclose(found.value, known.value, rtol=1e-11)
    assert_allclose(found.gradient, known.gradient, rtol=1e-9, atol=1e-9)
