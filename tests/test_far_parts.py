"""Probabilities of zeros and of classes where linear predictors are far away."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm import BinomialGLMMClassifier, PoissonGLMMRegressor
from skglmm.families import Bernoulli, Hurdle, Poisson, ZeroInflated

FAR = np.array([-2e6, -1e3, -200.0, -38.0, -31.0, 31.0, 38.0, 200.0, 1e3, 2e6])
LINKS = {link.name: link for link in Bernoulli.parameters[0].links}


@pytest.mark.parametrize("name", LINKS)
def test_the_probability_of_an_event_never_falls_with_its_predictor(name):
    none, event = Bernoulli(links=(LINKS[name],)).part_probabilities((FAR,))
    assert (np.diff(event) >= 0.0).all()
    assert_allclose(none + event, 1.0)
    assert event[0] < 0.02
    assert event[-1] > 0.98
    assert not np.signbit([none, event]).any()


@pytest.mark.parametrize(("name", "eta"), [("cloglog", -4.0), ("loglog", -4.0), ("logit", -50.0)])
def test_rare_events_keep_their_digits(name, eta):
    family = Bernoulli(links=(LINKS[name],))
    _, event = family.part_probabilities((np.array([eta]),))
    log_event = family.log_density(family.prepare(np.ones(1)), (np.array([eta]),)).value
    assert_allclose(event, np.exp(log_event), rtol=1e-12)


@pytest.mark.parametrize("family", [Poisson(), ZeroInflated(Poisson()), Hurdle(Poisson())])
def test_zeros_never_become_more_likely_with_the_mean(family):
    others = [np.zeros(len(FAR))] * (len(family.links) - 1)
    zero, positive = family.part_probabilities((FAR, *others))
    assert (np.diff(zero) <= 0.0).all()
    assert_allclose(zero + positive, 1.0)


@pytest.mark.parametrize("link", LINKS)
def test_a_classifier_is_sure_far_from_its_data(link):
    x = np.linspace(-1.0, 1.0, 40)
    y = np.where(np.arange(40) % 5 == 0, x < 0, x > 0)
    model = BinomialGLMMClassifier("x", link=link).fit(pd.DataFrame({"x": x}), y)
    assert_array_equal(model.predict(pd.DataFrame({"x": [-1e4, 1e4]})), [False, True])


def test_zeros_of_groups_with_huge_means_have_standard_errors_without_a_warning():
    g = np.repeat(np.arange(8), 6)
    X = pd.DataFrame({"g": g})
    y = np.random.default_rng(0).poisson(np.exp(4.0 + 1.5 * np.linspace(-1.5, 1.5, 8)[g]))
    model = PoissonGLMMRegressor("(1 | g)").fit(X, y)
    zero, std = model.predict_proba_zero(pd.DataFrame({"g": [99, 0]}), return_std=True)
    assert np.isfinite(zero).all()
    assert 0.0 < std[0] < 0.5
