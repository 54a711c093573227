"""Structures of times, places and latent variables against glmmTMB."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor, PoissonGLMMRegressor

HERE = Path(__file__).parent / "reference"
DATA = pd.read_csv(HERE / "simulated_structures.csv")
CASES = json.loads((HERE / "structures.json").read_text())["cases"]


def _case(known):
    marks = [pytest.mark.slow] if "mat(" in known["formula"] else []
    return pytest.param(known, id=f"{known['response']}: {known['formula']}", marks=marks)


@pytest.mark.parametrize("known", [*map(_case, CASES)])
def test_estimates_are_those_of_glmmtmb(known):
    is_count = known["family"] == "poisson"
    model = (
        PoissonGLMMRegressor(known["formula"])
        if is_count
        else LMMRegressor(known["formula"], reml=known["reml"])
    )
    fit = model.fit(DATA, DATA[known["response"]]).fit_
    assert_allclose(model.log_likelihood_, known["log_likelihood"], atol=1e-5)
    sigma = fit.lambdas[0] @ fit.lambdas[0].T
    sds = np.sqrt(np.diag(sigma))
    assert_allclose(sds[: len(known["sds"])], known["sds"], rtol=1e-3)
    if len(sigma) == len(known["sds"]):  # places are in another order
        assert_allclose(sigma[0] / sds[0] / sds, known["correlations"], atol=1e-3)
    if known["numbers"]:
        found = model.tidy("random")["estimate"]
        assert_allclose(found, known["numbers"], rtol=1e-3)
