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
    terms = [term for part in spec.specs.values() for term in part.formula]
    python = {
        factor.expr
        for term in terms
        for factor in term.factors
        if factor.eval_method.value == "python"
    }
    for expression in sorted(python):
        check_expressions(f"{{{expression}}}", allowed)
