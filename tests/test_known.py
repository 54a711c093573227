"""A covariance without parameters."""

import numpy as np
from numpy.testing import assert_array_equal

from skglmm.covariance import EffectNames, Known

NONE, NAMES = np.zeros(0), EffectNames("g", ("a", "b"))


def test_it_is_the_identity_and_has_nothing_to_estimate():
    known = Known(2)
    assert_array_equal(known.factor(NONE), np.eye(2))
    assert known.n_params == len(known.start(np.ones(2))) == len(known.scaled(NONE, 3.0)) == 0
    assert known.slope(NONE, np.ones((2, 2, 5))).shape == (0, 5)
    assert known.information(NONE, np.ones((5, 2, 2))).shape == (0, 0)
    assert list(known.natural(NONE, np.eye(2), NAMES)) == known.names(NAMES) == []
    assert list(known.edges(NONE)) == list(known.zeros(NONE)) == list(known.governing(0)) == []
