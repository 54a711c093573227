"""Conditional modes and their two kinds of standard deviations."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor

REFERENCE = json.loads((Path(__file__).parent / "reference" / "mode_errors.json").read_text())
MODELS = {
    "petrol-random-intercept": ("yield", "EPc + (1 | batch)"),
    "crossed-slopes": ("y", "x + (x | subject) + (x | item)"),
}


@pytest.mark.parametrize("name", MODELS)
def test_standard_errors_of_modes_equal_glmmtmb(name, reference_data):
    response, formula = MODELS[name]
    data = reference_data(name)
    table = BetaGLMMRegressor(formula).fit(data, data[response]).random_effects()
    for group, block in REFERENCE[name].items():
        own = table[table["group"] == group].set_index("level")
        for i, expected in enumerate(np.atleast_2d(block["std_error"])):
            effect = own[own["effect"] == own["effect"].unique()[i]]
            assert_allclose(effect.loc[block["levels"], "std_error"], expected, rtol=1e-3)
            assert np.all(effect["std_dev"] < effect["std_error"])


def test_without_inference_the_standard_errors_are_missing(reference_data):
    data = reference_data("petrol-random-intercept")
    model = BetaGLMMRegressor("EPc + (1 | batch)", inference=False).fit(data, data["yield"])
    table = model.random_effects()
    assert table["std_error"].isna().all()
    assert table["std_dev"].notna().all()
