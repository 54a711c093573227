"""Terms of a fixed part: which of its columns belong together, and what they are called."""

from collections.abc import Collection, Sequence

from skglmm.design._matrix import MatrixSpec, label_of

__all__ = ["terms_of"]

_INTERCEPT = ("1",)


def terms_of(spec: MatrixSpec, labels: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the columns of each term, without the intercept, by its name: ``x:cat``.

    Parameters
    ----------
    spec : MatrixSpec
        What was learned of a fixed part.
    labels : sequence of str
        Names of its columns, ``x:cat[T.b]``.
    """
    found, start = {}, 0
    for term in spec.terms:
        places = range(start, start + len(term.columns))
        start = places.stop
        if places and term.factors != _INTERCEPT:
            plain = {label_of(text) for text in term.factors}
            names = [_without_labels(labels[place], plain) for place in places]
            found[max(names, key=lambda name: len(_cut(name)))] = tuple(places)
    return found


def _without_labels(label: str, plain: Collection[str]) -> str:
    """Return the name of a column without what is in brackets at the end of its factors.

    A column may itself be called ``a[b]``: those that are named in `plain` stay as they are.
    """
    return ":".join(part if part in plain else _headed(part) for part in _cut(label))


def _headed(part: str) -> str:
    """Cut off the brackets at the end of one factor, with all that they hold."""
    if not part.endswith("]"):
        return part
    depth = 0
    for place in range(len(part) - 1, 0, -1):
        depth += (part[place] == "]") - (part[place] == "[")
        if depth == 0:
            return part[:place]
    return part


def _cut(name: str) -> list[str]:
    """Cut a name at the colons that stand in no brackets."""
    parts, depth = [""], 0
    for character in name:
        depth += (character in "([") - (character in ")]")
        if character == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
