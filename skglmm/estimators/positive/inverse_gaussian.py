"""Inverse Gaussian mixed regression of positive numbers."""

from skglmm.estimators.base.positive import PositiveRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import InverseGaussian

__all__ = ["InverseGaussianGLMMRegressor"]


@mixed_model
class InverseGaussianGLMMRegressor(PositiveRegressor):
    r"""Inverse Gaussian mixed regression of positive numbers with a long upper tail.

    The response is inverse Gaussian with a mean :math:`\mu` and the variance :math:`\phi \mu^3`:
    times until a sum of small steps comes to a point, such as reaction times [1]_. The link of the
    mean has a linear predictor of fixed and normally distributed random effects, the logarithm of
    the dispersion :math:`\phi` one of its own. With a formula of `zero` a response is 0 with a
    probability of its own, and otherwise as above. The likelihood is maximized in its Laplace
    approximation, or by quadrature. Units do not matter: seconds and milliseconds fit alike,
    though :math:`\phi` is one over the unit of the response.

    Parameters
    ----------
    $formula_and_groups
    $dispersion
    link : {"log", "identity", "inverse", "inverse-squared"}, default="log"
        Link of the mean. With "inverse" and "inverse-squared" larger coefficients mean smaller
        responses; means are positive as long as linear predictors are, which links other than
        "log" do not ensure.
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
    .. [1] Lo, S. & Andrews, S. (2015). To transform or not to transform: using generalized linear
       mixed models to analyse reaction time data. Frontiers in Psychology, 6, 1171.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import InverseGaussianGLMMRegressor
    >>> rng = np.random.default_rng(1)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "person": np.arange(600) // 20})
    >>> mean = np.exp(0.3 * X["x"] + rng.normal(0, 0.3, 30)[X["person"]])
    >>> y = rng.wald(mean, 4)  # a dispersion of 1 / 4
    >>> model = InverseGaussianGLMMRegressor("x + (1 | person)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.dispersion_coef_).round(2)
    (array([0.3]), array([0.26]))
    """

    _family = InverseGaussian()

    dispersion: str = "1"
    link: str = "log"
