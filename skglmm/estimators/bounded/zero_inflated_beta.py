"""Beta mixed regression of responses that may be exactly on the lower bound."""

from skglmm.estimators.base.bounded import BoundedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import ZeroInflatedBeta

__all__ = ["ZeroInflatedBetaGLMMRegressor"]


@mixed_model
class ZeroInflatedBetaGLMMRegressor(BoundedRegressor):
    r"""Zero-inflated beta mixed regression: proportions, some of which are exactly 0.

    A response is on the lower bound with a probability that has a logit predictor of its own, and
    beta distributed between the bounds otherwise [3]_. `predict` gives the mean of all responses,
    those on the bound among them. The likelihood is maximized in its Laplace approximation [2]_.

    Parameters
    ----------
    $formula_and_groups
    $precision
    zero : str, default="1"
        One-sided formula of the logit of the probability of the lower bound, against that of
        a response between the bounds; with random effects and keys as `precision`.
    $link_and_bounds
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $precision_coefficients
    zero_coef_ : ndarray, shape (n_zero_coef,)
        Fixed effects of the probability of the lower bound, on the logit scale, the
        intercept first.
    $boundary_results
    $results

    References
    ----------
    $references
    .. [3] Ospina, R. & Ferrari, S. L. P. (2012). A general class of zero-or-one inflated beta
       regression models. Computational Statistics & Data Analysis, 56(6), 1609-1623.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import ZeroInflatedBetaGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(list("abcdefghij"), 30)})
    >>> eta = 0.5 * X["x"] + rng.normal(size=10)[X["g"].factorize()[0]]
    >>> y = rng.beta(8 / (1 + np.exp(-eta)), 8 / (1 + np.exp(eta)))
    >>> y[rng.random(300) < 0.2] = 0.0
    >>> model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)", zero="x").fit(X, y)
    >>> model.predict_proba_boundary(X.head(1)).round(2)
       lower  interior  upper
    0    0.2       0.8    0.0
    """

    _family = ZeroInflatedBeta()

    precision: str = "1"
    zero: str = "1"
