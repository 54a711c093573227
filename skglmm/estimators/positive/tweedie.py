"""Tweedie mixed regression of amounts that may be zero."""

from numbers import Real
from typing import Any

from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.exposure import ExposedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.zeros import Zeros
from skglmm.estimators.reading.model import Model
from skglmm.families import Family, FixedTweedie, Tweedie
from skglmm.response import PositiveScale

__all__ = ["TweedieGLMMRegressor"]


@mixed_model
class TweedieGLMMRegressor(Zeros, ExposedRegressor):
    r"""Tweedie mixed regression: amounts that are sums of parts, and zero where there are none.

    Rainfall of a day, the catch of a haul, claims of a policy in a year: the response is the sum of
    a Poisson number of gamma variables. Its mean is :math:`\mu`, its variance
    :math:`\phi \mu^p` with a power p between 1 and 2, and it is 0 with the probability
    :math:`\exp(-\mu^{2 - p} / (\phi (2 - p)))`. The logarithm of the mean has a linear predictor of
    fixed and normally distributed random effects, that of the dispersion :math:`\phi` one of its
    own, and the power is estimated, or known. The density is Dunn & Smyth's series [1]_. The
    likelihood is maximized in its Laplace approximation, or by quadrature; answers are those of
    glmmTMB. In other units of the response the dispersion is that times their ratio to the power
    of 2 - p.

    Parameters
    ----------
    $formula_and_groups
    $dispersion
    power : float, default=None
        The power of the mean in the variance, between 1 and 2; None estimates it, between 1.01,
        next to a multiple of a Poisson count, and 1.99, next to a gamma variable.
    $quadrature
    link : {"log"}, default="log"
        Link of the mean.
    $exposure
    $reml
    $others

    Attributes
    ----------
    $coefficients
    dispersion_coef_ : ndarray, shape (n_dispersion_coef,)
        Fixed effects of the log dispersion, the intercept first.
    power_ : float
        The power.
    $results

    References
    ----------
    .. [1] Dunn, P. K. & Smyth, G. K. (2005). Series evaluation of Tweedie exponential dispersion
       model densities. Statistics and Computing, 15, 267-280.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import TweedieGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=400), "region": np.arange(400) // 20})
    >>> mean = np.exp(1 + 0.5 * X["x"] + rng.normal(0, 0.3, 20)[X["region"]])
    >>> claims = rng.poisson(mean / 2)
    >>> y = np.where(claims > 0, rng.gamma(np.maximum(claims, 1) * 1.5, 2 / 1.5), 0.0)
    >>> model = TweedieGLMMRegressor("x + (1 | region)").fit(X, y)
    >>> model.coef_.round(1), round(model.power_, 1)
    (array([0.4]), 1.4)
    >>> model.predict_proba_zero(X.head(2)).shape
    (2,)
    """

    _family = Tweedie()

    dispersion: str = "1"
    power: float | None = None
    n_quadrature: int = 1
    link: str = "log"

    def _make_family(self) -> Family:
        family = super()._make_family()
        if self.power is None:
            return family
        _check_power(self.power)
        return FixedTweedie(power=float(self.power))

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> PositiveScale:
        return PositiveScale(zero=bool(family.masses))

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        family: Any = self.fit_.family
        self.power_ = float(family.powers([part[:1] for part in self.fit_.beta])[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


def _check_power(power: Any) -> None:
    if not isinstance(power, Real) or not 1.0 < float(power) < 2.0:
        msg = (
            f"power={power!r} must be None, which estimates it, or a number between 1 and 2; "
            "PoissonGLMMRegressor and GammaGLMMRegressor have the powers 1 and 2"
        )
        raise ValueError(msg)
