"""Beta mixed regression."""

from skglmm.estimators.base.bounded import BoundedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Beta

__all__ = ["BetaGLMMRegressor"]


@mixed_model
class BetaGLMMRegressor(BoundedRegressor):
    r"""Beta mixed regression for rates, proportions and percentages.

    The response is beta distributed on an interval, with a mean :math:`\mu` and a precision
    :math:`\phi` [3]_: on the unit scale its variance is :math:`\mu (1 - \mu) / (1 + \phi)`.
    The mean has a linear predictor of fixed and normally distributed random effects, and
    :math:`\log\phi` one of fixed effects. The likelihood is maximized in its Laplace
    approximation [2]_; answers are those of glmmTMB.

    Parameters
    ----------
    $formula_and_groups
    $precision
    $link_and_bounds
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $precision_coefficients
    $boundary_results
    $results

    References
    ----------
    $references
    .. [3] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and
       proportions. Journal of Applied Statistics, 31(7), 799-815.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BetaGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    >>> y = rng.beta(np.repeat([1, 2, 3, 4, 5, 6], 10), 4)
    >>> model = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    >>> model.formula_
    '1 + x + (1 | g)'
    >>> model.predict(X).shape
    (60,)
    >>> new = pd.DataFrame({"x": [0.0], "g": ["of its own"]})  # averaged over groups
    >>> mean, std = model.predict(new, return_std=True)
    >>> print(f"{mean[0]:.2f} with standard deviation {std[0]:.2f}")
    0.44 with standard deviation 0.21
    """

    _family = Beta()

    precision: str = "1"
