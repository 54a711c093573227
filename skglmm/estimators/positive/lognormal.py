"""Lognormal mixed regression of positive numbers."""

from skglmm.engine import Approximation, Laplace, ProfiledGaussian
from skglmm.estimators.base.positive import PositiveRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Family, Lognormal

__all__ = ["LognormalGLMMRegressor"]


@mixed_model
class LognormalGLMMRegressor(PositiveRegressor):
    r"""Lognormal mixed regression: a linear mixed model of the logarithm of positive numbers.

    The logarithm of the response is normal: its mean :math:`\nu` has a linear predictor of fixed
    and normally distributed random effects, and its standard deviation :math:`\sigma` has one for
    its own logarithm. So :math:`e^\nu` is the median of the response, exponentiated coefficients
    are ratios of medians, and of means where :math:`\sigma` is the same; `predict` is the mean,
    :math:`e^{\nu + \sigma^2 / 2}` [1]_. With a formula of `zero` a response is 0 with a
    probability of its own, and otherwise as above. The likelihood is that of the response, not of
    its logarithm, so that criteria can be compared with those of other distributions.

    Where all of `scale` and `zero` is left as it is, it is `LMMRegressor` of the logarithms, with
    the same `reml`, and solved exactly, as quickly, with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    $formula_and_groups
    scale : str, default="1"
        One-sided formula of the log standard deviation of the logarithms; it may have random
        effects, and terms with the same key, ``(1 |p| g)`` here and in `formula`, are correlated.
    link : {"log"}, default="log"
        Link of the median.
    $hurdle
    $quadrature
    $reml
    $others

    Attributes
    ----------
    $coefficients
    scale_coef_ : ndarray, shape (n_scale_coef,)
        Fixed effects of the log standard deviation of the logarithms, the intercept first.
    $zero_coefficients
    $results

    References
    ----------
    .. [1] Limpert, E., Stahel, W. A. & Abbt, M. (2001). Log-normal distributions across the
       sciences: keys and clues. BioScience, 51(5), 341-352.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LognormalGLMMRegressor
    >>> rng = np.random.default_rng(1)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "lake": np.arange(600) // 20})
    >>> median = np.exp(3 + 0.5 * X["x"] + rng.normal(0, 0.3, 30)[X["lake"]])
    >>> y = rng.lognormal(np.log(median), 0.8)
    >>> model = LognormalGLMMRegressor("x + (1 | lake)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.scale_coef_).round(1)
    (array([0.5]), array([0.8]))
    """

    _family = Lognormal()

    scale: str = "1"
    link: str = "log"

    def _approximation(self, family: Family) -> Approximation:
        found = super()._approximation(family)
        return ProfiledGaussian() if isinstance(found, Laplace) else found
