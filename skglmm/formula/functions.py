"""The functions that formulas may call: their parameters, and what each of these may be."""

from typing import NamedTuple

from skglmm.syntax import PENALIZED, SMOOTHS

__all__ = ["Argument", "known_functions", "parameters_of"]


class Argument(NamedTuple):
    """One parameter of a function: its name, the kind of its values, whether only by keyword.

    Kinds: "data" is an expression with columns; "name" the text of a column's name; "count" a
    number of columns, "df" one of at least 1, "order" the degree of a spline; "number", "flag" and
    "text" are written out; "flag or number" is one of them; "numbers", "labels" and "knots", which
    are in their order, are lists, "matrix" a list of lists; "label" is a level of a category;
    "coding" a contrast; "center or matrix" is `constraints`; "size or sizes" and "basis or bases"
    are what the margins of a smooth have in common, or a list with one of each.
    """

    name: str
    kind: str
    only_by_name: bool = False


# As in Python's own signatures: what follows * is given by name. Data before it are given by their
# place, those of C() excepted.
_SIGNATURES = {
    "log log2 log10 log1p exp exp2 exp10 sqrt expit abs I center": "x: data",
    "np.log np.log2 np.log10 np.log1p np.exp np.sqrt np.abs np.square np.sin np.cos": "x: data",
    "Q": "variable: name",
    "scale": "data: data, center: flag or number, scale: flag or number, ddof: number",
    "standardize": "x: data, center: flag, rescale: flag, ddof: number",
    "poly": "x: data, degree: count, raw: flag",
    "bs": (
        "x: data, df: df, knots: knots, degree: order, include_intercept: flag, "
        "lower_bound: number, upper_bound: number, extrapolation: text"
    ),
    "cr cs cc": (
        "x: data, df: df, knots: knots, lower_bound: number, upper_bound: number, "
        "constraints: center or matrix, extrapolation: text"
    ),
    " ".join([*SMOOTHS, *(PENALIZED + name for name in SMOOTHS)]): (
        "x: data, x2: data, x3: data, *, by: data, k: size or sizes, bs: basis or bases"
    ),
    "C": "data: data, contrasts: coding, *, levels: labels, spans_intercept: flag",
    "Treatment": "reference: label",
    "contr.treatment contr.SAS": "base: label",
    "contr.sum Sum": "",
    "contr.helmert Helmert": "reverse: flag, scale: flag",
    "contr.poly Poly": "scores: numbers",
    "contr.diff Diff": "backward: flag",
    "contr.custom": "contrasts: matrix, names: labels",
}


def _read(signature: str) -> tuple[Argument, ...]:
    found, only_by_name = [], False
    for text in filter(None, signature.split(", ")):
        name, _, kind = text.partition(": ")
        only_by_name = only_by_name or name == "*"
        if kind:
            found.append(Argument(name, kind, only_by_name))
    return tuple(found)


_PARAMETERS = {
    name: _read(signature) for names, signature in _SIGNATURES.items() for name in names.split()
}


def parameters_of(function: str) -> tuple[Argument, ...] | None:
    """Return the parameters of a known function, in their order; None for an unknown one."""
    return _PARAMETERS.get(function)


def known_functions() -> frozenset[str]:
    """Return the names of the known functions; those of modules have a dot."""
    return frozenset(_PARAMETERS)
