"""Text and numbers of tables as LaTeX, HTML and Markdown write them."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["HTML", "LATEX", "MARKDOWN", "PLAIN_HTML", "Typeset", "html_text", "latex_text"]

# What TeX takes for a command, and what its first fonts show as something else: | as a dash.
# A bracket at the beginning of a row would be an option of the end of the row before.
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "`": r"\textasciigrave{}",
}
# Beyond the accents that LaTeX knows by itself.
_MATH = {
    "²": "^2", "³": "^3", "\u00d7": r"\times", "\u2212": "-", "≤": r"\le", "≥": r"\ge",
    "±": r"\pm", "∞": r"\infty", "≈": r"\approx", "→": r"\to", "°": r"^\circ", "µ": r"\mu",
    "√": r"\surd", "∈": r"\in", "·": r"\cdot",
}  # fmt: skip
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi - pi rho - sigma tau "
    "upsilon phi chi psi omega"
).split()
_MATH |= {chr(945 + i): rf"\{name}" for i, name in enumerate(_GREEK) if name != "-"}
_CAPITALS = {"gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "phi", "psi", "omega"}
_MATH |= {
    chr(913 + i): rf"\{name.capitalize()}" for i, name in enumerate(_GREEK) if name in _CAPITALS
}
_LATEX_OF = str.maketrans(_SPECIAL | {sign: f"${code}$" for sign, code in _MATH.items()})
_MARKDOWN_OF = str.maketrans({sign: f"\\{sign}" for sign in "\\|*_`[]<>~$"})

_NUMBER = re.compile(r"(?<![\w.])(-?)(\d+(?:\.\d+)?|inf)(?:e([-+]\d+))?(?![\w.])")
# A number that can be aligned, alone or in parentheses, and its stars.
_PLAIN = re.compile(r"(\(?-?\d+)(\.\d+)?(\)?)(\**)")
_ABSENT = {"-", "nan"}
_TIMES, _MINUS = "\u00d7", "\u2212"
_DASH = "\u2013"
_FIGURE_SPACE, _POINT_SPACE = "\u2007", "\u2008"  # as wide as a digit and as a point

# Heads that are symbols, in LaTeX and in HTML.
_SYMBOLS = {
    "p": ("$p$", "<i>p</i>"),
    "z": ("$z$", "<i>z</i>"),
    "t": ("$t$", "<i>t</i>"),
    "F": ("$F$", "<i>F</i>"),
    "chi2": (r"$\chi^2$", "χ²"),
    "chi-square": (r"$\chi^2$", "χ²"),
}


def latex_text(text: str) -> str:
    r"""Return text as LaTeX shows it letter by letter.

    Letters that are no part of LaTeX's own encoding, such as Cyrillic ones, stay as they are: they
    need an engine that reads them, such as lualatex.

    Examples
    --------
    >>> from skglmm.inference.report.typeset import latex_text
    >>> print(latex_text("C(a_b)[T.50 %] | R²"))
    C(a\_b){[}T.50 \%{]} \textbar{} R$^2$
    """
    return unicodedata.normalize("NFC", text).translate(_LATEX_OF)


def html_text(text: str) -> str:
    """Return text as HTML shows it letter by letter."""
    return escape(text)


def _markdown_text(text: str) -> str:
    return " ".join(text.split()).translate(_MARKDOWN_OF)


def _latex_number(found: re.Match[str]) -> str:
    sign, digits, exponent = found.groups()
    if digits == "inf":
        return rf"${sign}\infty$"
    if exponent:
        return rf"${sign}{digits}\times10^{{{int(exponent)}}}$"
    return f"${sign}{digits}$" if sign else digits


def _html_number(found: re.Match[str]) -> str:
    sign, digits, exponent = found.groups()
    digits = "∞" if digits == "inf" else digits
    power = f"{_TIMES}10<sup>{int(exponent)}</sup>" if exponent else ""
    return f"{sign}{digits}{power}".replace("-", _MINUS)


def _latex_pad(width: int, *, point: bool) -> str:
    zeros = "0" * width
    return rf"\phantom{{{'.' if point else ''}{zeros}}}" if width else ""


def _html_pad(width: int, *, point: bool) -> str:
    return (_POINT_SPACE if point else "") + _FIGURE_SPACE * width if width else ""


@dataclass(frozen=True)
class Typeset:
    """How a format writes names, heads and columns of numbers.

    Parameters
    ----------
    text : callable
        From a text to its spelling.
    number : callable or None, default=None
        From the match of a number in a cell to its spelling; None to leave numbers as they are.
    pad : callable or None, default=None
        From a number of digits, and whether a point goes before them, to what is as wide.
    symbol : int or None, default=None
        Place of the format among the spellings of symbols.
    stars : (str, str), default=("{}", "")
        Formats of what follows a number, and of room for it.
    """

    text: Callable[[str], str]
    number: Callable[[re.Match[str]], str] | None = None
    pad: Callable[..., str] | None = None
    symbol: int | None = None
    stars: tuple[str, str] = ("{}", "")

    def head(self, text: str) -> str:
        """Return the head of a column."""
        if self.symbol is None or text not in _SYMBOLS:
            return self.text(text)
        return _SYMBOLS[text][self.symbol]

    def numbers(self, cells: Sequence[str]) -> list[str]:
        """Return a column of numbers, whose points stand below each other."""
        found = [_PLAIN.fullmatch(cell) for cell in cells]
        plain = [each for each in found if each]
        most = max((len(each[2] or ".") - 1 for each in plain), default=0)
        stars = max((len(each[4]) for each in plain), default=0)
        return [
            self._cell(cell) if each is None else self._aligned(each, most, stars)
            for cell, each in zip(cells, found, strict=True)
        ]

    def _aligned(self, found: re.Match[str], most: int, most_stars: int) -> str:
        whole, rest, bracket, stars = found[1], found[2] or "", found[3], found[4]
        missing = most - max(len(rest) - 1, 0)
        pad = self.pad(missing, point=not rest) if self.pad else ""
        shown = self.stars[0].format(self.text(stars)) if stars else ""
        absent = most_stars - len(stars)
        pad += self.stars[1].format(self.text("*" * absent)) if absent and self.pad else ""
        return self._cell(whole + rest + bracket) + shown + pad

    def _cell(self, cell: str) -> str:
        if self.number is None:
            return self.text(cell)
        if cell in _ABSENT:
            return self.text(_DASH)
        parts, start = [], 0
        for found in _NUMBER.finditer(cell):
            parts += [self.text(cell[start : found.start()]), self.number(found)]
            start = found.end()
        return "".join([*parts, self.text(cell[start:])])


LATEX = Typeset(latex_text, _latex_number, _latex_pad, 0, (r"$^{{{}}}$", r"\phantom{{$^{{{}}}$}}"))
HTML = Typeset(
    html_text,
    _html_number,
    _html_pad,
    1,
    (
        '<sup style="line-height:0">{}</sup>',
        '<sup style="line-height:0;visibility:hidden">{}</sup>',
    ),
)
PLAIN_HTML = Typeset(html_text)  # as notebooks show records: what is printed
MARKDOWN = Typeset(_markdown_text)
