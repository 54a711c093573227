"""Claims about coefficients, ``"a > 0.2, b < 1"``: each with a direction."""

from typing import NamedTuple

__all__ = ["Claim", "read_claims"]

OPENING, CLOSING = "([{", ")]}"


class Claim(NamedTuple):
    """One claim.

    Parameters
    ----------
    constraint : str
        With ``=`` in place of the sign: the end of the claim, as `wald_test` reads it.
    sign : {1.0, -1.0}
        1 for ``>``.
    """

    constraint: str
    sign: float


def read_claims(text: str) -> list[Claim]:
    """Return the claims of a text, which has none where no ``>`` or ``<`` stands alone.

    What is in brackets or back quotes is a part of a name.

    Raises
    ------
    ValueError
        When only some of the parts that commas join are claims, or one has several signs.

    Examples
    --------
    >>> from skglmm.planning.claims import read_claims
    >>> read_claims("I(x > 1)[T.True] < 0.5")
    [Claim(constraint='I(x > 1)[T.True] = 0.5', sign=-1.0)]
    >>> read_claims("x = 0")
    []
    """
    parts = _split(text, ",")
    sides = [_split(part.replace(">=", ">").replace("<=", "<"), "<>") for part in parts]
    if all(len(each) == 1 for each in sides):
        return []
    wrong = [part for part, each in zip(parts, sides, strict=True) if len(each) != 2]
    if wrong:
        msg = (
            f"the hypothesis {text!r} has claims, with > or <, and {wrong[0].strip()!r}; expected "
            "claims alone, each with one sign, as in 'x > -0.2, x < 0.2'"
        )
        raise ValueError(msg)
    found = []
    for left, right in sides:
        sign = 1.0 if left.endswith(">") else -1.0
        found.append(Claim(f"{left[:-1].strip()} = {right.strip()}", sign))
    return found


def _split(text: str, marks: str) -> list[str]:
    """Cut a text behind marks outside of brackets and back quotes; commas are left out."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == "`"
        depth += 0 if quoted else (letter in OPENING) - (letter in CLOSING)
        if letter in marks and not quoted and depth == 0:
            parts.append(text[start : place + (letter != ",")])
            start = place + 1
    return [*parts, text[start:]]
