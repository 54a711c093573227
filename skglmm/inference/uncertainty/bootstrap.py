r"""The parametric bootstrap: responses simulated from a fit, and what refits make of them [1]_.

References
----------
.. [1] Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application.
   Cambridge University Press, chapters 2 and 5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.fitting import Fit, Options, Study, refit
from skglmm.inference.parameters.held import held_interval, is_undetermined, known_ends
from skglmm.inference.parameters.natural import Natural, infinite, is_open, natural
from skglmm.inference.parameters.wald import Intervals
from skglmm.inference.report.frames import Frame, replicate_frame
from skglmm.inference.report.notes import Note
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table
from skglmm.inference.uncertainty.simulate import simulate_responses

__all__ = ["Bootstrap", "Refit", "bootstrap_once"]


class Refit(NamedTuple):
    """What is kept of the fit to one simulated response.

    Parameters
    ----------
    values, working : ndarray, shape (m,)
        Parameters on their natural scales, and on those without bounds.
    log_likelihood : float
    converged, singular : bool
    error : str
        What went wrong, where there is no fit; else empty.
    """

    values: Floats
    working: Floats
    log_likelihood: float
    converged: bool
    singular: bool
    error: str = ""


def bootstrap_once(study: Study, fit: Fit, options: Options, rng: np.random.Generator) -> Refit:
    """Simulate responses and fit them.

    Parameters
    ----------
    study : Study
        Rows of `fit`, without weights.
    fit : Fit
    options : Options
        When the optimizer stops.
    rng : Generator

    Returns
    -------
    Refit
    """
    try:
        found = refit(study.with_response(simulate_responses(fit, study, rng)), fit, options)
    except (ArithmeticError, ValueError) as error:  # a likelihood or a matrix that is not finite
        nothing = np.full(len(list(natural(fit))), np.nan)
        text = f"{type(error).__name__}: {error}"
        return Refit(nothing, nothing, np.nan, converged=False, singular=False, error=text)
    parameters = list(natural(found))
    values = np.array([_value(found, parameter) for parameter in parameters])
    working = np.array([_working(found, parameter) for parameter in parameters])
    singular = bool(found.singular)
    return Refit(values, working, found.log_likelihood, found.converged, singular)


def _is_unknown(fit: Fit, parameter: Natural) -> bool:
    """Whether a coefficient depends on others, or compares what is at infinity."""
    is_left_out = np.isfinite(parameter.working) and np.isnan(parameter.gradient).all()
    return bool(is_left_out or is_open(fit, parameter))


def _is_on_boundary(parameter: Natural) -> bool:
    return bool(np.isnan(parameter.working) and not np.isnan(parameter.value))


def _value(fit: Fit, parameter: Natural) -> float:
    """The value on its natural scale, infinite where separated responses have no finite one."""
    if _is_unknown(fit, parameter):
        return np.nan
    away = infinite(fit, parameter)
    end = np.array(np.copysign(np.inf, away * parameter.slope))
    return float(parameter.back(end)) if away else parameter.value


def _working(fit: Fit, parameter: Natural) -> float:
    """The value on the scale without bounds, whose ends are infinite."""
    away = infinite(fit, parameter)
    if away:
        return float(np.copysign(np.inf, away * parameter.slope))
    if _is_on_boundary(parameter):
        return -np.inf if parameter.value == 0 else float(np.copysign(np.inf, parameter.value))
    return np.nan if _is_unknown(fit, parameter) else parameter.working


@dataclass(frozen=True, repr=False)
class Bootstrap(Printed):
    """Estimates from responses that were simulated from a fit, with new random effects.

    Parameters
    ----------
    fit : Fit
        From which responses were simulated.
    places : tuple of int, length m
        The parameters, as places in the order of `natural`.
    replicates : ndarray, shape (n_replicates, m)
        Their estimates on natural scales; NaN where a refit failed, for correlations with a
        standard deviation of 0, and for coefficients that were left out or not determined.
    working : ndarray, shape (n_replicates, m)
        The same on scales without bounds: log of standard deviations, atanh of correlations,
        the link's of a predictor that is one number; infinite on the boundary.
    log_likelihoods : ndarray, shape (n_replicates,)
        Of the simulated responses, on their own scale; NaN where a refit failed.
    converged, singular : ndarray of bool, shape (n_replicates,)
    errors : tuple of str, length n_replicates
        Why a refit failed; empty where it did not.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> bootstrap = model.bootstrap(X, y, 5, random_state=0)
    >>> bootstrap.n_replicates
    5
    >>> list(bootstrap.to_frame().columns)
    ['estimate', 'bias', 'std_error', 'n_used']
    """

    fit: Fit
    places: tuple[int, ...]
    replicates: Floats
    working: Floats
    log_likelihoods: Floats
    converged: Bools
    singular: Bools
    errors: tuple[str, ...]

    @classmethod
    def of(cls, fit: Fit, refits: Sequence[Refit]) -> "Bootstrap":
        """Put refits together."""
        values, working, log_likelihoods, converged, singular, errors = zip(*refits, strict=True)
        return cls(
            fit,
            tuple(range(len(values[0]))),
            np.array(values),
            np.array(working),
            np.array(log_likelihoods),
            np.array(converged),
            np.array(singular),
            errors,
        )

    def subset(self, places: Sequence[int]) -> "Bootstrap":
        """Return the replicates of some of the parameters."""
        columns = list(places)
        return replace(
            self,
            places=tuple(self.places[column] for column in columns),
            replicates=self.replicates[:, columns],
            working=self.working[:, columns],
        )

    @property
    def _parameters(self) -> list[Natural]:
        every = list(natural(self.fit))
        return [every[place] for place in self.places]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, m of them."""
        return tuple(parameter.name for parameter in self._parameters)

    @property
    def estimate(self) -> Floats:
        """Estimates of the fit on natural scales, shape (m,)."""
        return np.array([parameter.value for parameter in self._parameters])

    @property
    def n_replicates(self) -> int:
        """Number of simulated responses."""
        return len(self.replicates)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Findings about the refits, in words."""
        return tuple(_notes(self))

    def interval_notes(self, level: float, kind: str) -> tuple[Note, ...]:
        """Findings about the intervals, in words."""
        return tuple(_interval_notes(self, level, kind))

    def interval(self, level: float = 0.95, kind: str = "percentile") -> Intervals:
        """Return intervals from the refits that converged.

        Parameters
        ----------
        level : float
            Coverage, above 0 and below 1.
        kind : {"percentile", "basic"}
            Quantiles of the replicates, zeros and correlations of plus or minus 1 among them;
            or these mirrored at the estimate, on the scales without bounds, where they are NaN
            for an estimate on the boundary.

        Returns
        -------
        Intervals
        """
        limits = self._quantiles(level, kind)
        if kind == "basic":
            pairs = zip(self._parameters, limits, strict=True)
            limits = np.array([_mirrored(parameter, found) for parameter, found in pairs])
        for place, parameter in enumerate(self._parameters):
            known = known_ends(self.fit, parameter)
            if known is not None:
                limits[place] = known
            elif is_undetermined(self.fit, parameter):
                limits[place] = np.nan
        low, high = limits.reshape(-1, 2).T
        return Intervals(self.names, self.estimate, low, high, level)

    def _quantiles(self, level: float, kind: str) -> Floats:
        """Both ends of each parameter, (m, 2), of the working scales if `kind` is "basic"."""
        used = self.working if kind == "basic" else self.replicates
        ends = (0.5 - level / 2.0, 0.5 + level / 2.0)
        columns = [column[~np.isnan(column)] for column in used[self.converged].T]
        return np.array([[_quantile(column, p) for p in ends] for column in columns])

    def to_frame(self) -> Frame:
        """Return one row for each parameter: estimate, bias, std_error and n_used."""
        return replicate_frame(self.names, self.estimate, self.replicates[self.converged])

    def _page(self) -> Page:
        found = (*(note.text for note in self.notes), _share_singular(self))
        return Page((_table(self),), notes=found)


def _table(record: Bootstrap) -> Table:
    frame = record.to_frame()
    rows = tuple(
        (str(name), *(f"{value:.5g}" if np.isfinite(value) else "-" for value in numbers))
        for name, numbers in zip(frame.index, frame.to_numpy(dtype=float), strict=True)
    )
    title = f"Parametric bootstrap, {record.n_replicates} simulated responses"
    return Table(title, ("", "estimate", "bias", "std. error", "refits"), rows, 1)


def _share_singular(record: Bootstrap) -> str:
    return f"{int(record.singular.sum())} of {record.n_replicates} refits are singular"


def _quantile(values: Floats, p: float) -> float:
    """The order statistic at ``p (n + 1)``, interpolated; values may be infinite."""
    n = len(values)
    if n == 0:
        return np.nan
    ordered, place = np.sort(values), float(np.clip(p * (n + 1) - 1, 0, n - 1))
    below = int(place)
    low, high = ordered[below], ordered[min(below + 1, n - 1)]
    if low == high or place == below or np.isneginf(low):
        return float(low)
    return float(low + (place - below) * (high - low))


def _mirrored(parameter: Natural, quantiles: Floats) -> Floats:
    """Quantiles of the working scale mirrored at the estimate, on the natural scale."""
    if not np.isfinite(parameter.working) or np.isnan(quantiles).any():
        return np.full(2, np.nan)
    with np.errstate(over="ignore"):  # an end that is far away is infinite
        return np.sort(parameter.back(2.0 * parameter.working - quantiles))


def _notes(record: Bootstrap) -> Iterator[Note]:
    n, errors = record.n_replicates, [error for error in record.errors if error]
    n_stopped = int((~record.converged).sum()) - len(errors)
    parts = []
    if errors:
        parts.append(f"{len(errors)} failed (the first with {errors[0]!r})")
    if n_stopped:
        parts.append(f"{n_stopped} did not converge")
    if parts:
        text = f"of {n} refits {' and '.join(parts)}; intervals and tables leave them out"
        yield Note("convergence", text)
    fit = record.fit
    gone = {parameter.name for parameter in record._parameters if _is_told(fit, parameter)}
    for name, column in zip(record.names, record.replicates[record.converged].T, strict=True):
        n_undefined = int(np.isnan(column).sum())
        if n_undefined and name.startswith("corr("):
            text = (
                f"{name} is undefined in {n_undefined} of {len(column)} refits, where a standard "
                "deviation is 0; they are left out for it"
            )
            yield Note("undefined", text)
        n_infinite = int(np.isinf(column).sum())
        if n_infinite and name not in gone:
            text = (
                f"{name} is infinite in {n_infinite} of {len(column)} refits, whose responses are "
                "separated; intervals count these, bias and standard errors leave them out"
            )
            yield Note("separated", text)


def _is_told(fit: Fit, parameter: Natural) -> bool:
    """Whether refits say nothing of a parameter, which its fit tells."""
    return known_ends(fit, parameter) is not None or is_undetermined(fit, parameter)


def _interval_notes(record: Bootstrap, level: float, kind: str) -> Iterator[Note]:
    n_used, n_needed = int(record.converged.sum()), int(np.ceil(2.0 / (1.0 - level) - 1e-9)) - 1
    if n_used < n_needed:
        text = (
            f"{n_used} refits are too few for the level {level:g}, whose ends are therefore the "
            f"smallest and the largest of them; n_replicates={n_needed} is the least, and ten "
            "times as many are usual"
        )
        yield Note("few", text)
    for parameter in record._parameters:
        if is_undetermined(record.fit, parameter):
            text = (
                f"{parameter.name} is not determined by the data, so that refits say nothing of "
                "it: it has no interval"
            )
            yield Note("undetermined", text)
        elif infinite(record.fit, parameter) and not held_interval(record.fit, parameter):
            text = (
                f"{parameter.name} has no finite estimate to simulate from, so that a bootstrap "
                "cannot know the other end of its interval; method='profile' does"
            )
            yield Note("separated", text)
    if kind != "basic":
        return
    limits = record._quantiles(level, kind)
    for parameter, found in zip(record._parameters, limits, strict=True):
        if _is_told(record.fit, parameter):
            continue
        if _is_on_boundary(parameter):
            text = (
                f"{parameter.name} has no basic interval, as its estimate is on the boundary of "
                "its range; kind='percentile' gives one"
            )
            yield Note("open", text)
        elif np.isinf(found).any():
            text = (
                f"the basic interval of {parameter.name} is open at one end, as too many refits "
                "are on the boundary of its range; kind='percentile' has both ends"
            )
            yield Note("open", text)
