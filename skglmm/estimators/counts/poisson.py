"""Poisson mixed regression of counts."""

from dataclasses import replace

from skglmm.estimators.base.counts import CountRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.validation import check_flag
from skglmm.families import Family, Poisson
from skglmm.response import CountScale

__all__ = ["PoissonGLMMRegressor"]


@mixed_model
class PoissonGLMMRegressor(CountRegressor):
    r"""Poisson mixed regression of counts, with more zeros or without.

    A count is Poisson distributed with a mean :math:`\mu`, which is its variance, too; the link
    of the mean has a linear predictor of fixed and normally distributed random effects. With a
    formula of `zero` a count is an extra zero with a probability of its own [2]_, or it is zero
    with that probability and a positive count otherwise. The likelihood is maximized in its
    Laplace approximation, or by quadrature [1]_; answers are those of glmmTMB and lme4.

    Parameters
    ----------
    $formula_and_groups
    whole : bool, default=True
        Whether responses have to be whole numbers. False takes any numbers from 0 on, as Poisson
        pseudo-likelihood does: means are right where their model is, and standard errors are those
        of ``confint(method="sandwich")``; what describes counts, such as quantiles, is not about
        them.
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
    $zero_coefficients
    $results

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.
    .. [2] Lambert, D. (1992). Zero-inflated Poisson regression, with an application to defects in
       manufacturing. Technometrics, 34(1), 1-14.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "site": np.arange(300) // 10})
    >>> X["hours"] = rng.uniform(1, 8, size=300)
    >>> mean = X["hours"] * np.exp(0.5 * X["x"] + rng.normal(0, 0.5, 30)[X["site"]])
    >>> y = rng.poisson(mean)
    >>> model = PoissonGLMMRegressor("x + (1 | site)", exposure="hours").fit(X, y)
    >>> model.coef_.round(1)
    array([0.5])
    >>> model.predict_rate(X.drop(columns="hours").head(2)).shape  # counts in one hour
    (2,)
    """

    _family = Poisson()

    whole: bool = True

    def _make_counts(self) -> Family:
        check_flag("whole", self.whole)
        if not self.whole and (self.truncated or self.zero is not None):
            msg = (
                "whole=False takes numbers that count nothing, which have neither extra zeros nor "
                "a smallest count; leave out zero= and truncated="
            )
            raise ValueError(msg)
        return super()._make_counts()

    def _make_scale(self, family: Family) -> CountScale:
        return replace(super()._make_scale(family), whole=self.whole)
