"""Averages of means by the levels of factors, and their contrasts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inference.degrees_of_freedom.reference import Reference, t_quantile
from skglmm.inference.means.adjust import ADJUSTMENTS, adjusted
from skglmm.inference.means.contrast_weights import (
    METHODS,
    ContrastWeights,
    crossed,
    custom_weights,
    method_weights,
)
from skglmm.inference.means.contrasts import MeanContrasts, labeled, limit_heads, value_text
from skglmm.inference.means.functions import EstimatedFunctions
from skglmm.inference.means.working_scale import WorkingScale
from skglmm.inference.report.frames import columns_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["MarginalMeans", "free"]

# What p-values of each method are adjusted by, if nothing is said.
USUAL = {"pairwise": "tukey", "reference": "dunnett", "sequential": "holm"}
OWN = {"tukey": "pairwise", "dunnett": "reference"}  # methods that adjustments are made for
SEPARATORS = (" ", ", ", " | ", " & ")  # between the levels of a mean
WORDS = {
    "tukey": "p and limits by Tukey, for {k} means",
    "dunnett": "p and limits by Dunnett, for {c} contrasts",
    "sidak": "p and limits by Sidak, for {c} contrasts",
    "holm": "p by Holm, limits by Bonferroni, for {c} contrasts",
    "bonferroni": "p and limits by Bonferroni, for {c} contrasts",
    "none": "p and limits not adjusted for {c} contrasts",
}


@dataclass(frozen=True, repr=False, eq=False)
class MarginalMeans(Printed):
    """Averages of means, or of slopes, with standard errors and limits.

    Parameters
    ----------
    title : str
        What they are.
    names : tuple of str
        Columns that say of which rows an average is.
    labels : tuple of tuple
        Values of these columns, average by average.
    functions : EstimatedFunctions
        Averages on the working scale, such as log odds.
    working : WorkingScale
    on_link : bool
        Whether numbers are left on the working scale.
    against : Reference
        What they are compared with.
    level : float
        Coverage of the limits.
    within : tuple of str, default=()
        Columns within whose values contrasts are.
    notes : tuple of str, default=()

    Examples
    --------
    >>> from skglmm import LMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import marginal_means
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = LMMRegressor("EP + (1 | batch)").fit(X, y)
    >>> marginal_means(model, X, by="EP", at={"EP": [250, 350]}).to_frame().round(2)
        EP  estimate  std_error    df  conf_low  conf_high
    0  250      6.09       2.72  9.51     -0.01      12.18
    1  350     21.84       2.68  8.93     15.78      27.90
    """

    title: str
    names: tuple[str, ...]
    labels: tuple[tuple[Any, ...], ...]
    functions: EstimatedFunctions
    working: WorkingScale
    on_link: bool
    against: Reference
    level: float
    within: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> Floats:
        """The averages, (m,)."""
        return self._shown(self.functions.estimate)[0]

    @property
    def std_error(self) -> Floats:
        """Their standard errors, (m,)."""
        slope = self._shown(self.functions.estimate)[1]
        return np.abs(slope) * self.functions.std_error

    @property
    def df(self) -> Floats:
        """Their degrees of freedom, (m,), infinite for the normal distribution."""
        return self.functions.df(self.against)

    @property
    def limits(self) -> tuple[Floats, Floats]:
        """Lower and upper limits, (m,) each, symmetric on the working scale."""
        reach = t_quantile(self.level, self.df) * self.functions.std_error
        ends = [self._shown(self.functions.estimate + sign * reach)[0] for sign in (-1.0, 1.0)]
        return np.minimum(*ends), np.maximum(*ends)

    def _shown(self, eta: Floats) -> tuple[Floats, Floats]:
        return (eta, np.ones_like(eta)) if self.on_link else self.working.response(eta)

    def _page(self) -> Page:
        return Page((self._table(),), notes=self.notes)

    def to_frame(self) -> Any:  # a DataFrame, which this floor does not know
        """Return one row for each average.

        Columns are those of `names`, estimate, std_error, df, conf_low and conf_high; a name
        that is one of these gets a line below, ``"estimate_"``.
        """
        low, high = self.limits
        numbers = {"estimate": self.estimate, "std_error": self.std_error, "df": self.df}
        numbers |= {"conf_low": low, "conf_high": high}
        return columns_frame(labeled(self.names, self.labels, numbers))

    def _table(self) -> Table:
        has_df = bool(np.isfinite(self.df).any())
        heads = [*self.names, "estimate", "std. error"]
        columns = [self.estimate, self.std_error]
        if has_df:
            heads, columns = [*heads, "df"], [*columns, self.df]
        cells = np.stack([*columns, *self.limits], axis=1).tolist()
        rows = tuple(
            (*map(str, names), *map(value_text, row))
            for names, row in zip(self.labels, cells, strict=True)
        )
        return Table(self.title, (*heads, *limit_heads(self.level)), rows, len(self.names))

    def contrasts(
        self,
        method: Any = "pairwise",
        *,
        by: Any = None,
        adjust: str = "auto",
        reference: Any = None,
        ratio: bool = True,
        regrid: bool = False,
        interaction: bool = False,
    ) -> MeanContrasts:
        """Compare the averages with each other.

        They are compared on the working scale, that of the link; where their scale is that of
        the response, and differences are logarithms, as ratios [1]_.

        Parameters
        ----------
        method : str, array-like of shape (c, m), mapping, or list of str, default="pairwise"
            "pairwise" differences, those with a "reference", "sequential" ones of each with the one
            before, or "polynomial" trends over evenly spaced levels. Or weights: a matrix with a
            row for each contrast, or a mapping of names to weights, which are numbers or a
            mapping of levels to numbers. With `interaction` a list has a method for each column.
        by : str or list of str, default=None
            Columns within whose values the others are compared; adjustments are for the contrasts
            within one of them.
        adjust : str, default="auto"
            Of p-values and limits: "tukey" for pairwise contrasts, "dunnett" for those with a
            reference (an approximation), "sidak", "holm", "bonferroni" or "none". By default
            "tukey", "dunnett", for sequential ones "holm", and "none" for all others.
        reference : level or tuple of levels, default=None
            Level to compare the others with; the first by default. Of several columns one of each.
        ratio : bool, default=True
            Whether contrasts are ratios where differences are logarithms: odds ratios with the
            logit link, ratios of means with the log link.
        regrid : bool, default=False
            Whether to compare means themselves, on the scale of the response.
        interaction : bool, default=False
            Whether to compare contrasts of one column over contrasts of the others.

        Returns
        -------
        MeanContrasts

        Raises
        ------
        ValueError
            When a method, an adjustment, a column or a level is unknown, or they do not fit.

        References
        ----------
        .. [1] Searle, S. R., Speed, F. M. & Milliken, G. A. (1980). Population marginal means in
           the linear model: an alternative to least squares means. The American Statistician,
           34(4), 216-221.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import marginal_means
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> means = marginal_means(model, X, by="EP", at={"EP": [250, 300, 350]})
        >>> print(means.contrasts("reference", adjust="holm"))
        Odds ratios
          contrast       ratio  std. error      z          p   2.5%  97.5%
          EP300 / EP250  1.719     0.04242  21.94  2.35e-106  1.626  1.816
          EP350 / EP250  2.953      0.1458  21.94  2.35e-106  2.644  3.299
        <BLANKLINE>
        * p by Holm, limits by Bonferroni, for 2 contrasts
        """
        within = tuple(dict.fromkeys([*self.within, *self._columns(by)]))
        base = self._on_response() if regrid or self.working.compares_response else self
        every = list(self._groups(within))
        groups = [each for each in every if len(each[1]) > 1] or every
        made = [
            (key, rows, base._weights(rows, within, method, reference, interaction=interaction))
            for key, rows in groups
        ]
        how = _adjustment(adjust, method, interaction=interaction)
        as_ratio = ratio and not base.on_link and bool(base.working.ratio)
        as_ratio = as_ratio and all(weights.are_comparisons for _, _, (_, weights) in made)
        pieces = [base._compared(*each, how, as_ratio=as_ratio) for each in made]
        labels = tuple(label for piece in pieces for label in piece[0])
        others = [name for name in self.names if name not in within]
        heads = (*within, *(others if interaction else [free("contrast", within)]))
        estimate, error, df, statistic, p_value, low, high = (
            np.concatenate(part) for part in zip(*(piece[1] for piece in pieces), strict=True)
        )
        counts = [len(weights.matrix) for _, _, (_, weights) in made]
        sizes = {"k": _span([len(rows) for _, rows in groups]), "c": _span(counts)}
        weights = np.concatenate([self._of_all(*each[1:]) for each in made])
        words = () if max(counts) == 1 else (WORDS[how].format(**sizes),)
        title = base._contrast_title(as_ratio=as_ratio)
        title += ", scale of the response" if base is not self else ""
        return MeanContrasts(
            *(title, heads, labels, estimate, error, df, statistic, p_value, low, high),
            *(how, as_ratio, self.level, weights, words),
        )

    def compared(
        self, method: Any, by: Sequence[str], adjust: str, reference: Any, *, ratio: bool
    ) -> MeanContrasts:
        """Return contrasts of the averages themselves, or ratios of these, whatever the link.

        Parameters
        ----------
        method, by, adjust, reference
            As in `contrasts`.
        ratio : bool

        Raises
        ------
        ValueError
            For ratios of averages of which some are not positive; as `contrasts`.
        """
        base = self._on_response()
        if ratio:
            value = base.functions.estimate
            if (value <= 0.0).any():
                msg = (
                    f"ratio=True needs positive means, and the least is {np.nanmin(value):.4g}; "
                    "compare by differences, ratio=False"
                )
                raise ValueError(msg)
            moved = base.functions.moved(np.log(value), 1.0 / value)
            base = replace(
                base, functions=moved, working=WorkingScale("log", ratio="average means")
            )
        found = base.contrasts(method, by=by, adjust=adjust, reference=reference)
        found = replace(found, notes=(*self.notes, *found.notes))
        return found if ratio else replace(found, title="Differences of average means")

    def _columns(self, by: Any) -> list[str]:
        columns = [] if by is None else [by] if isinstance(by, str) else list(by)
        for name in columns:
            if name not in self.names:
                msg = f"by={name!r} is no column of these averages, which have {list(self.names)}"
                raise ValueError(msg)
        return columns

    def _groups(self, within: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], list[int]]]:
        """Places of the averages within each value of some columns."""
        places, found = [self.names.index(name) for name in within], dict[Any, list[int]]()
        for row, label in enumerate(self.labels):
            found.setdefault(tuple(label[j] for j in places), []).append(row)
        yield from found.items()

    def _on_response(self) -> "MarginalMeans":
        """Return the same with the response as the working scale."""
        value, slope = self.working.response(self.functions.estimate)
        moved = self.functions.moved(value, slope)
        return replace(self, functions=moved, working=WorkingScale(), on_link=False)

    def _weights(
        self,
        rows: list[int],
        within: Sequence[str],
        method: Any,
        reference: Any,
        *,
        interaction: bool,
    ) -> tuple[list[tuple[str, ...]], ContrastWeights]:
        """Return the names of contrasts of some averages, and their weights."""
        columns = [j for j, name in enumerate(self.names) if name not in within]
        levels = [tuple(self.labels[row][j] for j in columns) for row in rows]
        if interaction:
            return self._crossed(columns, levels, method, reference)
        texts = self._texts(columns)
        labels = _joined([tuple(map(texts, columns, level)) for level in levels])
        weights = _weights_of(method, labels, _place(reference, levels, labels), levels)
        return [(name,) for name in weights.names], weights

    def _crossed(
        self, columns: list[int], levels: list[tuple[Any, ...]], method: Any, reference: Any
    ) -> tuple[list[tuple[str, ...]], ContrastWeights]:
        each = [list(dict.fromkeys(part)) for part in zip(*levels, strict=True)]
        size = int(np.prod([len(part) for part in each]))
        methods = [method] * len(each) if isinstance(method, str) else list(method)
        if len(each) < 2 or size != len(levels) or len(methods) != len(each):
            msg = (
                f"interaction=True needs averages of all combinations of two columns or more, and "
                f"one method or one for each; got {len(levels)} averages of "
                f"{[self.names[j] for j in columns]} and {len(methods)} methods"
            )
            raise ValueError(msg)
        wanted = reference if isinstance(reference, tuple) else (reference,) * len(each)
        parts = [
            _weights_of(
                how,
                list(map(str, part)),
                _place(at, [(x,) for x in part], part),
                [(x,) for x in part],
            )
            for how, part, at in zip(methods, each, wanted, strict=True)
        ]
        names, matrix = crossed(parts)
        order = {level: i for i, level in enumerate(_product(each))}
        return names, ContrastWeights((), matrix[:, [order[level] for level in levels]])

    def _texts(self, columns: Sequence[int]) -> Any:
        """Return texts of levels; of numbers with the name of their column."""
        numeric = {j for j in columns if all(_is_numeric(label[j]) for label in self.labels)}
        heads = {j: name + "=" * name[-1:].isdigit() for j, name in enumerate(self.names)}
        return lambda j, level: f"{heads[j]}{level}" if j in numeric else str(level)

    def _compared(
        self,
        key: tuple[Any, ...],
        rows: list[int],
        made: tuple[list[tuple[str, ...]], ContrastWeights],
        how: str,
        *,
        as_ratio: bool,
    ) -> tuple[list[tuple[Any, ...]], tuple[Floats, ...]]:
        names, weights = made
        found = self.functions.take(rows).combined(weights.matrix)
        value, error, df = found.estimate, found.std_error, found.df(self.against)
        statistic = np.divide(value, error, out=np.full(len(value), np.nan), where=error > 0.0)
        p_value, reach = adjusted(how, statistic, df, self.level, len(rows))
        ends = [value, value - reach * error, value + reach * error]
        if as_ratio:
            ends = [np.exp(end) for end in ends]
            error = ends[0] * error
        stroke = "/" if as_ratio else "-"
        labels = [(*key, *(part.format(stroke) for part in name)) for name in names]
        return labels, (ends[0], error, df, statistic, p_value, *ends[1:])

    def _of_all(
        self, rows: list[int], made: tuple[list[tuple[str, ...]], ContrastWeights]
    ) -> Floats:
        """Return weights of contrasts of some averages as those of all of them."""
        found = np.zeros((len(made[1].matrix), len(self.labels)))
        found[:, rows] = made[1].matrix
        return found

    def _contrast_title(self, *, as_ratio: bool) -> str:
        if as_ratio:
            kind = self.working.ratio
            return f"{kind.capitalize()} ratios" if kind == "odds" else f"Ratios of {kind}"
        scale = f", {self.working.name} scale" if self.working.name else ""
        return f"Contrasts{scale}"


def _weights_of(
    method: Any, labels: Sequence[str], reference: int, levels: Sequence[tuple[Any, ...]]
) -> ContrastWeights:
    if not isinstance(method, str):
        return custom_weights(method, labels, levels)
    if method not in METHODS:
        msg = (
            f"method={method!r} is unknown, expected one of {', '.join(map(repr, METHODS))}, a "
            "matrix, or a mapping of names to weights"
        )
        raise ValueError(msg)
    if len(labels) < 2:
        only = ", ".join(filter(None, labels)) or "one average"
        msg = f"there is nothing to compare {only} with: contrasts need two averages"
        raise ValueError(msg)
    return method_weights(method, labels, reference)


def free(word: str, names: Sequence[str]) -> str:
    """Return a word for a column, with lines below as long as another has its name."""
    return free(f"{word}_", names) if word in names else word


def _joined(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a text for each mean, by a separator that tells them apart."""
    for separator in SEPARATORS:
        found = [separator.join(each) for each in parts]
        if len(set(found)) == len(set(parts)):
            break
    return found


