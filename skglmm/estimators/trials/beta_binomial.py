"""Beta-binomial mixed regression of successes in trials."""

from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.base.trials import TrialsRegressor
from skglmm.families import BetaBinomial

__all__ = ["BetaBinomialGLMMRegressor"]


@mixed_model
class BetaBinomialGLMMRegressor(TrialsRegressor):
    r"""Beta-binomial mixed regression: successes in trials, overdispersed.

    The n trials of a row succeed with a probability that is beta distributed about the mean
    :math:`\mu`, so that rows differ by more than the chance of single trials. With the precision
    :math:`\phi` the variance is :math:`n \mu (1 - \mu) (1 + (n - 1) / (1 + \phi))`; the larger
    the precision, the nearer the binomial. The link of :math:`\mu` has a linear predictor of fixed
    and normally distributed random effects, and so may the log precision. With a formula of `zero`
    a row is an extra zero with a probability of its own. The likelihood is maximized in its Laplace
    approximation, or by adaptive Gauss-Hermite quadrature; answers are those of glmmTMB [1]_.

    Parameters
    ----------
    $formula_and_groups
    $precision
    $trials
    $quadrature
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
        Link of the mean probability of a success.
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $precision_coefficients
    $zero_coefficients
    $results

    See Also
    --------
    BinomialGLMMRegressor : Of rows that differ by the chance of single trials alone.

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BetaBinomialGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "herd": np.arange(300) // 10})
    >>> X["n"] = rng.integers(5, 30, size=300)
    >>> mean = 1 / (1 + np.exp(1.0 - 0.7 * X["x"] - rng.normal(0, 0.8, 30)[X["herd"]]))
    >>> y = rng.binomial(X["n"], rng.beta(6 * mean, 6 * (1 - mean)))
    >>> model = BetaBinomialGLMMRegressor("x + (1 | herd)", trials="n").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.precision_coef_).round()
    (array([0.7]), array([6.]))
    """

    _family = BetaBinomial()

    precision: str = "1"
