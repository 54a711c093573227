"""Fits that statsmodels has, too, are its own: what docs/coming_from_statsmodels.md says."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)

sm = pytest.importorskip("statsmodels.api")
smf = pytest.importorskip("statsmodels.formula.api")
betareg = pytest.importorskip("statsmodels.othermod.betareg")
ordinal_model = pytest.importorskip("statsmodels.miscmodels.ordinal_model")

PAGE = Path(__file__).parents[1] / "docs" / "coming_from_statsmodels.md"


@pytest.fixture(scope="module")
def rows():
    """The rows of the page, with the responses in the same frame."""
    names = {}
    text = PAGE.read_text(encoding="utf-8")
    exec(text.split("```python\n")[1].split("\nmodel = ")[0], names)
    responses = ("y", "counts", "yes", "hits", "rating", "share", "cost")
    frame = names["X"].assign(**{name: names[name] for name in responses})
    zeros = np.random.default_rng(0).random(200) < 0.3
    return frame.assign(misses=frame["n"] - frame["hits"], some=frame["counts"].mask(zeros, 0))


def mixed(rows, **options):
    reml = options.pop("reml", 1e-4)
    return smf.mixedlm("y ~ x", rows, groups="g", **options).fit(reml=reml)


def generalized(formula, rows, family, **options):
    families = {
        "binomial": sm.families.Binomial(),
        "poisson": sm.families.Poisson(),
        "gamma": sm.families.Gamma(sm.families.links.Log()),
    }
    return smf.glm(formula, rows, family=families[family], **options).fit(tol=1e-12)


def beta(rows):
    return betareg.BetaModel.from_formula("share ~ x", rows).fit(disp=0)


def ordered(rows):
    model = ordinal_model.OrderedModel.from_formula("rating ~ 0 + x", rows, distr="logit")
    return model.fit(method="bfgs", disp=0, gtol=1e-8)


def inflated(rows):
    return sm.ZeroInflatedPoisson.from_formula("some ~ x", rows).fit(disp=0, maxiter=200)


# Ours, its response, theirs, and how close standard errors are, if they are of the same matrix.
PAIRS = {
    "intercepts": (LMMRegressor("x + (1 | g)"), "y", mixed, 1e-2),
    "ML": (LMMRegressor("x + (1 | g)", reml=False), "y", lambda d: mixed(d, reml=False), None),
    "slopes": (
        LMMRegressor("x + (x | g)"),
        "y",
        lambda d: mixed(d, re_formula="~x"),
        1e-2,
    ),
    "nested": (
        LMMRegressor("x + (1 | g/k)"),
        "y",
        lambda d: mixed(d, re_formula="1", vc_formula={"k": "0 + C(k)"}),
        1e-2,
    ),
    "ols": (LMMRegressor("x", reml=False), "y", lambda d: smf.ols("y ~ x", d).fit(), None),
    "wls": (
        LMMRegressor("x", scale="offset(-0.5 * log(w))", reml=False),
        "y",
        lambda d: smf.wls("y ~ x", d, weights=d["w"]).fit(),
        None,
    ),
    "logit": (
        BinomialGLMMClassifier("x"),
        "yes",
        lambda d: smf.logit("yes ~ x", d).fit(disp=0),
        1e-4,
    ),
    "probit": (
        BinomialGLMMClassifier("x", link="probit"),
        "yes",
        lambda d: smf.probit("yes ~ x", d).fit(disp=0),
        1e-4,
    ),
    "successes": (
        BinomialGLMMRegressor("x", trials="n"),
        "hits",
        lambda d: generalized("hits + misses ~ x", d, "binomial"),
        1e-4,
    ),
    "Poisson": (
        PoissonGLMMRegressor("x", exposure="w"),
        "counts",
        lambda d: generalized("counts ~ x", d, "poisson", exposure=d["w"]),
        1e-4,
    ),
    "nb2": (
        NegativeBinomialGLMMRegressor("x"),
        "counts",
        lambda d: smf.negativebinomial("counts ~ x", d).fit(disp=0),
        1e-4,
    ),
    "nb1": (
        NegativeBinomialGLMMRegressor("x", variance="linear"),
        "counts",
        lambda d: smf.negativebinomial("counts ~ x", d, loglike_method="nb1").fit(disp=0),
        1e-4,
    ),
    "beta": (BetaGLMMRegressor("x"), "share", beta, 1e-4),
    "ordered": (OrdinalGLMMClassifier("x"), "rating", ordered, 1e-4),
    "multinomial": (
        MultinomialGLMMClassifier("x"),
        "rating",
        lambda d: smf.mnlogit("rating ~ x", d).fit(disp=0),
        1e-4,
    ),
}


def fitted(name, rows):
    ours, response, theirs, close = PAIRS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels says much
        return ours.fit(rows, rows[response]), theirs(rows), close


def slopes_of(model):
    """The coefficients of x."""
    return np.ravel(model.coef_)


def theirs_of(values, ours):
    """The coefficients of x among all of theirs; of several classes a column for each."""
    if isinstance(values, pd.DataFrame):
        return values.loc["x"].to_numpy()
    found = values.filter(regex="^x$")
    assert len(found) == ours.size
    return found.to_numpy()


@pytest.mark.parametrize("name", PAIRS)
def test_log_likelihoods_and_coefficients_are_those_of_statsmodels(name, rows):
    ours, theirs, close = fitted(name, rows)
    assert_allclose(ours.log_likelihood_, theirs.llf, atol=1e-5)
    slopes = slopes_of(ours)
    errors = ours.tidy("fixed").query("term.str.endswith('x') or term == 'x'")["std_error"]
    errors = errors.to_numpy()[: len(slopes)]
    assert np.all(np.abs(slopes - theirs_of(theirs.params, slopes)) < 1e-3 * errors)
    if close is not None:
        assert_allclose(errors, theirs_of(theirs.bse, slopes), rtol=close)


def test_a_gamma_has_the_coefficients_of_glm_and_a_dispersion_of_its_own(rows):
    theirs = generalized("cost ~ x", rows, "gamma")
    ours = GammaGLMMRegressor("x").fit(rows, rows["cost"])
    assert_allclose([ours.intercept_, *ours.coef_], theirs.params, atol=1e-5)
    assert abs(np.exp(ours.dispersion_coef_[0]) - theirs.scale) > 0.01


def test_extra_zeros_are_those_of_statsmodels(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = inflated(rows)
    ours = PoissonGLMMRegressor("x", zero="1").fit(rows, rows["some"])
    assert_allclose(ours.log_likelihood_, theirs.llf, atol=1e-5)
    assert_allclose([*ours.zero_coef_, ours.intercept_, *ours.coef_], theirs.params, atol=1e-3)


def test_residual_tests_are_those_of_ols(rows):
    theirs = smf.ols("y ~ x", rows).fit()
    ours = LMMRegressor("x").fit(rows, rows["y"]).tidy("fixed", df="residual")
    assert_allclose(ours["std_error"].head(2), theirs.bse, rtol=1e-6)
    assert_allclose(ours["p_value"].head(2), theirs.pvalues, rtol=1e-5)
