"""The errors and warnings that skglmm adds to those of Python and scikit-learn."""

__all__ = ["DesignError", "FormulaError", "ImplicitNestingWarning", "SingularFitWarning"]


class FormulaError(ValueError):
    """A formula, or a `groups` specification, that cannot be read or is not allowed.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> BetaGLMMRegressor("EP + (1 | batch", bounds=(0, 100)).fit(X, y)
    Traceback (most recent call last):
        ...
    skglmm.exceptions.FormulaError: this '(' is never closed; parentheses are unbalanced
    ...
    """


class DesignError(ValueError):
    """Data that do not give the design matrices which the formula asks for.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> BetaGLMMRegressor("price + (1 | batch)", bounds=(0, 100)).fit(X, y)
    Traceback (most recent call last):
        ...
    skglmm.exceptions.DesignError: unknown column 'price'. The data have 'batch', 'SG', ...
    """


class SingularFitWarning(UserWarning):
    """A variance of random effects estimated at zero, or a correlation at plus or minus one.

    The estimates are valid: they are the maximum of the likelihood, on the boundary of their range.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BetaGLMMRegressor, SingularFitWarning
    >>> X = pd.DataFrame({"g": np.repeat(list("abcd"), 10)})
    >>> y = np.random.default_rng(0).beta(2, 2, 40)  # groups do not differ
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", SingularFitWarning)
    ...     model = BetaGLMMRegressor("(1 | g)").fit(X, y)
    >>> model.is_singular_
    True
    """


class ImplicitNestingWarning(UserWarning):
    """Grouping labels that are reused under several levels of another factor.

    They may be other groups there, or the same ones, such as subjects, that respond to each level
    in their own way. The message has a formula for either.

    Examples
    --------
    >>> import warnings
    >>> from skglmm import BetaGLMMRegressor, ImplicitNestingWarning
    >>> from skglmm.datasets import make_dragons
    >>> X, y = make_dragons(random_state=3, return_X_y=True)
    >>> model = BetaGLMMRegressor(
    ...     "(1 | mountainRange) + (1 | site)", bounds=(0, 100), boundary=1e-4
    ... )
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = model.fit(X, y)
    >>> print(next(each.message for each in told if each.category is ImplicitNestingWarning))
    the levels of 'site', such as 'a', occur under several levels of 'mountainRange', ...
    """
