"""The splitter: takes lme4's random-effects terms out of a formula."""

from collections.abc import Collection, Iterator

from skglmm.exceptions import FormulaError
from skglmm.formula.allow import check_expressions
from skglmm.formula.bars import make_bars, read_effects, read_group, settle
from skglmm.formula.limits import MOST_BARS, refuse_length, refuse_number
from skglmm.formula.offsets import cut_offsets
from skglmm.formula.records import Bar, Formula
from skglmm.formula.smooths import cut_smooths
from skglmm.formula.spans import Span, check_effects, structured_span
from skglmm.formula.spellings import refuse_spellings
from skglmm.formula.structures import DIAGONAL, STRUCTURES, UNSTRUCTURED
from skglmm.formula.terms import canonical
from skglmm.formula.tokens import Piece, blank, failure, scan

__all__ = ["parse"]


def parse(text: str, allowed: Collection[str] = ()) -> Formula:
    """Read a formula in lme4's notation [1]_; nothing is evaluated.

    Parameters
    ----------
    text : str
        Formula, e.g. ``"y ~ x + (1 + x | g) + (1 | a/b)"``. A left-hand side is a label.
    allowed : collection of str, default=()
        Names of functions that expressions may call besides the known ones.

    Returns
    -------
    Formula
        The fixed part and the random-effects terms in canonical spelling.

    Raises
    ------
    FormulaError
        When the formula cannot be read, or holds an expression that is not allowed.

    References
    ----------
    .. [1] Bates, D., Maechler, M., Bolker, B. & Walker, S. (2015). Fitting linear
       mixed-effects models using lme4. Journal of Statistical Software, 67(1), 1-48.

    Examples
    --------
    >>> from skglmm.formula import parse
    >>> print(parse("y ~ x + (x | g) + (1 | a/b)"))
    1 + x + (1 | a) + (1 | a:b) + (1 + x | g)
    """
    if not isinstance(text, str):
        msg = (
            f"a formula is a text such as 'x + (1 | g)', got {text!r} of type {type(text).__name__}"
        )
        raise TypeError(msg)
    refuse_length(text)
    pieces = scan(text)
    refuse_spellings(pieces, text, allowed)
    response, pieces = _split_response(text, pieces)
    if not pieces:
        msg = f"the formula {text!r} has no terms; write '1' for an intercept alone"
        raise FormulaError(msg)
    spans = list(_find_spans(text, pieces))
    refuse_number(len(spans), MOST_BARS, "random terms", text)
    _refuse_neighbors(text, pieces, spans)
    rest = _without(text, pieces, spans)
    fixed, offsets = cut_offsets(canonical(rest, source=text), scan(rest), text, allowed)
    check_expressions(fixed, allowed)
    fixed, smooths = cut_smooths(fixed, text, allowed)
    bars: list[Bar] = []
    dropped: list[str] = []
    for span in spans:
        effects = read_effects(span.effects, text, allowed)
        check_effects(span.structure, effects, text, span.effects)
        is_ungrouped = span.group.strip() == "1"
        if is_ungrouped and STRUCTURES[span.structure].effects not in {"times", "points"}:
            dropped.append(f"({effects} | 1)")
            continue
        groups = [()] if is_ungrouped else read_group(span.group, text)
        bars += make_bars(effects, groups, span.structure, span.key, span.argument)
    return Formula(fixed, settle(bars), tuple(sorted(dropped)), response, offsets, smooths)


def _split_response(text: str, pieces: list[Piece]) -> tuple[str | None, list[Piece]]:
    """Return the label before ``~``, and the tokens after it."""
    tildes = [
        i for i, piece in enumerate(pieces) if piece.kind == "operator" and "~" in piece.token
    ]
    if not tildes:
        return None, pieces
    if len(tildes) > 1:
        place = pieces[tildes[1]]
        raise failure("'~' can stand only once", text, place.start, place.stop)
    left, tilde = pieces[: tildes[0]], pieces[tildes[0]]
    if len(left) > 1 or any(piece.kind != "name" for piece in left):
        msg = (
            "the left-hand side is a label, not an expression; transform the response with "
            "sklearn.compose.TransformedTargetRegressor"
        )
        raise failure(msg, text, left[0].start, tilde.start)
    # `~ -1` is one token: what follows the tilde in it is an operator of the right-hand side
    start = tilde.start + text[tilde.start : tilde.stop].index("~") + 1
    rest = text[start : tilde.stop].strip()
    after = [Piece(rest, "operator", start, tilde.stop)] if rest else []
    return (left[0].token if left else None), after + pieces[tildes[0] + 1 :]


