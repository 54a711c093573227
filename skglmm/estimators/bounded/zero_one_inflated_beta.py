"""Beta mixed regression of responses that may be exactly on either bound."""

from skglmm.estimators.base.bounded import BoundedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import ZeroOneInflatedBeta

__all__ = ["ZeroOneInflatedBetaGLMMRegressor"]


@mixed_model
class ZeroOneInflatedBetaGLMMRegressor(BoundedRegressor):
    r"""Zero-one-inflated beta mixed regression: proportions, some exactly 0, some exactly 1.

    A response is on the lower bound, on the upper bound, or between them with probabilities of a
    multinomial logit with two predictors of its own, and beta distributed if it is between [3]_.
    `predict` gives the mean of all responses, those on the bounds among them. The likelihood is
    maximized in its Laplace approximation [2]_.

    Parameters
    ----------
    $formula_and_groups
    $precision
    zero : str, default="1"
        One-sided formula of the logit of the probability of the lower bound, against that of
        a response between the bounds; with random effects and keys as `precision`.
    one : str, default="1"
        One-sided formula of the logit of the probability of the upper bound, against that of
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
    one_coef_ : ndarray, shape (n_one_coef,)
        Fixed effects of the probability of the upper bound, on the logit scale, the
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
    >>> from skglmm import ZeroOneInflatedBetaGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(list("abcdefghij"), 30)})
    >>> eta = 0.5 * X["x"] + rng.normal(size=10)[X["g"].factorize()[0]]
    >>> y = rng.beta(8 / (1 + np.exp(-eta)), 8 / (1 + np.exp(eta)))
    >>> y[:40], y[260:] = np.round(y[:40]), np.round(y[260:])
    >>> model = ZeroOneInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    >>> model.predict_proba_boundary(X.head(1)).round(2)
       lower  interior  upper
    0   0.07      0.73    0.2
    """

    _family = ZeroOneInflatedBeta()

    precision: str = "1"
    zero: str = "1"
    one: str = "1"
