"""The chain rule, with more predictors than a beta has."""

import numpy as np
import pytest
from family_cases import packed, rows
from numpy.testing import assert_allclose

from skglmm.families import Jet, LogDensity, through_links


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_chain_rule_matches_differences_for_three_predictors(order):
    """With parameters p = g(eta), f = exp(c'p) has all mixed derivatives, c_i c_j c_k f."""
    c = np.array([0.3, -0.7, 0.5])
    shapes = [np.sinh, np.exp, np.tanh]
    derivatives = [
        (np.sinh, np.cosh, np.sinh, np.cosh),
        (np.exp, np.exp, np.exp, np.exp),
        (
            np.tanh,
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
        ),
    ]

    def function(eta, m):
        p = [shape(each) for shape, each in zip(shapes, eta, strict=True)]
        f = np.exp(c @ p)
        parts = [f] + [
            np.stack([np.prod(c[list(each)]) * f for each in packed(3, k)]) for k in range(1, m + 1)
        ]
        jets = [
            Jet(d[0](each), 1 - d[0](each), tuple(s(each) for s in d[1 : m + 1]))
            for d, each in zip(derivatives, eta, strict=True)
        ]
        return through_links(LogDensity(*parts), jets)

    eta = np.array([[0.2], [0.4], [-0.3]])
    found, h = rows(function(eta, order)), 1e-3
    steps, weights = h * np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0])
    for k in range(3):
        below = function(eta + np.outer(np.arange(3) == k, steps), order - 1)
        lower = {(): below.value} if order == 1 else rows(below)
        for index in (each for each in lower if len(each) == order - 1):
            value = found[tuple(sorted((*index, k)))][0]
            assert_allclose(value, weights @ lower[index] / (12 * h), rtol=1e-8, atol=1e-9)
