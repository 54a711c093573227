"""What a fit by iterations is asked afterwards: as after a factorization, or a reason."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from test_iterative import LAYOUTS, problem_of, space_of

from dataclasses import replace

from skglmm.engine import Effects
from skglmm.engine.iterative.draws import colored
from skglmm.engine.iterative.plan import ProbePlan
from skglmm.engine.iterative.space import deflated


@cache
def evaluated(layout):
    """A system by iterations at parameters where some rows curve the wrong way."""
    problem, vector = problem_of(layout)
    plan = ProbePlan(space=space_of(problem, 3))
    return problem.evaluate(vector), replace(problem, plan=plan).evaluate(vector)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_draws_have_the_inverse_as_covariance(layout):
    """Unit vectors in place of noise are the columns of a root of it."""
    _, found = evaluated(layout)
    reduced = found.mode.system.reduced
    n = reduced.n_crossed
    inverse = np.linalg.inv(reduced.times(np.eye(n)))
    for rank in (0, 3):
        operator = deflated(reduced, np.linalg.qr(np.random.default_rng(2).normal(size=(n, rank)))[0])
        root = np.column_stack([colored(operator, unit) for unit in np.eye(n)])
        assert_allclose(root @ root.T, inverse, atol=1e-7)
