"""Negative binomial mixed regression of counts."""

from dataclasses import replace
from typing import Literal, cast

from skglmm.estimators.base.dispersed_counts import DispersedCountRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.validation import check_choice
from skglmm.families import Family, NegativeBinomial

__all__ = ["NegativeBinomialGLMMRegressor"]


@mixed_model
class NegativeBinomialGLMMRegressor(DispersedCountRegressor):
    r"""Negative binomial mixed regression of counts that vary more than Poisson ones.

    A count has a mean :math:`\mu` and a dispersion :math:`\alpha > 0`, and the variance
    :math:`\mu (1 + \alpha \mu)` or, linear in the mean, :math:`\mu (1 + \alpha)`; the smaller the
    dispersion, the nearer the Poisson. R's :math:`\theta` is :math:`1 / \alpha`. The link of the
    mean has a linear predictor of fixed and normally distributed random effects, and so may
    :math:`\log\alpha`. With a formula of `zero` a count is an extra zero with a probability of its
    own, or it is zero with that probability and a positive count otherwise. The likelihood is
    maximized in its Laplace approximation, or by adaptive Gauss-Hermite quadrature; answers are
    those of glmmTMB [1]_.

    Parameters
    ----------
    $formula_and_groups
    variance : {"quadratic", "linear"}, default="quadratic"
        How the variance grows with the mean.
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
    PoissonGLMMRegressor : Of counts whose variance is their mean.

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import NegativeBinomialGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "site": np.arange(600) // 20})
    >>> mean = np.exp(1.0 + 0.5 * X["x"] + rng.normal(0, 0.5, 30)[X["site"]])
    >>> y = rng.poisson(mean * rng.gamma(2.0, 1 / 2.0, size=600))  # a dispersion of 1/2
    >>> model = NegativeBinomialGLMMRegressor("x + (1 | site)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.dispersion_coef_).round(1)
    (array([0.5]), array([0.5]))
    """

    _family = NegativeBinomial()

    variance: str = "quadratic"

    def _make_counts(self) -> Family:
        check_choice("variance", self.variance, ("quadratic", "linear"))
        counts = cast(NegativeBinomial, super()._make_counts())
        return replace(counts, growth=cast(Literal["quadratic", "linear"], self.variance))