def _partners(text: str, pieces: list[Piece]) -> dict[int, int]:
    """Return the closing parenthesis of each opening one, as indices of tokens."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for index, piece in enumerate(pieces):
        if piece.kind != "context":
            continue
        if piece.token in "([":
            opened.append(index)
        elif opened and pieces[opened[-1]].token + piece.token in {"()", "[]"}:
            partners[opened.pop()] = index
        else:
            msg = f"this {piece.token!r} closes nothing; parentheses are unbalanced"
            raise failure(msg, text, piece.start, piece.stop)
    if opened:
        place = pieces[opened[-1]]
        msg = f"this {place.token!r} is never closed; parentheses are unbalanced"
        raise failure(msg, text, place.start, place.stop)
    return partners


def _find_spans(text: str, pieces: list[Piece]) -> Iterator[Span]:
    """Yield the random terms in the order of the text."""
    partners = _partners(text, pieces)
    bars: dict[tuple[int, int], list[int]] = {}
    for index, piece in enumerate(pieces):
        if piece.kind == "python":
            span = structured_span(text, pieces, index)
            if span:
                yield span
        if piece.kind != "operator" or "|" not in piece.token:
            continue
        pairs = [pair for pair in partners.items() if pair[0] < index < pair[1]]
        if not pairs:
            msg = "'|' outside parentheses; write (x | g)"
            raise failure(msg, text, piece.start, piece.stop)
        bars.setdefault(max(pairs), []).append(index)
    for pair, places in bars.items():
        yield _span(text, pieces, pair, places, partners)


def _span(
    text: str,
    pieces: list[Piece],
    pair: tuple[int, int],
    places: list[int],
    partners: dict[int, int],
) -> Span:
    """Return the term between two parentheses, with bars in these places."""
    first, last = pair
    bar, key = pieces[places[0]], None
    if len(places) > 1:
        key = _key(text, [pieces[place] for place in range(places[0], places[-1] + 1)])
    structure = _structure(text, bar)
    effects = blank(text, pieces[first].stop, bar.start)
    group = blank(text, pieces[places[-1]].stop, pieces[last].start)
    around = [outer for outer in partners.items() if outer[0] < places[0] < outer[1]]
    return Span(*_widen(first, last, around), effects, group, structure, key)


def _key(text: str, pieces: list[Piece]) -> str:
    """Return the name between two bars."""
    name = pieces[1].token
    spelled = text[pieces[0].start : pieces[-1].stop].strip()
    if spelled == f"|{name}|" and name.isidentifier():
        return name
    msg = (
        "a random term has one bar, (x | g), or a key without blanks between two, (x |p| g), by "
        "which terms of several formulas are correlated"
    )
    raise failure(msg, text, pieces[0].start, pieces[-1].stop)


def _structure(text: str, bar: Piece) -> str:
    spelled = text[bar.start : bar.stop].strip()
    if spelled not in {"|", "||"}:
        msg = f"expected '|' or '||' between effects and grouping factor, got {spelled!r}"
        raise failure(msg, text, bar.start, bar.stop)
    return UNSTRUCTURED if spelled == "|" else DIAGONAL


def _widen(first: int, last: int, pairs: list[tuple[int, int]]) -> tuple[int, int]:
    """Include redundant parentheses around a term."""
    while (first - 1, last + 1) in pairs:
        first, last = first - 1, last + 1
    return first, last


def _refuse_neighbors(text: str, pieces: list[Piece], spans: list[Span]) -> None:
    """Refuse what is neither ``+`` nor an end beside a random term."""
    ends = Piece("", "operator", 0, 0)
    for span in spans:
        before = pieces[span.first - 1] if span.first else ends
        after = pieces[span.last + 1] if span.last + 1 < len(pieces) else ends
        if before.kind in {"name", "value", "python"} or before.token == ")":
            msg = "missing '+' before a random term; write + (1 | g)"
            raise failure(msg, text, before.start, pieces[span.first].stop)
        if after.kind in {"name", "value", "python"} or after.token == "(":
            msg = "missing '+' after a random term"
            raise failure(msg, text, pieces[span.last].start, after.stop)
        for piece, fine in ((before, {"+", ""}), (after, {"+", "-", "+-", "-+", ""})):
            if piece.kind == "context":
                msg = "a random term stands by itself; take it out of these parentheses"
                raise failure(msg, text, piece.start, piece.stop)
            if piece.token not in fine:
                msg = f"only + joins a random term to the others, got {piece.token!r}"
                raise failure(msg, text, piece.start, piece.stop)


def _without(text: str, pieces: list[Piece], spans: list[Span]) -> str:
    """Return the right-hand side, blank where the random terms and the plus before them were."""
    start = pieces[0].start if pieces else len(text)
    rest = list(" " * start + text[start:])
    for span in spans:
        is_first = not "".join(rest[: pieces[span.first].start]).strip()
        begin = pieces[span.first if is_first or not span.first else span.first - 1].start
        rest[begin : pieces[span.last].stop] = " " * (pieces[span.last].stop - begin)
        if is_first and span.last + 1 < len(pieces) and pieces[span.last + 1].token[0] == "+":
            rest[pieces[span.last + 1].start] = " "
    return "".join(rest)