def _span(sizes: Sequence[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"


def _place(reference: Any, levels: Sequence[tuple[Any, ...]], labels: Sequence[Any]) -> int:
    """Place of the level of reference, 0 by default."""
    if reference is None:
        return 0
    wanted = reference if isinstance(reference, tuple) else (reference,)
    for place, level in enumerate(levels):
        if level == wanted or str(labels[place]) == str(reference):
            return place
    known = ", ".join(map(str, labels))
    msg = f"reference={reference!r} is none of the levels, which are {known}"
    raise ValueError(msg)


def _adjustment(adjust: Any, method: Any, *, interaction: bool) -> str:
    """Return the adjustment for contrasts of a method."""
    named = method if isinstance(method, str) and not interaction else ""
    if adjust == "auto":
        return USUAL.get(named, "none")
    if adjust not in ADJUSTMENTS:
        choices = ", ".join(map(repr, ("auto", *ADJUSTMENTS)))
        msg = f"adjust={adjust!r} is unknown, expected one of {choices}"
        raise ValueError(msg)
    if OWN.get(adjust, named) != named:
        msg = (
            f"adjust={adjust!r} is for {OWN[adjust]!r} contrasts of one set of means only; for "
            "others there are 'sidak', 'holm', 'bonferroni' and 'none'"
        )
        raise ValueError(msg)
    return str(adjust)


def _is_numeric(level: Any) -> bool:
    try:
        float(level)
    except (TypeError, ValueError):
        return False
    return not isinstance(level, (bool, np.bool_))


def _product(each: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    if not each:
        yield ()
        return
    for first in each[0]:
        for rest in _product(each[1:]):
            yield (first, *rest)
