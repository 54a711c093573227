"""Conway-Maxwell-Poisson mixed regression of counts."""

from skglmm.estimators.base.dispersed_counts import DispersedCountRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import ConwayMaxwellPoisson

__all__ = ["ConwayMaxwellPoissonGLMMRegressor"]


@mixed_model
class ConwayMaxwellPoissonGLMMRegressor(DispersedCountRegressor):
    r"""Conway-Maxwell-Poisson mixed regression of counts that vary less than Poisson ones, or more.

    A count has a mean :math:`\mu` and a dispersion :math:`\phi`: its probability is proportional to
    :math:`\lambda^y / (y!)^{1 / \phi}`, with the :math:`\lambda` that makes :math:`\mu` the mean
    [2]_. At a dispersion of 1 it is Poisson distributed, and the variance of large counts is about
    :math:`\mu \phi`. The link of the mean has a linear predictor of fixed and normally distributed
    random effects, and so may :math:`\log\phi`. With a formula of `zero` a count is an extra zero
    with a probability of its own, or it is zero with that probability and a positive count
    otherwise. The likelihood is maximized in its Laplace approximation, or by adaptive
    Gauss-Hermite quadrature; answers are those of glmmTMB [1]_.

    Parameters
    ----------
    $formula_and_groups
    $dispersion
    $counts
    $quadrature
    $exposure
    link : {"log", "identity", "sqrt"}, default="log"
        Link of the mean.
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $dispersion_coefficients
    $zero_coefficients
    $results

    See Also
    --------
    GeneralizedPoissonGLMMRegressor : A simpler distribution, of counts that vary a little less.
    NegativeBinomialGLMMRegressor : Of counts that vary more than Poisson ones.

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.
    .. [2] Huang, A. (2017). Mean-parametrized Conway-Maxwell-Poisson regression models for
       dispersed counts. Statistical Modelling, 17(6), 359-380.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import ConwayMaxwellPoissonGLMMRegressor
    >>> from skglmm.families import ConwayMaxwellPoisson
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "nest": np.arange(600) // 20})
    >>> log_mean = 1.0 + 0.3 * X["x"] + rng.normal(0, 0.3, 30)[X["nest"]]
    >>> y = ConwayMaxwellPoisson().sample((log_mean.to_numpy(), np.log([0.5])), rng)
    >>> model = ConwayMaxwellPoissonGLMMRegressor("x + (1 | nest)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.dispersion_coef_).round(1)
    (array([0.3]), array([0.5]))
    """

    _family = ConwayMaxwellPoisson()
