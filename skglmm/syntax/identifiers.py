"""The one map between names of columns, which are any text, and identifiers of Python."""

import keyword
import re
import unicodedata

__all__ = ["QUOTED", "identifiers_in", "name_of", "named", "pattern_of", "restored", "spell"]

# A name in back quotes, or a text; what comes first in an expression hides the other in it.
QUOTED = re.compile(
    r"""`(?:\\.|[^`\\])*` | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'""", re.DOTALL | re.VERBOSE
)
_PREFIX = "_column_"
_OURS = re.compile(rf"\b{_PREFIX}((?:[0-9a-f]{{2}})*)\b")
_PIECES = re.compile(rf"{QUOTED.pattern} | \w+ | \s+ | .", re.DOTALL | re.VERBOSE)
_QUOTED_OR_WORD = re.compile(rf"{QUOTED.pattern} | \w+", re.DOTALL | re.VERBOSE)


def named(name: str) -> str:
    """Return the identifier of a name: itself, or the hexadecimal digits of its letters.

    Python's own words, names that Python would change, and names that look like our identifiers
    are no identifiers by themselves. No two names have the same one.
    """
    is_plain = (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name  # as Python reads it
        and not name.startswith((_PREFIX, "__"))
    )
    return name if is_plain else _PREFIX + name.encode(errors="surrogatepass").hex()


def name_of(identifier: str) -> str:
    """Return the name of an identifier; the inverse of `named`."""
    ours = _OURS.fullmatch(identifier)
    if not ours:
        return identifier
    return bytes.fromhex(ours[1]).decode(errors="surrogatepass")


def restored(message: str) -> str:
    """Return a message of Python with the names that its identifiers stand for."""
    return _OURS.sub(lambda found: spell(name_of(found[0])), message)


def spell(name: str) -> str:
    """Return a name as expressions have it: in back quotes, unless it is a word."""
    return name if _is_word(name) else f"`{name}`"


def _is_word(text: str) -> bool:
    """Return whether a text stands for a name, not for a number or one of Python's words."""
    is_number = text[:1].isdecimal()
    is_word = re.fullmatch(r"\w+", text) is not None
    return is_word and not (is_number or keyword.iskeyword(text) or text.startswith("__"))


def identifiers_in(expression: str) -> str:
    """Return an expression with an identifier for each name, texts as they were."""
    return _QUOTED_OR_WORD.sub(lambda found: _replaced(found[0]), expression).strip()


def _replaced(part: str) -> str:
    if part.startswith("`"):
        return f" {named(part[1:-1])} "
    return named(part) if _is_word(part) else part


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
