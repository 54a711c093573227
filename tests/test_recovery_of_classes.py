"""Estimates of yes-or-no data of small groups find the truth."""

import pytest
from recovery_study import YesOrNo, recovered


@pytest.mark.slow
def test_quadrature_recovers_the_spread_of_small_groups_of_classes():
    study = YesOrNo(t=0.0, formula="x + (1 | g)")
    sets = recovered(study, 500)
    error = sets["sd"] - study.sd
    assert abs(error.mean()) < 2.0 * error.std() / 500**0.5
    assert sets["converged"].all()
    for name in ("x held", "sd held"):
        assert 0.93 <= sets[name].mean() <= 0.97


@pytest.mark.slow
def test_laplace_is_short_of_it():
    study = YesOrNo(t=0.0, formula="x + (1 | g)")
    error = recovered(study, 200, n_quadrature=1)["sd"] - study.sd
    assert error.mean() < -4.0 * error.std() / 200**0.5
