"""Generalized Poisson mixed regression of counts."""

from typing import Any, cast

import numpy as np

from skglmm import inference as infer
from skglmm.design import Design
from skglmm.estimators.base.dispersed_counts import DispersedCountRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.estimators.runtime.warnings import tell
from skglmm.families import GeneralizedPoisson
from skglmm.fitting import Fit

TELLING = 0.01  # of the log of a sum of probabilities, which is 0 otherwise

__all__ = ["GeneralizedPoissonGLMMRegressor"]


@mixed_model
class GeneralizedPoissonGLMMRegressor(DispersedCountRegressor):
    r"""Generalized Poisson mixed regression of counts that vary more than Poisson ones, or less.

    A count has a mean :math:`\mu`, a dispersion :math:`\phi` and the variance :math:`\mu \phi`
    [2]_; at a dispersion of 1 it is Poisson distributed. The link of the mean has a linear
    predictor of fixed and normally distributed random effects, and so may :math:`\log\phi`. With
    a formula of `zero` a count is an extra zero with a probability of its own, or it is zero with
    that probability and a positive count otherwise. The likelihood is maximized in its Laplace
    approximation, or by adaptive Gauss-Hermite quadrature; answers are those of glmmTMB [1]_.

    Below 1 a dispersion is at least 1/4, counts end where the formula of their probabilities does,
    and these have the sum 1 only nearly, where means are small: a warning says when
    that matters. :class:`ConwayMaxwellPoissonGLMMRegressor` has no such limits.

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
    ConwayMaxwellPoissonGLMMRegressor : Of counts that vary less than Poisson ones by any factor.
    NegativeBinomialGLMMRegressor : Of counts that vary more than Poisson ones.

    References
    ----------
    .. [1] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.
    .. [2] Consul, P. C. & Famoye, F. (1992). Generalized Poisson regression model. Communications
       in Statistics - Theory and Methods, 21(1), 89-109.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import GeneralizedPoissonGLMMRegressor
    >>> from skglmm.families import GeneralizedPoisson
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "site": np.arange(600) // 20})
    >>> log_mean = 1.0 + 0.5 * X["x"] + rng.normal(0, 0.5, 30)[X["site"]]
    >>> y = GeneralizedPoisson().sample((log_mean.to_numpy(), np.log([2.0])), rng)
    >>> model = GeneralizedPoissonGLMMRegressor("x + (1 | site)").fit(X, y)
    >>> model.coef_.round(1), np.exp(model.dispersion_coef_).round(1)
    (array([0.5]), array([1.8]))
    """

    _family = GeneralizedPoisson()

    def _maximize(self, family: Any, design: Design, *others: Any) -> Fit:
        found = super()._maximize(family, design, *others)
        counts = cast(GeneralizedPoisson, self._make_counts())
        every = range(len(found.layout.factors))
        eta = infer.linear_predictors(found, design, every)[: len(counts.links)]
        log_totals = np.log(counts.total(eta))
        far = np.abs(log_totals) > TELLING
        totals: tuple[str, ...] = ()
        if far.any():
            most = np.exp(log_totals[np.argmax(np.abs(log_totals))])
            text = (
                f"in {np.count_nonzero(far)} of {len(far)} rows, of small means and a dispersion "
                f"below 1, the probabilities of a generalized Poisson have the sum {most:.3g} "
                "in place of 1, or nearer to it: its log likelihood is not comparable with others. "
                "Fit ConwayMaxwellPoissonGLMMRegressor instead"
            )
            totals = (text,)
        self._totals = totals
        return found

    def _tell(self, model: Model) -> None:
        super()._tell(model)
        for text in getattr(self, "_totals", ()):
            tell(text)

    def _remarks(self) -> list[str]:
        return [*super()._remarks(), *getattr(self, "_totals", ())]
