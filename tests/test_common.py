"""scikit-learn's own checks of estimators, with no failure expected.

By default every class is asked once. A class that is the only one of its kind of response goes
to `test_scikit_learn_accepts_it`; one that differs from another by its density alone to
`test_scikit_learn_accepts_its_relatives`; the same class with other parameters to
`test_scikit_learn_accepts_more_of_it`, which is slow.
"""

import numpy as np
import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    ConwayMaxwellPoissonGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    GammaGLMMRegressor,
    GeneralizedPoissonGLMMRegressor,
    InverseGaussianGLMMRegressor,
    LMMRegressor,
    LognormalGLMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
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
    pytest.mark.filterwarnings("ignore:dropped from the (mean|median|location|class):UserWarning"),
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


class WholeNegativeBinomial(NegativeBinomialGLMMRegressor):
    """Takes the same."""

    _vet = staticmethod(rounded)


class WholeGeneralizedPoisson(GeneralizedPoissonGLMMRegressor):
    """Takes the same."""

    _vet = staticmethod(rounded)


class WholeConwayMaxwellPoisson(ConwayMaxwellPoissonGLMMRegressor):
    """Takes the same."""

    _vet = staticmethod(rounded)


class WholeBetaBinomial(BetaBinomialGLMMRegressor):
    """Takes the same."""

    _vet = staticmethod(rounded)


# One base class reads the data of all estimators: what these ask, besides the checks of memory that
# cannot be written to, has the same answer for relatives.
READING = {
    "check_classifier_data_not_an_array",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_f_contiguous_array_estimator",
    "check_readonly_memmap_input",
    "check_regressor_data_not_an_array",
    "check_regressors_int",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
    "check_supervised_y_2d",
}


def checks_of(*estimators, reading=True):
    """Return a mark with all checks of some estimators; those of the reading may be slow ones."""
    mark = parametrize_with_checks(list(estimators), expected_failed_checks=checks_that_err)
    if reading:
        return mark
    names, cases = mark.args
    return pytest.mark.parametrize(names, [slow_if_reading(*case) for case in cases], **mark.kwargs)


def slow_if_reading(estimator, check):
    is_reading = check.func.__name__ in READING or "readonly_memmap" in check.keywords
    return pytest.param(estimator, check, marks=[pytest.mark.slow] * is_reading)


@checks_of(
    BetaGLMMRegressor(bounds=(-200, 200)),
    LMMRegressor(),
    LMMRegressor(groups=0),
    PoissonGLMMRegressor(whole=False),  # the checks of regressors have responses that are not whole
    BinomialGLMMClassifier(),
    BinomialGLMMClassifier(groups=0),
    MultinomialGLMMClassifier(),
    OrdinalGLMMClassifier(categories="sorted"),
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@checks_of(
    ZeroInflatedBetaGLMMRegressor(bounds=(-200, 200)),
    OneInflatedBetaGLMMRegressor(bounds=(-200, 200)),
    ZeroOneInflatedBetaGLMMRegressor(bounds=(-200, 200)),
    OrderedBetaGLMMRegressor(bounds=(-200, 200)),
    ExtendedBetaGLMMRegressor(bounds=(-200, 200), exceedance=0.1),
    GammaGLMMRegressor(groups=0),
    reading=False,
)
def test_scikit_learn_accepts_its_relatives(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(
    BetaGLMMRegressor(groups=0, bounds=(-200, 200)),
    PoissonGLMMRegressor(groups=0, whole=False),
    MultinomialGLMMClassifier(groups=0),
    LMMRegressor(groups=0, reml=False),
    BinomialGLMMClassifier(groups=0, n_quadrature=3),
    OrdinalGLMMClassifier(),
    OrdinalGLMMClassifier(groups=0, categories="sorted"),
    InverseGaussianGLMMRegressor(groups=0),
    LognormalGLMMRegressor(groups=0),
)
def test_scikit_learn_accepts_more_of_it(estimator, check):
    check(estimator)


@pytest.mark.slow
# Made-up counts vary less than Poisson ones, where generalized Poisson ones have no sum of 1.
@pytest.mark.filterwarnings("ignore:in .* rows, of small means and a dispersion below 1")
@checks_of(
    WholeBinomial(groups=0, trials=10_000),
    WholeBetaBinomial(trials=10_000),
    WholeNegativeBinomial(),
    WholeGeneralizedPoisson(),
    WholeConwayMaxwellPoisson(),
)
def test_scikit_learn_accepts_whole_numbers(estimator, check):
    check(estimator)
