"""Several models side by side, as papers show them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.validation import (
    check_choice,
    check_count,
    check_flag,
    check_level,
)
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inference import DF_METHODS, FrameTable, ModelTable, Table, of_frame
from skglmm.model_selection.compare import model_labels
from skglmm.model_selection.entries import LAST, MEAN, Entry, entries, statistics_of
from skglmm.model_selection.unrestricted import refuse_missing

__all__ = ["frame_table", "model_table"]

# Columns of each model, by the option: what stands in a cell, and its head.
COLUMNS = {
    "intervals": ("estimate", "interval"),
    "std_errors": ("estimate", "std_error"),
    "both": ("estimate", "std_error", "interval"),
    "p_values": ("estimate", "std_error", "p_value"),
    "stars": ("stars", "std_error"),
}
HEADS = {"estimate": "estimate", "stars": "estimate", "std_error": "(s.e.)", "p_value": "p"}
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
STARS_SAID = "p < 0.05: *, p < 0.01: **, p < 0.001: ***"
DEFAULT = ("n_obs", "groups", "log_likelihood", "aic", "bic")
OF_ROWS = ("r2_marginal", "r2_conditional", "icc")  # which need X and y
NAMES = {
    "family": "Family",
    "link": "Link",
    "n_obs": "Rows",
    "groups": "Groups",
    "n_params": "Parameters",
    "log_likelihood": "Log likelihood",
    "deviance": "Deviance",
    "aic": "AIC",
    "aicc": "AICc",
    "bic": "BIC",
    "r2_marginal": "Marginal R²",
    "r2_conditional": "Conditional R²",
    "icc": "ICC",
}
MOST_DECIMALS, PLAIN = 8, 3
INTERCEPT = "Intercept"  # first, even where the first model has none


@single_threaded
def model_table(
    models: Any,
    *,
    names: Sequence[str] | None = None,
    columns: str = "intervals",
    exponentiate: bool = False,
    rows: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    statistics: Sequence[str] = DEFAULT,
    random: bool = True,
    level: float = 0.95,
    df: str = "auto",
    digits: int = 2,
    title: str = "",
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
) -> ModelTable:
    """Put models side by side: their estimates, random effects and criteria.

    Models may be of different families, predictors and data.

    Parameters
    ----------
    models : list of estimator or Pipeline
        Fitted; one by itself is fine.
    names : list of str, default=None
        Of the models; None counts them.
    columns : {"intervals", "std_errors", "both", "p_values", "stars"}, default="intervals"
        What stands beside an estimate: Wald intervals, as those of `tidy`; standard errors in
        parentheses; both; errors and p-values; errors, and stars for p-values.
    exponentiate : bool, default=False
        Whether effects are ratios, where the link makes them such; a note tells of models whose
        effects are none.
    rows : list of str, default=None
        Estimates to show, in this order, by their names in `vcov` and `confint`: ``"C(f)[T.b]"``,
        ``"precision(x)"``, ``"s(x)"``, ``"sd(Intercept | g)"``; None shows all.
    labels : mapping of str to str, default=None
        What to write in place of the names of estimates, statistics and headings.
    statistics : list of str, default=("n_obs", "groups", "log_likelihood", "aic", "bic")
        Rows below: of these, "family", "link", "n_params", "deviance", "aicc", "r2_marginal",
        "r2_conditional", "icc". The last three are those of the latent scale, and need X and y.
    random : bool, default=True
        Whether to show standard deviations and correlations of random effects.
    level : float, default=0.95
        Coverage of the intervals.
    df : str, default="auto"
        Degrees of freedom, see `summary`.
    digits : int, default=2
        Significant digits of standard errors; estimates have as many decimals as these.
    title : str, default=""
        Caption.
    X, y : DataFrame and array-like, default=None
        The rows of `fit` and their responses, the same for all models.
    sample_weight : array-like, default=None
        The weights of `fit`.

    Returns
    -------
    ModelTable
        A record that prints, with `to_markdown`, `to_latex`, `to_html` and `to_frame`.

    Raises
    ------
    TypeError
        When a model is not a skglmm estimator.
    NotFittedError
        When a model is not fitted.
    ValueError
        When there are no models, names are too few or not unique; when `columns`, `statistics`
        or `df` is unknown; when `rows` or `labels` has a name that no model has; when X and y are
        missing and needed.

    See Also
    --------
    compare : Criteria and tests of models of the same rows.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import model_table
    >>> X, y = load_petrol(return_X_y=True)
    >>> plain = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
    >>> mixed = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> model_table([plain, mixed], names=["plain", "mixed"], columns="std_errors")
                                      plain                mixed
                               estimate     (s.e.)  estimate     (s.e.)
      Mean, logit scale
        Intercept                 -3.91     (0.47)     -5.18     (0.24)
        EP                      0.00731  (0.00130)   0.01083  (0.00049)
      Other parameters
        precision                  26.6      (6.6)     302.2     (91.2)
      Random effects
        sd(Intercept | batch)                           0.52     (0.12)
    <BLANKLINE>
      Rows                           32                   32
      Groups: batch                                       10
      Log likelihood            -107.25               -86.77
      AIC                        220.50               181.54
      BIC                        224.90               187.41
    """
    models = list(models) if isinstance(models, list | tuple) else [models]
    if not models:
        msg = "there are no models; call model_table([model_1, model_2, ...])"
        raise ValueError(msg)
    found = model_labels(models, names)
    check_choice("columns", columns, tuple(COLUMNS))
    check_choice("df", df, DF_METHODS)
    check_flag("exponentiate", exponentiate)
    check_flag("random", random)
    check_level(level)
    check_count("digits", digits)
    inner = [unwrap(model, label) for model, label in zip(models, found, strict=True)]
    of_model = partial(entries, level=level, exponentiate=exponentiate, df=df, random=random)
    told = [{each.name: each for each in of_model(model)} for model in inner]
    every = _sorted(told, _heading(inner, exponentiate=exponentiate))
    shown = _chosen(every, rows)
    below = _statistics(inner, statistics, partial(_of_rows, models, X, y, sample_weight))
    written = _written(labels or {}, every, below)
    table = _TableColumns(columns, digits, level, told, written).table(title, found, shown, below)
    notes = tuple(_notes(inner, found, columns, exponentiate=exponentiate))
    return ModelTable(tuple(found), table, _frame(found, shown, told), notes)


def _heading(models: Sequence[MixedModel], *, exponentiate: bool) -> str:
    """What the coefficients of the location are about, with the link if it is the same."""
    families = [model.fit_.family for model in models]
    names = {family.predictors[family.location].capitalize() for family in families}
    links = {family.links[family.location] for family in families}
    head = names.pop() if len(names) == 1 else "Location"
    if exponentiate and all(link.ratio is not None for link in links):
        return f"{head}, ratios"
    spelled = {link.name for link in links}
    return f"{head}, {spelled.pop()} scale" if len(spelled) == 1 else head


def _sorted(told: Sequence[Mapping[str, Entry]], heading: str) -> dict[str, str]:
    """Return the section of each estimate, by its name; sections and names as they come first."""
    found: dict[str, str] = {}
    for entries_of in told:
        for name, entry in entries_of.items():
            found.setdefault(name, entry.section)
    sections = [*dict.fromkeys(section for section in found.values() if section not in LAST), *LAST]
    order = sorted(found, key=lambda name: (sections.index(found[name]), name != INTERCEPT))
    return {name: heading if found[name] == MEAN else found[name] for name in order}


def _chosen(every: Mapping[str, str], rows: Sequence[str] | None) -> dict[str, str]:
    """Return the estimates that are asked for, with their sections."""
    if rows is None:
        return dict(every)
    asked = [rows] if isinstance(rows, str) else list(rows)
    _refuse_unknown("rows", asked, every)
    return {name: every[name] for name in asked}


def _refuse_unknown(option: str, given: Iterable[str], known: Collection[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        msg = (
            f"{option} has {', '.join(map(repr, unknown))}, which no model has; there are "
            f"{', '.join(map(repr, known))}"
        )
        raise ValueError(msg)


def _of_rows(
    models: Sequence[Any], X: Any, y: Any, sample_weight: Any, names: Sequence[str]
) -> list[dict[str, str]]:
    """Return the statistics that need rows, of each model."""
    refuse_missing(f"statistics={list(names)}", "model_table(..., X=X, y=y)", X=X, y=y)
    shares = [
        unwrap(model).r2(Inside.of(model).rows(X), y, sample_weight).latent for model in models
    ]
    return [
        {name: f"{getattr(each, name.removeprefix('r2_')):.3f}" for name in OF_ROWS}
        for each in shares
    ]


def _statistics(
    models: Sequence[MixedModel],
    names: Sequence[str],
    of_rows: Callable[[Sequence[str]], list[dict[str, str]]],
) -> dict[str, list[str]]:
    """Return the texts of each statistic, a row for each grouping factor among them."""
    asked = [names] if isinstance(names, str) else list(names)
    for name in asked:
        check_choice("statistics", name, tuple(NAMES))
    found = [statistics_of(model) for model in models]
    needy = [name for name in asked if name in OF_ROWS]
    if needy:
        found = [own | more for own, more in zip(found, of_rows(needy), strict=True)]
    factors = dict.fromkeys(factor for model in models for factor in model.n_levels_)
    below: dict[str, list[str]] = {}
    for name in asked:
        if name == "groups":
            for factor in factors:
                counts = [model.n_levels_.get(factor, "") for model in models]
                below[f"groups: {factor}"] = list(map(str, counts))
        else:
            below[name] = [own[name] for own in found]
    return below


def _written(
    labels: Mapping[str, str], every: Mapping[str, str], below: Mapping[str, Any]
) -> dict[str, str]:
    """Return what to write for each name: of estimates, headings and statistics."""
    known = {name: name for name in (*every, *every.values())}
    known |= {name: NAMES.get(name, name.capitalize()) for name in below}
    known |= {name: f"Groups: {name.removeprefix('groups: ')}" for name in below if ":" in name}
    _refuse_unknown("labels", labels, known)
    return known | dict(labels)


@dataclass(frozen=True)
class _TableColumns:
    """How estimates are written in cells.

    Parameters
    ----------
    columns : str
    digits : int
    level : float
    told : sequence of mapping
        Estimates of each model, by their names.
    written : mapping of str to str
        Names as they are shown.
    """

    columns: str
    digits: int
    level: float
    told: Sequence[Mapping[str, Entry]]
    written: Mapping[str, str]

    def table(
        self,
        title: str,
        names: Sequence[str],
        shown: Mapping[str, str],
        below: Mapping[str, Sequence[str]],
    ) -> Table:
        """Return the table of estimates, headings above them, and statistics below."""
        kinds = COLUMNS[self.columns]
        rows: list[tuple[str, ...]] = []
        headings, rules, section = [], [], None
        width = len(kinds) * len(names)
        for name, own in shown.items():
            if own != section:
                section = own
                headings.append(len(rows))
                rows.append((self.written[own], *[""] * width))
            cells = [cell for entry in self._row(name) for cell in entry]
            rows.append((self.written[name], *cells))
        if below:
            rules.append(len(rows))
        for name, values in below.items():
            cells = [text for value in values for text in (value, *[""] * (len(kinds) - 1))]
            rows.append((self.written[name], *cells))
        interval = f"{100 * self.level:g} % interval"
        heads = [HEADS.get(kind, interval) for kind in kinds] * len(names)
        spans = tuple((name, len(kinds)) for name in names)
        return Table(title, ("", *heads), tuple(rows), 1, tuple(headings), tuple(rules), spans)

    def _row(self, name: str) -> Iterator[list[str]]:
        """Yield the cells of each model, with the same decimals in all of them."""
        found = [own.get(name) for own in self.told]
        decimals = max(self._decimals(each) for each in found if each is not None)
        for each in found:
            kinds = COLUMNS[self.columns]
            yield [_text(each, kind, decimals) if each else "" for kind in kinds]

    def _decimals(self, entry: Entry) -> int:
        size, digits = entry.std_error, self.digits
        if not 0.0 < size < np.inf:
            size, digits = abs(entry.estimate), PLAIN
        if not 0.0 < size < np.inf:
            return digits
        return int(np.clip(digits - 1 - np.floor(np.log10(size)), 0, MOST_DECIMALS))


def _text(entry: Entry, kind: str, decimals: int) -> str:
    """Return the text of one number of an estimate; empty where there is none."""
    if kind == "interval":
        ends = [_number(end, decimals) for end in (entry.low, entry.high)]
        return f"[{', '.join(end or 'NA' for end in ends)}]" if any(ends) else ""
    if kind == "p_value":
        p = entry.p_value
        return "" if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"
    if kind == "std_error":
        return f"({_number(entry.std_error, decimals)})" if entry.std_error >= 0.0 else ""
    text = _number(entry.estimate, decimals)
    stars = [stars for limit, stars in STARS if entry.p_value < limit]
    return text + stars[0] if stars and kind == "stars" else text


def _number(value: float, decimals: int) -> str:
    return "" if np.isnan(value) else f"{value:.{decimals}f}"


def _notes(
    models: Sequence[MixedModel], names: Sequence[str], columns: str, *, exponentiate: bool
) -> Iterator[str]:
    families = [model.fit_.family for model in models]
    links = [family.links[family.location] for family in families]
    pairs = list(zip(names, models, strict=True))
    if len({link.name for link in links}) > 1:
        yield f"Links: {', '.join(f'{n} {k.name}' for n, k in zip(names, links, strict=True))}"
    plain = [name for name, link in zip(names, links, strict=True) if link.ratio is None]
    if exponentiate and plain:
        yield f"No ratios, by their links: effects of {', '.join(plain)}"
    if columns == "stars":
        yield STARS_SAID
    restricted = [name for name, model in pairs if model.fit_.integrated]
    if restricted:
        yield f"Fitted by REML, with restricted likelihoods: {', '.join(restricted)}"
    penalized = [name for name, model in pairs if model.fit_.priors]
    if penalized:
        yield f"Posterior modes, by priors: {', '.join(penalized)}"


def _frame(
    names: Sequence[str], shown: Mapping[str, str], told: Sequence[Mapping[str, Entry]]
) -> pd.DataFrame:
    fields = ("estimate", "std_error", "low", "high", "p_value")
    heads = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    columns = pd.MultiIndex.from_product([names, heads], names=["model", None])
    index = pd.MultiIndex.from_tuples(
        [(section, name) for name, section in shown.items()], names=["section", "name"]
    )
    values = [
        [getattr(own[name], field) if name in own else np.nan for own in told for field in fields]
        for name in shown
    ]
    return pd.DataFrame(values, index=index, columns=columns, dtype=np.float64)


@single_threaded
def frame_table(frame: pd.DataFrame, *, title: str = "", digits: int = 5) -> FrameTable:
    """Return a data frame as a record that is written as Markdown, LaTeX and HTML.

    It is for what methods return as frames: `confint`, `tidy`, `compare`, means of groups. No
    further package is needed.

    Parameters
    ----------
    frame : DataFrame
        Its index, unless it counts the rows, and text in the first columns are names.
    title : str, default=""
        Caption.
    digits : int, default=5
        Significant digits of numbers; p-values have two.

    Returns
    -------
    FrameTable
        A record that prints, with `to_markdown`, `to_latex` and `to_html`.

    Raises
    ------
    TypeError
        When it is no data frame.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import frame_table
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> frame_table(model.confint(), title="Limits", digits=3)
    Limits
                             estimate  conf low  conf high
      Intercept                 -5.18     -5.65      -4.71
      EP                       0.0108   0.00986     0.0118
      precision                   302       167        546
      sd(Intercept | batch)     0.515     0.327      0.812
    """
    if not isinstance(frame, pd.DataFrame):
        msg = f"frame is of type {type(frame).__name__}, expected a DataFrame such as that of tidy"
        raise TypeError(msg)
    check_count("digits", digits)
    return FrameTable(of_frame(frame, title, digits), frame)
