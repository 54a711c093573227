"""The errors and warnings that skglmm adds to those of Python and scikit-learn."""

__all__ = ["DesignError", "FormulaError", "ImplicitNestingWarning", "SingularFitWarning"]


class FormulaError(ValueError):
    """A formula, or a `groups` specification, that cannot be read or is not allowed."""


class DesignError(ValueError):
    """Data that do not give the design matrices which the formula asks for."""


class SingularFitWarning(UserWarning):
    """A variance of random effects estimated at zero, or a correlation at plus or minus one."""


class ImplicitNestingWarning(UserWarning):
    """Grouping labels that are reused under several levels of another factor."""
