"""Mixed logistic regression of successes in trials."""

from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.base.trials import TrialsRegressor
from skglmm.families import Binomial

__all__ = ["BinomialGLMMRegressor"]


@mixed_model
class BinomialGLMMRegressor(TrialsRegressor):
    r"""Mixed logistic regression of successes in trials.

    Of the n trials of a row each succeeds with the probability :math:`\mu`, whose link has a linear
    predictor of fixed and normally distributed random effects; the number of successes has the
    variance :math:`n \mu (1 - \mu)`. With a formula of `zero` a row is an extra zero with a
    probability of its own. The likelihood is maximized in its Laplace approximation, or by
    adaptive Gauss-Hermite quadrature [2]_; answers are those of glmmTMB and lme4 [1]_.

    Parameters
    ----------
    $formula_and_groups
    $trials
    $quadrature
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
        Link of the probability of a success.
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $zero_coefficients
    $results

    See Also
    --------
    BinomialGLMMClassifier : Of a single trial in each row, whose outcomes are labels.
    BetaBinomialGLMMRegressor : Of rows that differ more than by chance.

    References
    ----------
    .. [1] Bates, D., Maechler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects
       models using lme4. Journal of Statistical Software, 67(1), 1-48.
    .. [2] Pinheiro, J. C. & Chao, E. C. (2006). Efficient Laplacian and adaptive Gaussian
       quadrature algorithms for multilevel generalized linear mixed models. Journal of
       Computational and Graphical Statistics, 15(1), 58-81.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BinomialGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=200), "herd": np.arange(200) // 8})
    >>> X["n"] = rng.integers(5, 30, size=200)
    >>> eta = -1.0 + 0.7 * X["x"] + rng.normal(0, 0.8, 25)[X["herd"]]
    >>> y = rng.binomial(X["n"], 1 / (1 + np.exp(-eta)))
    >>> model = BinomialGLMMRegressor("x + (1 | herd)", trials="n").fit(X, y)
    >>> model.coef_.round(1)
    array([0.7])
    >>> model.predict_rate(X.drop(columns="n").head(2)).shape  # probabilities
    (2,)
    """

    _family = Binomial()
