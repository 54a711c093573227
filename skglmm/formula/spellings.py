"""What R writes in another way: each spelling is refused with what to write here."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from skglmm.formula.functions import known_functions
from skglmm.formula.structures import STRUCTURES, close_words
from skglmm.formula.tokens import Piece, failure

__all__ = ["CALLS", "FOREIGN", "Advice", "refuse_spellings"]


class Advice(NamedTuple):
    """What to write in place of a function of R, and a formula that does."""

    advice: str
    example: str


_REFERENCE = "C(cat), or C(cat, contr.treatment('b')) with 'b' as the reference level"
_CURVE = "cr(x, df=3, constraints='center')"
_BEFORE = "a column computed before the fit, X = X.assign(...)"

# The columns of the examples: x and z hold numbers, cat the texts a, b and c, and g the groups.
CALLS = {
    "factor as.factor relevel fct_relevel": Advice(
        f"{_REFERENCE}; columns of texts and categories are factors already",
        "C(cat) + C(g, contr.treatment(3))",
    ),
    "ordered as.ordered": Advice(
        "C(cat, contr.poly); the levels are in the order of the alphabet, or of a pandas category",
        "C(cat, contr.poly) + (1 | g)",
    ),
    "as.character": Advice("C(x)", "C(cat) + (1 | g)"),
    "as.numeric as.integer as.double as.logical": Advice(
        f"x alone if it holds numbers, otherwise {_BEFORE}", "x + (1 | g)"
    ),
    "ns rcs": Advice(
        f"{_CURVE}, a natural spline with as many columns as df", f"{_CURVE} + (1 | g)"
    ),
    "dummy": Advice("I(cat == 'a'), which is 1 for this level", "x + (0 + I(cat == 'a') | g)"),
    "cbind": Advice(
        "one response, y of fit(X, y): the successes, with trials='n' of BinomialGLMMRegressor and "
        "a column n of successes and failures together",
        "x + (1 | g)",
    ),
    "interaction": Advice("cat:other, or cat * other with the main effects", "cat:x + (1 | g)"),
    "ifelse": Advice(f"I(x > 0), which is 1 or 0, or {_BEFORE}", "I(x > 0) + (1 | g)"),
    "cut findInterval": Advice(
        f"{_BEFORE}, of pd.cut(X['x'], 3) converted to texts", "cat + (1 | g)"
    ),
    "is.na pmin pmax as.Date": Advice(_BEFORE, "x + (1 | g)"),
    "Error": Advice("a random intercept, (1 | g)", "x + (1 | g)"),
    "c": Advice("a list in square brackets, [0.5, 1]", "bs(x, knots=[0.5, 1]) + (1 | g)"),
    "mean sd": Advice(
        "center(x), which is x less its mean, or scale(x), also divided by its standard deviation",
        "center(x) + scale(z) + (1 | g)",
    ),
    "quantile median min max seq": Advice(
        "plain numbers; bs(x, df=5) and cr(x, df=5) choose knots at quantiles",
        "bs(x, df=5) + (1 | g)",
    ),
    "sin cos": Advice("np.sin(x) or np.cos(x)", "np.sin(x) + np.cos(x) + (1 | g)"),
    "plogis": Advice("expit(x)", "expit(x) + (1 | g)"),
}
FOREIGN = {  # structures of R that are called otherwise here
    "un": "un(x | g) of SAS is (x | g) here",
    "propto": "propto() of R is known(1 | g, A) here, with relationships={'A': ...}",
    "equalto": "equalto() of R has no like here; known(1 | g, A) estimates a variance, too",
}
_WORDS = {
    "TRUE": "True",
    "FALSE": "False",
    "NULL": "None",
    "NA": "nothing: rows with missing values are dropped from X before the fit",
}

_ADVICE = {name: found for names, found in CALLS.items() for name in names.split()}
_CALL = re.compile(r"(?<![\w.])([A-Za-z][\w.]*)\(")
_WORD = re.compile(rf"(?<![\w.])({'|'.join(_WORDS)})(?![\w.(])")
_QUOTED = re.compile(r"""`[^`]*`|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)
_FIELD = re.compile(r"exp\(\s*0\s*\+")  # nobody adds zero to what exp() is of
_COLON = re.compile(r"[\w)]\s*:\s*[\w(]")
_PYTHON = re.compile(r"\blambda\b|[\[{]|:=")
_COMPARISONS = re.compile(r"[=<>!&]")


def refuse_spellings(pieces: Iterable[Piece], text: str, allowed: Collection[str] = ()) -> None:
    """Refuse what only R understands, with what to write here.

    Parameters
    ----------
    pieces : iterable of Piece
        Tokens of a formula.
    text : str
        The formula, for messages.
    allowed : collection of str, default=()
        Names of the functions of the context, which mean what users say.
    """
    in_group = False  # between a bar and the end of its term
    for piece in pieces:
        message = next(_messages(piece, in_group, allowed), None)
        if message:
            raise failure(message, text, piece.start, piece.stop)
        is_bar = piece.kind == "operator" and "|" in piece.token
        in_group = is_bar or (in_group and piece.kind != "context")


def _messages(piece: Piece, in_group: bool, allowed: Collection[str]) -> Iterator[str]:
    if piece.kind == "operator":
        yield from _of_operator(piece.token)
    elif piece.kind == "python":
        code = _QUOTED.sub(lambda found: "_" * len(found[0]), piece.token)
        if "|" in code and code.partition("(")[0] in STRUCTURES:
            return  # its two sides are looked at by themselves
        yield from _of_structure(code, allowed)
        if "%in%" in code:
            yield "%in% of R is a sum of comparisons here, I((cat == 'a') + (cat == 'b'))"
        yield from (_of_call(name, in_group) for name in _foreign(code, allowed))
        yield from (f"{word} is R's; here it is {_WORDS[word]}" for word in _WORD.findall(code))
        if _COLON.search(code) and not _PYTHON.search(code):
            yield "':' inside of a call; the product of two columns is I(x * z), outside x:z"


def _of_operator(token: str) -> Iterator[str]:
    if "in" in token:
        yield "%in% is not read; write the interaction, a:b"
    elif "$" in token:
        yield "'$' is not read; columns of X are named by themselves, x"
    elif "::" in token:
        yield "'::' is not read; functions are named without their package"
    elif _COMPARISONS.search(token):
        yield f"{token!r} is no operator of terms; comparisons stand inside I(), I(cat == 'a')"


def _of_structure(code: str, allowed: Collection[str]) -> Iterator[str]:
    name = code.partition("(")[0]
    if "|" not in code:
        if _FIELD.match(code):
            yield "exp(...) without a bar is a function; a field is exp(0 + lon + lat | 1)"
        return
    if name in FOREIGN:
        yield FOREIGN[name]
    elif name.isidentifier() and name not in {*known_functions(), *allowed}:
        yield f"{name}() is no structure of random effects; {close_words(name)}"


def _foreign(code: str, allowed: Collection[str]) -> Iterator[str]:
    for name in _CALL.findall(code):
        if name in _ADVICE and name not in allowed and name not in known_functions():
            yield name


def _of_call(name: str, in_group: bool) -> str:
    if in_group:
        return (
            f"{name}() cannot stand after the bar; a grouping factor is a column, (1 | g): "
            "texts, categories and whole numbers are factors already"
        )
    return f"{name}() is a function of R; here it is {_ADVICE[name].advice}"
