"""The allow-list once more, for the expressions of an estimator that comes from a file."""

from collections.abc import Collection

from skglmm.design import DesignSpec
from skglmm.formula import check_expressions

__all__ = ["check_stored"]


def check_stored(spec: DesignSpec, allowed: Collection[str]) -> None:
    """Refuse a spec with an expression that `fit` would have refused.

    Parameters
    ----------
    spec : DesignSpec
    allowed : collection of str
        Names of the functions of the estimator's `context`.

    Raises
    ------
    FormulaError
        When an expression is outside the allow-list.
    """
    for text in sorted({each.text for each in spec.specs.values()}):
        check_expressions(text, allowed)
