"""Replicates that do not depend on workers, and the parametric bootstrap."""

from functools import partial

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skglmm.estimators._replicates import replicate, seeds


def draw(scale, rng):
    return scale * rng.normal(size=3)


def numbers(found):
    return np.array(found)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_replicates_do_not_depend_on_workers_and_backends(backend):
    alone = replicate(partial(draw, 2.0), seeds(3, 20))
    with joblib.parallel_config(backend=backend):
        shared = replicate(partial(draw, 2.0), seeds(3, 20), n_jobs=2)
    assert_array_equal(numbers(shared), numbers(alone))


def test_the_first_replicates_do_not_depend_on_how_many_there_are():
    few, many = (replicate(partial(draw, 1.0), seeds(3, n)) for n in (4, 30))
    assert_array_equal(numbers(many)[:4], numbers(few))
    assert len(np.unique(numbers(many))) == 90


def test_seeds_take_all_that_scikit_learn_takes():
    def first(state):
        return np.random.default_rng(seeds(state, 1)[0]).integers(2**62)

    for kind in (np.random.default_rng, np.random.RandomState):
        assert first(kind(1)) == first(kind(1)) != first(kind(2))
        source = kind(1)
        assert first(source) != first(source)
    assert first(None) != first(None)
    assert first(np.int64(7)) == first(7)
    with pytest.raises(ValueError, match="cannot be used to seed"):
        seeds("seven", 2)
