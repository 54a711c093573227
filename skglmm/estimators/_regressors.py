"""The public estimators: a family each, and what its parameters mean."""

from collections.abc import Callable, Mapping
from typing import Any

from skglmm.estimators._base import BaseGLMMRegressor
from skglmm.families import Beta

__all__ = ["BetaGLMMRegressor"]


class BetaGLMMRegressor(BaseGLMMRegressor):
    r"""Beta mixed regression for rates, proportions and percentages.

    The response is beta distributed on an interval, with a mean :math:`\mu` and a precision
    :math:`\phi` [1]_: on the unit scale its variance is :math:`\mu (1 - \mu) / (1 + \phi)`.
    The mean has a linear predictor of fixed and normally distributed random effects, and
    :math:`\log\phi` one of fixed effects. The likelihood is maximized in its Laplace
    approximation [2]_; answers are those of glmmTMB.

    Parameters
    ----------
    formula : str, default=None
        Right-hand side in lme4's notation, e.g. ``"x + (1 + x | g) + (1 | g:site)"``, or the
        fixed part alone. None takes every column of X that is not a grouping factor or the
        offset: numbers as they are, categories dummy-coded. A left-hand side is only a label.
    groups : str, int, list or dict, default=None
        Grouping columns, where the formula has no bar: ``"g"`` is ``{"g": "1"}``, an
        intercept for each level; a list has an intercept each; a dict maps a column, or
        ``"a/b"``, to the formula of the effects, or to a list of them for independent
        blocks. Integers are positions of columns.
    precision : str, default="1"
        One-sided formula of the log precision.
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
        Link of the mean.
    bounds : tuple of float, default=(0.0, 1.0)
        The interval on which the response lives; ``(0, 100)`` for percentages.
    boundary : {"error", "squeeze"} or float, default="error"
        What to do with responses exactly on a bound: refuse them; move all responses a little
        towards the middle, :math:`(u (n - 1) + 1/2) / n` on the unit scale [3]_; or move only
        those on a bound inside, by this fraction of the width.
    predict_kind : {"conditional", "fixed", "marginal"}, default="conditional"
        What `predict` and `score` use: the effects of each row's own group, those of a typical
        group (0), or the average over groups.
    new_groups : {"marginal", "fixed", "nan", "error"}, default="marginal"
        Levels that fit has not seen are averaged over, taken as typical, predicted as NaN, or
        refused.
    offset : str, default=None
        Column that is added to the linear predictor of the mean.
    context : dict of str to callable, default=None
        Functions that formulas may call besides the known ones. This is trusted code.
    inference : bool, default=True
        Whether `fit` computes the covariance of the estimates.
    tol : float, default=1e-8
        Log-likelihood units that the optimizer may leave to gain.
    max_iter : int, default=200
        Most iterations of the optimizer.
    verbose : int, default=0
        Whether to print a line for each iteration.

    Attributes
    ----------
    coef_ : ndarray, shape (n_coef,)
        Fixed effects of the mean without the intercept, on the link's scale.
    coef_names_ : list of str
        Their names.
    intercept_ : float
        Intercept of the mean, on the link's scale; 0 if the formula has none.
    precision_coef_ : ndarray, shape (n_precision_coef,)
        Fixed effects of the log precision, the intercept first.
    log_likelihood_ : float
        Laplace approximation of the log likelihood of y, on its own scale.
    aic_, bic_ : float
        Information criteria.
    n_params_ : int
        Number of estimated parameters.
    n_obs_ : int
        Number of rows of positive weight.
    n_levels_ : dict of str to int
        Number of levels of each grouping factor.
    converged_ : bool
        Whether the optimizer found the maximum.
    is_singular_ : bool
        Whether a variance is 0 or a correlation is plus or minus 1.
    n_iter_ : int
        Iterations of the optimizer.
    n_boundary_ : int
        Responses that `boundary` moved: those on a bound, or all of them for "squeeze".
    formula_ : str
        The model in one spelling that all its spellings share.
    random_terms_ : tuple of Bar
        Random-effects terms.
    fit_ : Fit
        The frozen result that all other attributes are views of.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Names of the columns of X, if it is a data frame with names.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and
       proportions. Journal of Applied Statistics, 31(7), 799-815.
    .. [2] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
       for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.
    .. [3] Smithson, M. & Verkuilen, J. (2006). A better lemon squeezer? Psychological
       Methods, 11(1), 54-71.

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

    def __init__(
        self,
        formula: str | None = None,
        *,
        groups: Any = None,
        precision: str = "1",
        link: str = "logit",
        bounds: tuple[float, float] = (0.0, 1.0),
        boundary: str | float = "error",
        predict_kind: str = "conditional",
        new_groups: str = "marginal",
        offset: str | None = None,
        context: Mapping[str, Callable[..., Any]] | None = None,
        inference: bool = True,
        tol: float = 1e-8,
        max_iter: int = 200,
        verbose: int = 0,
    ) -> None:
        self.formula = formula
        self.groups = groups
        self.precision = precision
        self.link = link
        self.bounds = bounds
        self.boundary = boundary
        self.predict_kind = predict_kind
        self.new_groups = new_groups
        self.offset = offset
        self.context = context
        self.inference = inference
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose
