"""Parameters so far out that their link is flat."""

from dataclasses import replace

import numpy as np

from skglmm import ZeroInflatedBetaGLMMRegressor
from skglmm.inference.parameters.natural import constant


def test_a_probability_of_zero_for_all_digits_has_no_standard_error():
    rng = np.random.default_rng(2)
    y = np.where(rng.uniform(size=40) < 0.3, 0.0, rng.beta(2.0, 2.0, 40))
    fit = ZeroInflatedBetaGLMMRegressor("1").fit(np.zeros((40, 1)), y).fit_
    far = replace(fit, beta=(*fit.beta[:2], np.array([-800.0])))
    assert np.isfinite(constant(fit, 2).gradient).all()
    found = constant(far, 2)
    assert found.value == 0.0
    assert np.isnan(found.gradient).all()
