"""Fits of one model to many responses: estimates, tests, variances, and what went wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from skglmm.arrays import Bools, Floats, Ints
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.parameters.estimates import Estimates
from skglmm.inference.parameters.natural import std_errors, variances
from skglmm.inference.parameters.wald import Coefficients, coefficient_tables
from skglmm.inference.report.frames import Frame, columns_frame
from skglmm.inference.report.notes import Note, notes
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table
from skglmm.inference.summaries.tidy import tidy

__all__ = ["ADJUSTMENTS", "FitNumbers", "ManyFits", "fit_numbers", "no_numbers"]

Adjustment = Literal["bh", "by"]
ADJUSTMENTS = get_args(Adjustment)
_LABELS = ("effect", "component", "group", "term")  # of estimates, as `tidy` has them
_NAMES = ("predictor", "names")
_NUMBERS = tuple(each.name for each in fields(Coefficients) if each.name not in _NAMES)
RATE = 0.05  # of false discoveries, at which a printed table counts
SHOWN = 5  # names that a sentence lists
Texts = NDArray[np.object_]


class FitNumbers(NamedTuple):
    """What is kept of the fit to one of many responses.

    Parameters
    ----------
    numbers : ndarray, shape (c, q)
        What `Coefficients` has of the fixed effects of all predictors, then estimates and standard
        errors of standard deviations and correlations, which have no test.
    log_likelihood : float
    n_obs : int
    converged, singular : bool
    message : str
        What there is to say; why there is no fit, where there is none.
    df_method : str
        What tables call the degrees of freedom of the fixed effects; empty where there are none.
    labels : Estimates or None
        With names of the estimates; for the first of several fits alone.
    """

    numbers: Floats
    log_likelihood: float
    n_obs: int
    converged: bool
    singular: bool
    message: str = ""
    df_method: str = ""
    labels: Estimates | None = None


def fit_numbers(fit: Fit, *, labeled: bool, df: str = "auto") -> FitNumbers:
    """Return the numbers of a fit, with the names of its estimates if these are asked for.

    Parameters
    ----------
    fit : Fit
    labeled : bool
    df : str
        Of fixed effects, see `reference`.
    """
    against = reference(fit, df)
    tables, parameters = coefficient_tables(fit, against), list(variances(fit))
    fixed = [np.concatenate([getattr(table, name) for table in tables]) for name in _NUMBERS]
    random = np.full((len(_NUMBERS), len(parameters)), np.nan)
    random[_NUMBERS.index("estimate")] = [parameter.value for parameter in parameters]
    random[_NUMBERS.index("std_error")] = std_errors(fit, parameters)
    return FitNumbers(
        np.hstack([np.array(fixed), random]),
        fit.log_likelihood,
        fit.n_samples,
        fit.converged,
        bool(fit.singular),
        "; ".join(note.text for note in notes(fit) if note.kind != "singular"),
        against.title if against.has_df else "",
        tidy(fit, ("fixed", "random"), df="normal") if labeled else None,
    )


def no_numbers(n_obs: int, message: str) -> FitNumbers:
    """Return what there is of a response without a fit."""
    nothing = np.zeros((len(_NUMBERS), 0))
    return FitNumbers(nothing, np.nan, n_obs, converged=False, singular=False, message=message)


@dataclass(frozen=True, repr=False)
class ManyFits(Printed):
    """Fits of one model to many responses.

    Parameters
    ----------
    responses : ndarray of object, shape (m,)
        Names of the responses.
    effect, component, group, term : ndarray of object, shape (q,)
        Kind of estimate ("fixed" or "random"), linear predictor, grouping factor and name, as in
        the estimators' `tidy`.
    numbers : dict of str to ndarray, shape (m, q)
        "estimate", "std_error", "df", "statistic" and "p_value"; NaN where there is none. Degrees
        of freedom are infinite for statistics that are z.
    log_likelihood : ndarray, shape (m,)
        NaN where there is no fit.
    n_obs : ndarray of int, shape (m,)
        Rows that were used: those with a response and a positive weight.
    converged, singular, failed : ndarray of bool, shape (m,)
        Whether the optimizer converged, whether a variance is on the boundary, and whether there
        is no fit.
    messages : tuple of str, length m
        What there is to say of each fit; why there is none.
    df_method : str
        What tables call the degrees of freedom of the fixed effects; empty where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LMMRegressor
    >>> from skglmm.multioutput import fit_many
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    >>> Y = pd.DataFrame(rng.normal(size=(60, 3)), columns=["one", "two", "three"])
    >>> Y["two"] += X["x"] + rng.normal(size=6)[X["g"].factorize()[0]]
    >>> fits = fit_many(LMMRegressor("x + (1 | g)"), X, Y)
    >>> fits.coefficient("x")[["estimate", "std_error", "df", "p_adjusted"]].round(3)
           estimate  std_error      df  p_adjusted
    one       0.061      0.158  58.000         0.7
    two       1.254      0.163  56.710         0.0
    three     0.075      0.149  57.853         0.7
    """

    responses: Texts
    effect: Texts
    component: Texts
    group: Texts
    term: Texts
    numbers: dict[str, Floats]
    log_likelihood: Floats
    n_obs: Ints
    converged: Bools
    singular: Bools
    failed: Bools
    messages: tuple[str, ...]
    df_method: str = ""

    @classmethod
    def of(cls, responses: Texts, found: Sequence[FitNumbers]) -> "ManyFits":
        """Put fits together, at least one of which has names of its estimates."""
        labels, df_method = next(
            (each.labels, each.df_method) for each in found if each.labels is not None
        )
        numbers = np.full((len(_NUMBERS), len(found), len(labels.term)), np.nan)
        failed = np.array([not each.numbers.size for each in found])
        for place, each in enumerate(found):
            if each.numbers.size:
                numbers[:, place] = each.numbers
        return cls(
            responses=responses,
            effect=labels.effect,
            component=labels.component,
            group=labels.group,
            term=labels.term,
            numbers=dict(zip(_NUMBERS, numbers, strict=True)),
            log_likelihood=np.array([each.log_likelihood for each in found]),
            n_obs=np.array([each.n_obs for each in found], dtype=np.intp),
            converged=np.array([each.converged for each in found]),
            singular=np.array([each.singular for each in found]),
            failed=failed,
            messages=tuple(each.message for each in found),
            df_method=df_method,
        )

    @property
    def n_responses(self) -> int:
        """Number of responses."""
        return len(self.responses)

    @property
    def _tabulated(self) -> dict[str, Floats]:
        """Numbers that tables have: degrees of freedom where statistics are t."""
        return {name: part for name, part in self.numbers.items() if name != "df" or self.df_method}

    def p_adjusted(self, adjust: Adjustment = "bh") -> Floats:
        """Return p-values adjusted over the responses, each estimate by itself [1]_.

        Parameters
        ----------
        adjust : {"bh", "by"}
            Benjamini & Hochberg's false discovery rate; or Benjamini & Yekutieli's, whatever the
            dependence of the tests.

        Returns
        -------
        ndarray, shape (m, q)
            NaN where there is no p-value, or the fit did not converge: these do not count.

        References
        ----------
        .. [1] Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate: a
           practical and powerful approach to multiple testing. Journal of the Royal Statistical
           Society, Series B, 57(1), 289-300.
        """
        if adjust not in ADJUSTMENTS:
            msg = (
                f"adjust={adjust!r} is unknown, expected one of {', '.join(map(repr, ADJUSTMENTS))}"
            )
            raise ValueError(msg)
        p_values = self.numbers["p_value"]
        found = np.full_like(p_values, np.nan)
        for column, adjusted in zip(p_values.T, found.T, strict=True):
            used = self.converged & np.isfinite(column)
            adjusted[used] = false_discovery_control(column[used], method=adjust)
        return found

    def to_frame(self, adjust: Adjustment = "bh") -> Frame:
        """Return one row for each response and estimate.

        Parameters
        ----------
        adjust : {"bh", "by"}
            See `p_adjusted`.

        Returns
        -------
        DataFrame
            Columns response, effect ("fixed" or "random"), component (the linear predictor), group,
            term, estimate, std_error, statistic, p_value, p_adjusted; where there are degrees of
            freedom, df before statistic, which is t then, and z otherwise.
        """
        m, q = self.numbers["estimate"].shape
        labels = {name: np.tile(getattr(self, name), m) for name in _LABELS}
        numbers = {**self._tabulated, "p_adjusted": self.p_adjusted(adjust)}
        columns = {"response": np.repeat(self.responses, q), **labels}
        return columns_frame({**columns, **{name: part.ravel() for name, part in numbers.items()}})

    def coefficient(
        self, term: str, component: str | None = None, adjust: Adjustment = "bh"
    ) -> Frame:
        """Return one row for each response, with its test of one fixed effect.

        Parameters
        ----------
        term : str
            Name of the coefficient, such as "Intercept" or "x".
        component : str, default=None
            Its linear predictor; None is that of the mean.
        adjust : {"bh", "by"}
            See `p_adjusted`.

        Returns
        -------
        DataFrame
            Columns estimate, std_error, statistic, p_value, p_adjusted, converged, and df as in
            `to_frame`; the index has the responses.
        """
        place = self._place(term, self.component[0] if component is None else component)
        columns = {name: part[:, place] for name, part in self._tabulated.items()}
        columns["p_adjusted"] = self.p_adjusted(adjust)[:, place]
        return columns_frame({**columns, "converged": self.converged}, self.responses)

    def _place(self, term: str, component: str) -> int:
        fixed = self.effect == "fixed"
        found = np.flatnonzero(fixed & (self.component == component) & (self.term == term))
        if not len(found):
            pairs = zip(self.component[fixed], self.term[fixed], strict=True)
            listed = ", ".join(f"{name!r} ({predictor})" for predictor, name in pairs)
            msg = f"there is no fixed effect {term!r} ({component}); the model has {listed}"
            raise ValueError(msg)
        return int(found[0])

    def glance(self) -> Frame:
        """Return one row for each response, with the state of its fit.

        Returns
        -------
        DataFrame
            Columns n_obs, log_likelihood, converged, singular, failed, message; the index has the
            responses.
        """
        names = ("n_obs", "log_likelihood", "converged", "singular", "failed")
        columns = {name: getattr(self, name) for name in names}
        messages = np.array(self.messages, dtype=object)
        return columns_frame({**columns, "message": messages}, self.responses)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Findings about the fits, in words."""
        return tuple(_notes(self))

    def _page(self) -> Page:
        return Page((_table(self),), notes=tuple(_remarks(self)))


