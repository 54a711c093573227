"""Estimators that others write: what they may leave out, and what they are told."""

from inspect import signature

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Gaussian
from skglmm.response import RealScale

X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
Y = np.array([1, 0, 2, 4, 3, 8])


@mixed_model
class Shortest(MixedRegressor):
    """All that an estimator needs."""

    _family = Gaussian()

    link: str = "identity"

    def _make_scale(self, family):
        return RealScale()


@mixed_model
class WithInit(PoissonGLMMRegressor):
    """Poisson regression of two formulas."""

    def __init__(self, formula=None, *, first="x"):
        super().__init__(formula or first)
        self.first = first


class Plain(PoissonGLMMRegressor):
    """Nothing of its own."""


def test_the_shortest_one_is_a_linear_model():
    model, known = Shortest("x").fit(X, Y), LMMRegressor("x", reml=False).fit(X, Y)
    assert_allclose(model.coef_, known.coef_)
    assert "scale" not in model.get_params()


def test_one_that_does_not_say_what_y_is_cannot_be_made():
    @mixed_model
    class Silent(MixedRegressor):
        """Says nothing of y."""

        _family = Gaussian()

    with pytest.raises(TypeError, match="_make_scale"):
        Silent("x")


def test_an_init_of_its_own_is_kept():
    assert list(signature(WithInit).parameters) == ["formula", "first"]
    model = clone(WithInit(first="1")).fit(X, Y)
    assert model.formula_ == "1"


def test_a_plain_subclass_has_the_parameters_of_its_base():
    assert list(signature(Plain).parameters) == list(signature(PoissonGLMMRegressor).parameters)
    model = clone(Plain("x", zero="1"))
    assert model.zero == "1"


def test_its_own_parameters_come_before_those_of_all():
    names = list(signature(LMMRegressor).parameters)
    first = ["formula", "groups", "covariance", "relationships"]
    assert names[:8] == [*first, "reml", "scale", "link", "predict_kind"]
