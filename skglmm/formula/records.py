"""What a formula says, as frozen records of text."""

from dataclasses import dataclass

from skglmm.formula.smooths import SmoothTerm
from skglmm.formula.structures import DIAGONAL, UNSTRUCTURED
from skglmm.formula.tokens import back_quoted

__all__ = ["Bar", "Formula"]


@dataclass(frozen=True)
class Bar:
    """One random-effects term, ``(1 + x | a:b)``.

    Parameters
    ----------
    effects : str
        Effects that vary, with an explicit intercept: ``"1 + x"``, ``"0 + x"``, ``"1"``.
    group : tuple of str
        Columns whose combination is the grouping factor; none for one level of all rows.
    structure : str, default="us"
        Word for how the effects vary together; "us" are free correlations, "diag" is ``||``: a
        diagonal covariance over all columns of the effects.
    argument : str, default=""
        What the structure needs beside the effects: a rank, the name of a matrix.
    key : str or None
        Of ``(1 |p| g)``: terms of one grouping factor with the same key are correlated with each
        other, those of several linear predictors among them.
    predictor : str or None
        Linear predictor that the effects are added to, which a formula by itself does not know.

    Examples
    --------
    >>> from skglmm.formula import Bar
    >>> str(Bar("1 + x", ("range", "site"), structure="diag"))
    '(1 + x || range:site)'
    """

    effects: str
    group: tuple[str, ...]
    structure: str = UNSTRUCTURED
    argument: str = ""
    key: str | None = None
    predictor: str | None = None

    def __str__(self) -> str:
        bar = f"|{self.key}|" if self.key else "||" if self.structure == DIAGONAL else "|"
        group = ":".join(back_quoted(name) for name in self.group) or "1"
        word = "" if self.structure in {UNSTRUCTURED, DIAGONAL} else self.structure
        argument = f", {self.argument}" if self.argument else ""
        return f"{word}({self.effects} {bar} {group}{argument})"


@dataclass(frozen=True)
class Formula:
    """A formula, cut into its fixed part and its random-effects terms.

    Its ``str`` is the canonical spelling of the right-hand side. Canonical are: blanks, the
    explicit intercept, written-out products, powers and nested groups, ``(x || g)`` for
    ``diag(x | g)``, ``(1 | g)`` for ``(1 || g)``, the order of the random-effects terms, and one
    order of the columns of a grouping factor. As the user has them stay: the order of effects,
    ``x + z`` or ``z + x``, which is that of the coefficients; the order within an interaction,
    ``a:b`` or ``b:a``; and the expressions, ``I(x + 1)`` or ``{x + 1}``. ``(0 + x || g)`` stays
    too: whether x is one column, for which ``|`` is the same model, is up to the data.

    Parameters
    ----------
    fixed : str
        Fixed part with an explicit intercept: ``"1 + x"``, ``"0 + x"``.
    bars : tuple of Bar
        Random-effects terms, sorted by grouping factor.
    dropped : tuple of str
        Terms ``(x | 1)``, which have no grouping factor and no effect.
    response : str or None
        Label on the left-hand side.
    offsets : tuple of str
        Expressions whose values are added to the linear predictor, ``"log(n)"``.
    smooths : tuple of SmoothTerm
        Curves, which belong to the fixed part.

    Examples
    --------
    >>> from skglmm.formula import Bar, Formula
    >>> str(Formula("1 + x", (Bar("1", ("g",)),)))
    '1 + x + (1 | g)'
    """

    fixed: str
    bars: tuple[Bar, ...] = ()
    dropped: tuple[str, ...] = ()
    response: str | None = None
    offsets: tuple[str, ...] = ()
    smooths: tuple[SmoothTerm, ...] = ()

    @property
    def unpenalized(self) -> str:
        """The fixed part with what is not penalized of the smooths."""
        return " + ".join([self.fixed, *(each.trend for each in self.smooths if each.trend)])

    def __str__(self) -> str:
        offsets = (f"offset({text})" for text in self.offsets)
        return " + ".join([self.fixed, *map(str, self.smooths), *offsets, *map(str, self.bars)])
