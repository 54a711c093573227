"""Gamma mixed regression of positive numbers."""

from skglmm.estimators.base.exposure import ExposedRegressor
from skglmm.estimators.base.positive import PositiveRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Gamma

__all__ = ["GammaGLMMRegressor"]


@mixed_model
class GammaGLMMRegressor(ExposedRegressor, PositiveRegressor):
    r"""Gamma mixed regression of positive numbers: amounts, durations, claims.

    The response is Gamma distributed with a mean :math:`\mu` and the variance
    :math:`\phi \mu^2`: its standard deviation is a share of its mean, :math:`\sqrt\phi`. The link
    of the mean has a linear predictor of fixed and normally distributed random effects, the
    logarithm of the dispersion :math:`\phi` one of its own. With a formula of `zero` a response is
    0 with a probability of its own, and otherwise as above. The likelihood is maximized in its
    Laplace approximation, or by quadrature; answers are those of glmmTMB [1]_, whose families are
    called ``Gamma`` and ``ziGamma``. Units do not matter: dollars and millionths fit alike.

    Parameters
    ----------
    $formula_and_groups
    $dispersion
    $exposure
    link : {"log", "identity", "inverse", "sqrt"}, default="log"
        Link of the mean. With "inverse" larger coefficients mean smaller responses; means are
        positive as long as linear predictors are, which links other than "log" do not ensure.
    $hurdle
    $quadrature
    $reml
    $others

    Attributes
    ----------
    $coefficients
    dispersion_coef_ : ndarray, shape (n_dispersion_coef,)
        Fixed effects of the log dispersion, the intercept first.
    $zero_coefficients
    $results

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import GammaGLMMRegressor
    >>> rng = np.random.default_rng(1)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "shop": np.arange(600) // 20})
    >>> mean = np.exp(3 + 0.5 * X["x"] + rng.normal(0, 0.3, 30)[X["shop"]])
    >>> y = rng.gamma(4, mean / 4)  # a dispersion of 1 / 4
    >>> model = GammaGLMMRegressor("x + (1 | shop)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.dispersion_coef_).round(2)
    (array([0.5]), array([0.26]))
    """

    _family = Gamma()

    dispersion: str = "1"
