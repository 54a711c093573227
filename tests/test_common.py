"""scikit-learn's own checks of estimators, with no failure expected."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    ExtendedBetaGLMMRegressor,
    LMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    PoissonGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

# The checks fit noise, rows that are each a group of their own, and responses that are exact
# functions of X: what we warn of is true there. Bounds are wide enough for any response.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*:skglmm.SingularFitWarning"),
    pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:every row is a level:UserWarning"),
    pytest.mark.filterwarnings("ignore:the precision stopped:UserWarning"),
    pytest.mark.filterwarnings("ignore:dropped from the mean:UserWarning"),
    pytest.mark.filterwarnings("ignore:the data do not determine:UserWarning"),
    pytest.mark.filterwarnings("ignore:no response equals the bound:UserWarning"),
    pytest.mark.filterwarnings("ignore:the likelihood rises for ever:UserWarning"),
    pytest.mark.filterwarnings("ignore:6 of 15 rows have no most probable class:UserWarning"),
]


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
        LMMRegressor(groups=0, reml=False),
        # the checks of regressors have responses that are not whole
        PoissonGLMMRegressor(whole=False),
        PoissonGLMMRegressor(groups=0, whole=False),
        BinomialGLMMClassifier(),
        BinomialGLMMClassifier(groups=0),
        BinomialGLMMClassifier(groups=0, n_quadrature=3),
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
