"""What users may write for a column or an expression that is known, as a regular expression."""

import re

from skglmm.syntax.identifiers import QUOTED

__all__ = ["pattern_of"]

_PIECES = re.compile(rf"{QUOTED.pattern} | \w+ | \s+ | .", re.DOTALL | re.VERBOSE)


def pattern_of(label: str) -> re.Pattern[str]:
    """Return what matches the label of a column or an expression, however it is written.

    All of it may stand in back quotes, and so may each name in a call; blanks in a call and the
    kind of quotes around its texts do not matter.
    """
    exact = re.escape(label)
    written = [exact, f"`{exact}`"]
    if "(" in label:
        written.append("".join(_loosely(found[0]) for found in _PIECES.finditer(label)))
    return re.compile("|".join(written))


def _loosely(piece: str) -> str:
    exact, inside = re.escape(piece), re.escape(piece[1:-1])
    if len(piece) > 1 and piece[0] in "'\"" and not set("'\"\\").intersection(piece[1:-1]):
        return f"(?:'{inside}'|\"{inside}\")"
    if re.fullmatch(r"\w+", piece):
        return f"(?:{exact}|`{exact}`)"
    return exact if piece.strip() else " *"