def _table(fits: ManyFits) -> Table:
    """Quartiles of each estimate over the responses, and how many are significant."""
    adjusted, rows = fits.p_adjusted(), []
    for place, term in enumerate(fits.term):
        column = fits.numbers["estimate"][fits.converged, place]
        ends = np.quantile(column, (0.25, 0.5, 0.75)) if len(column) else np.full(3, np.nan)
        is_tested = np.isfinite(adjusted[:, place]).any() and not _is_level(fits, place)
        count = f"{np.count_nonzero(adjusted[:, place] <= RATE)}" if is_tested else ""
        where = fits.group[place] or fits.component[place]
        rows.append((where, term, *(f"{end:.4g}" for end in ends), count))
    title = f"Fits to {fits.n_responses} responses"
    heads = ("", "", "25 %", "median", "75 %", f"p_adjusted <= {RATE:g}")
    return Table(title, heads, tuple(rows), 2)


def _is_level(fits: ManyFits, place: int) -> bool:
    """Whether an estimate is the one number of a scale or a precision: a test of its unit."""
    fixed = [fits.component[j] for j, effect in enumerate(fits.effect) if effect == "fixed"]
    own = fits.component[place]
    return own != fixed[0] and fixed.count(own) == 1


def _notes(fits: ManyFits) -> Iterator[Note]:
    for flags, what in (
        (fits.failed, "no fit"),
        (~(fits.converged | fits.failed), "a fit that did not converge"),
    ):
        places = np.flatnonzero(flags)
        if len(places):
            verb = "has" if len(places) == 1 else "have"
            names = ", ".join(repr(name) for name in fits.responses[places[:SHOWN]])
            more = ", ..." if len(places) > SHOWN else ""
            text = (
                f"{len(places)} of {fits.n_responses} responses {verb} {what}: {names}{more} (the "
                f"first: {fits.messages[places[0]]}); glance() has the message of each"
            )
            yield Note("convergence", text)


def _remarks(fits: ManyFits) -> Iterator[str]:
    yield from (note.text for note in fits.notes)
    n_partial = int(np.count_nonzero(fits.n_obs < fits.n_obs.max(initial=0)))
    if n_partial:
        text = "1 response was" if n_partial == 1 else f"{n_partial} responses were"
        yield f"{text} fitted to fewer rows than others, because of missing values"
    yield f"{np.count_nonzero(fits.singular)} of {fits.n_responses} fits are singular"
    if fits.df_method:
        yield f"degrees of freedom: {fits.df_method}"
