"""Offsets of linear predictors: a column, and expressions that formulas hold."""

from collections.abc import Iterable, Sequence

from skglmm.arrays import Floats
from skglmm.design.matrices.matrix import MatrixSpec
from skglmm.exceptions import DesignError

__all__ = ["offset_text", "refuse_coded", "total"]


def offset_text(expressions: Iterable[str]) -> str:
    """Return the formula whose matrix has a column for each expression."""
    return " + ".join(["0", *(f"{{{expression}}}" for expression in expressions)])


def refuse_coded(spec: MatrixSpec, expressions: Sequence[str]) -> None:
    """Refuse offsets that are no single number for each row: categories, splines."""
    for term, expression in zip(spec.terms, expressions, strict=True):
        kinds = {spec.encoders.get(text, ("", {}))[0] for text in term.factors}
        if "categorical" in kinds or len(term.columns) != 1:
            what = "a category" if "categorical" in kinds else "several columns"
            msg = f"offset({expression}) is {what}, expected one number for each row"
            raise DesignError(msg)


def total(parts: Iterable[Floats | None]) -> Floats | None:
    """Return the sum of what is added to a linear predictor, shape (n,); None for nothing."""
    found = [part for part in parts if part is not None]
    return sum(found[1:], start=found[0]) if found else None
