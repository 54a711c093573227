"""scikit-learn's own checks of estimators, with no failure expected."""

import numpy as np
import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    GammaGLMMRegressor,
    InverseGaussianGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.estimators.reading.validation import check_successes

# The checks fit noise, rows that are each a group of their own, and responses that are exact
# functions of X: what we warn of is true there. Bounds are wide enough for any response.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*:skglmm.SingularFitWarning"),
    pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:every row is a level:UserWarning"),
    pytest.mark.filterwarnings("ignore:in each of the . levels:UserWarning"),
    pytest.mark.filterwarnings("ignore:the (precision|scale|dispersion) stopped:UserWarning"),
    pytest.mark.filterwarnings("ignore:dropped from the (mean|location|class):UserWarning"),
    pytest.mark.filterwarnings("ignore:the data do not determine:UserWarning"),
    pytest.mark.filterwarnings("ignore:no response equals the bound:UserWarning"),
    pytest.mark.filterwarnings("ignore:the likelihood rises for ever:UserWarning"),
    pytest.mark.filterwarnings("ignore:6 of 15 rows have no most probable class:UserWarning"),
]


def checks_that_err(estimator):
    """Return checks that are wrong themselves: none of scikit-learn 1.7 and later.

    Before, the check of weights called the first of shuffled responses the first class, in one of
    the two fits of a classifier of two classes that it compares; tests/test_classifier.py has it
    right.
    """
    failed = {}
    is_old = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7)
    if is_old and isinstance(estimator, BinomialGLMMClassifier):
        name = "check_sample_weight_equivalence_on_dense_data"
        failed[name] = "numbers the classes of equal rows differently"
    if isinstance(estimator, MultinomialGLMMClassifier) and estimator.groups is not None:
        failed["check_classifiers_train"] = "takes a column that tells the classes apart as groups"
    if getattr(estimator, "categories", None) == "auto":
        failed["check_classifiers_classes"] = "has classes that are texts, without an order"
    return failed


def rounded(name, y):
    return np.round(check_successes(name, y))


class WholeBinomial(BinomialGLMMRegressor):
    """Takes the responses of the checks, which are not whole."""

    _vet = staticmethod(rounded)


class WholeBetaBinomial(BetaBinomialGLMMRegressor):
    """Takes the same."""

    _vet = staticmethod(rounded)


@parametrize_with_checks(
    [
        BetaGLMMRegressor(bounds=(-200, 200)),
        BetaGLMMRegressor(groups=0, bounds=(-200, 200)),
        ZeroInflatedBetaGLMMRegressor(bounds=(-200, 200)),
        OneInflatedBetaGLMMRegressor(bounds=(-200, 200)),
        ZeroOneInflatedBetaGLMMRegressor(bounds=(-200, 200)),
        OrderedBetaGLMMRegressor(bounds=(-200, 200)),
        ExtendedBetaGLMMRegressor(bounds=(-200, 200), exceedance=0.1),
        LMMRegressor(),
        LMMRegressor(groups=0),
        # the checks of regressors have responses that are not whole
        PoissonGLMMRegressor(whole=False),
        PoissonGLMMRegressor(groups=0, whole=False),
        GammaGLMMRegressor(groups=0),
        BinomialGLMMClassifier(),
        BinomialGLMMClassifier(groups=0),
        MultinomialGLMMClassifier(),
        OrdinalGLMMClassifier(categories="sorted"),
    ],
    expected_failed_checks=checks_that_err,
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        InverseGaussianGLMMRegressor(groups=0),
        MultinomialGLMMClassifier(groups=0),
        LMMRegressor(groups=0, reml=False),
        BinomialGLMMClassifier(groups=0, n_quadrature=3),
        OrdinalGLMMClassifier(),
        OrdinalGLMMClassifier(groups=0, categories="sorted"),
    ],
    expected_failed_checks=checks_that_err,
)
def test_scikit_learn_accepts_more_of_it(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [WholeBinomial(groups=0, trials=10_000), WholeBetaBinomial(trials=10_000)],
    expected_failed_checks=checks_that_err,
)
def test_scikit_learn_accepts_numbers_of_successes(estimator, check):
    check(estimator)
