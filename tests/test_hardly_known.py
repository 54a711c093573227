"""What is said and done where the data hardly determine a variance."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import f as fisher
from scipy.stats import t as student

from skglmm import LMMRegressor
from skglmm.exceptions import SingularFitWarning
from skglmm.inference import far_limits, scarce_df
from skglmm.inference.degrees_of_freedom.choose import reference

ESTIMATED = [0.7983690, 0.1979718]  # by lmerTest 3.1


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(58)
    g, x = np.repeat([0, 1], 8), rng.normal(size=16)
    y = rng.normal(size=2)[g] + rng.normal(size=2)[g] * x + rng.normal(size=16)
    return LMMRegressor("x + (x || g)").fit(pd.DataFrame({"x": x, "g": g}), y)


@pytest.fixture(scope="module")
def said(model):
    with pytest.warns(UserWarning, match="hardly determine") as told:
        limits = model.confint()
    return limits, [str(each.message) for each in told]


def test_degrees_of_freedom_below_one_count_as_one_everywhere(model, said):
    against, contrasts = reference(model.fit_), np.eye(2, model.fit_.shape.n_beta)
    assert_allclose(against.estimated_df(contrasts), ESTIMATED, atol=1e-5)
    table, long = model.summary().coefficients[0], model.tidy("fixed").iloc[:2]
    assert_allclose(table.df, 1.0)
    assert_allclose(long["df"].to_numpy(dtype=float), 1.0)
    reach = student.ppf(0.975, 1) * table.std_error
    for low, high in (
        said[0].loc[["Intercept", "x"], ["conf_low", "conf_high"]].to_numpy().T,
        long[["conf_low", "conf_high"]].to_numpy(dtype=float).T,
    ):
        assert_allclose(low, table.estimate - reach)
        assert_allclose(high, table.estimate + reach)


def test_tests_have_one_degree_of_freedom_at_least(model):
    test, terms = model.wald_test("x = 0"), model.anova()
    expected = fisher.sf(test.statistic, 1, 1)
    assert test.df_denominator == 1.0
    assert_allclose([test.p_value, test.to_frame()["p_value"].iloc[0]], expected)
    assert_allclose(terms.to_frame()["p_value"].iloc[-1], expected)


def test_limits_of_means_are_those_of_their_coefficients(model, said):
    at_zero = model.predict_interval(pd.DataFrame({"x": [0.0], "g": [0]}), kind="fixed")
    assert_allclose(at_zero[0], said[0].loc["Intercept", ["conf_low", "conf_high"]].astype(float))


def test_scarce_degrees_of_freedom_are_told_of_with_what_was_estimated(model, said):
    (note,) = [note for note in model.summary().notes if "degrees of freedom" in note]
    assert note.startswith(
        "degrees of freedom below 1, which count as 1 (Satterthwaite): Intercept (0.8), x (0.2). "
    )
    assert note in said[1]
    with pytest.warns(UserWarning, match="degrees of freedom below 1") as told:
        model.confint(parameters="x")
    assert "Intercept" not in str(told[0].message)
    assert not [note for note in model.summary(df="normal").notes if "below 1" in note]
    assert not list(scarce_df(reference(model.fit_, "residual")))


def test_limits_a_hundred_times_smaller_and_larger_lead_to_a_profile(model, said):
    (text,) = [text for text in said[1] if "limits of Wald" in text]
    assert text.startswith("sd(x | g): limits of Wald")
    assert "method='profile'" in text
    ratio = said[0]["conf_high"] / said[0]["estimate"]
    assert ratio["sd(x | g)"] > 100.0 > ratio["sd(Intercept | g)"]
    assert not list(far_limits(model.fit_, ["sd(Intercept | g)", "x"]))


@pytest.mark.parametrize("rho", [1, -1])
def test_a_correlation_of_one_step_at_its_end_is_named(rho):
    rng = np.random.default_rng(0)
    t, g = np.tile(range(5), 12), np.repeat(range(12), 5)
    y = rng.normal(size=12)[g] * float(rho) ** t + rng.normal(size=60)
    with pytest.warns(SingularFitWarning, match=rf"rho\(t \| g\) is {rho}, so that the effects"):
        LMMRegressor("ar1(0 + t | g)").fit(pd.DataFrame({"t": t, "g": g}), y)
