"""Terms of a fixed part: which of its columns belong together, and what they are made of."""

from skglmm.design.matrix import MatrixSpec, label_of

__all__ = ["terms_of"]

_INTERCEPT = ("1",)


def terms_of(spec: MatrixSpec) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Return the columns of each term, without the intercept, by its columns and expressions.

    Parameters
    ----------
    spec : MatrixSpec
        What was learned of a fixed part.
    """
    found, start = {}, 0
    for term in spec.terms:
        places = range(start, start + len(term.columns))
        start = places.stop
        if places and term.factors != _INTERCEPT:
            found[tuple(map(label_of, term.factors))] = tuple(places)
    return found
