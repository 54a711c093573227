"""Mixed logistic regression of two classes."""

from skglmm.estimators.base.binary import BinaryClassifier
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Bernoulli

__all__ = ["BinomialGLMMClassifier"]


@mixed_model
class BinomialGLMMClassifier(BinaryClassifier):
    r"""Mixed logistic regression of two classes.

    The second of the sorted labels, ``classes_[1]``, is the event; the link of its probability
    has a linear predictor of fixed and normally distributed random effects. The likelihood is
    maximized in its Laplace approximation, or by adaptive Gauss-Hermite quadrature [1]_; answers
    are those of glmmTMB and lme4.

    Parameters
    ----------
    $formula_and_groups
    $quadrature
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
        Link of the probability of the second class.
    $reml
    $others

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The labels, sorted.
    $coefficients
    $results

    References
    ----------
    .. [1] Pinheiro, J. C. & Chao, E. C. (2006). Efficient Laplacian and adaptive Gaussian
       quadrature algorithms for multilevel generalized linear mixed models. Journal of
       Computational and Graphical Statistics, 15(1), 58-81.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BinomialGLMMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=400), "g": np.arange(400) // 10})
    >>> eta = X["x"] + rng.normal(size=40)[X["g"]]
    >>> y = np.where(rng.random(400) < 1 / (1 + np.exp(-eta)), "sick", "healthy")
    >>> model = BinomialGLMMClassifier("x + (1 | g)").fit(X, y)
    >>> model.classes_
    array(['healthy', 'sick'], dtype='<U7')
    >>> model.predict_proba(X.head(2)).round(2).shape
    (2, 2)
    """

    _family = Bernoulli()
