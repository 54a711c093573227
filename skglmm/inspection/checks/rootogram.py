"""Observed and expected frequencies of counts, with limits from simulated data."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length

from skglmm import inference as infer
from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.estimable import tell_nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind, build_rows, unseen_levels
from skglmm.estimators.reading.validation import (
    check_count,
    check_kept,
    check_level,
    check_weights,
)
from skglmm.inspection.checks.count_bins import bin_labels, bin_starts
from skglmm.inspection.data.fitted import Fitted

__all__ = ["count_frequencies"]

DRAWS, FEWEST, MOST = 4_000_000, 100, 500  # of responses in all; of simulated data sets
MOST_ROWS = 5_000_000  # that weights may stand for
LEAST_SD = 0.5  # of the root of a count of rows, unless they are few


def count_frequencies(
    model: Any,
    X: Any,
    y: Any,
    *,
    kind: Kind | None,
    bins: int | Sequence[int],
    sample_weight: Any,
    level: float | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how often counts occur, and how often the model expects them to.

    Parameters
    ----------
    model : estimator
        A fitted mixed model of counts, or a Pipeline or search that ends in one.
    X : DataFrame or array-like, shape (n_samples, n_features)
    y : array-like, shape (n_samples,)
    kind : str or set
        Of the random effects, as in `predict`.
    bins : int or sequence of int
        How many bins there are at most, or the least count of each.
    sample_weight : array-like, shape (n_samples,)
        A weight of 2 is the row twice.
    level : float or None
        Probability that the frequencies of all bins are within their limits.
    rng : Generator

    Returns
    -------
    DataFrame
        One row for each bin: its name, the least count in it, the observed and the expected number
        of rows, and limits of the former, NaN without a level.
    """
    fitted = Fitted.of(model)
    _refuse_others(fitted.model)
    rows = _FrequencyRows.of(fitted, X, y, kind, sample_weight)
    starts = _checked_bins(bins, rows)
    observed = np.bincount(rows.bins(rows.y, starts), rows.weights, len(starts))
    above = np.concatenate([[rows.weights.sum()], rows.above(starts[1:] - 1.0), [0.0]])
    expected = above[:-1] - above[1:]
    lower, upper = np.full((2, len(starts)), np.nan)
    if level is not None:
        check_level(level)
        lower, upper = _limits(rows.simulated(starts, rng), level)
    table = pd.DataFrame({"count": bin_labels(starts, rows.most), "least": starts.astype(np.int64)})
    table = table.assign(observed=observed, expected=expected, lower=lower, upper=upper)
    empty = expected[-1] == 0.0 == observed[-1]  # beyond the number of trials
    return table[:-1] if empty and len(table) > 1 else table


def _refuse_others(model: MixedModel) -> None:
    name = type(model).__name__
    if is_classifier(model):
        msg = (
            f"a rootogram is about counts, and {name} is about classes; GroupCalibrationDisplay "
            "compares their shares with the predicted ones"
        )
        raise ValueError(msg)
    if not model.fit_.family.support.is_discrete:
        msg = (
            f"a rootogram is about counts, and responses of {name} are real numbers, each of "
            "which occurs about once; DiagnosticsDisplay has their histogram beside simulated "
            "ones, and ResidualDisplay their quantile residuals"
        )
        raise ValueError(msg)


def _checked_bins(bins: Any, rows: "_FrequencyRows") -> Floats:
    """Return the least count of each bin, (m,), from a number of bins or from these."""
    low = rows.model.fit_.family.support.low
    if isinstance(bins, Integral):
        check_count("bins", bins)
        few = rows.spread_out()
        scale = rows.weights.sum() / few.weights.sum()
        return bin_starts(lambda at: scale * float(few.above(np.array([at]))[0]), low, int(bins))
    starts = np.asarray(bins, dtype=np.float64)
    rises = starts.ndim == 1 and starts.size and np.all(np.diff(starts) > 0)
    if not rises or starts[0] != low or np.any(starts != np.floor(starts)):
        msg = (
            f"bins={bins!r} must be a number of bins, or the least count of each: whole numbers "
            f"that increase from {low:g}, the smallest possible count"
        )
        raise ValueError(msg)
    return starts


@dataclass(frozen=True, eq=False)
class _FrequencyRows:
    """Rows with counts.

    Parameters
    ----------
    model : MixedModel
    frame : DataFrame, shape (n, n_features)
        X as the model gets it.
    y, weights : ndarray, shape (n,)
    kind : str or frozenset
    design : Design, n rows
    plan : Plan
    """

    model: MixedModel
    frame: pd.DataFrame
    y: Floats
    weights: Floats
    kind: Kind
    design: Design
    plan: infer.Plan

    @classmethod
    def of(cls, fitted: Fitted, X: Any, y: Any, kind: Any, sample_weight: Any) -> "_FrequencyRows":
        model = fitted.model
        kind = model.predict_kind if kind is None else kind
        check_kept(model.fit_, kind)
        column, rows = model._column(y), fitted.rows(X)
        check_consistent_length(rows, column)
        frame = predict_frame(model, rows)
        model._scale.refuse_rows(frame, column)
        counts = np.asarray(model._scale.read(column))
        if np.any(counts != np.floor(counts)):
            msg = "y has numbers that are not whole (whole=False), and a rootogram is about counts"
            raise ValueError(msg)
        weights = check_weights(sample_weight, len(counts))
        weights = np.ones(len(counts)) if weights is None else weights
        design, plan = build_rows(model._spec, frame, kind, model.new_groups, model.context)
        tell_nonestimable(model, frame, design)
        missing = plan.unknown(model.fit_, design)
        if missing.any():
            msg = (
                f"{np.count_nonzero(missing)} of {len(missing)} rows have no expected counts: "
                "their groups are unknown and new_groups='nan', or the data of fit do not "
                "determine them; leave these rows out"
            )
            raise ValueError(msg)
        return cls(model, frame, counts, weights, kind, design, plan)

    def spread_out(self, most: int = 2000) -> "_FrequencyRows":
        """Return evenly spaced ones of the rows, where these are many."""
        if len(self.y) <= most:
            return self
        some = np.linspace(0, len(self.y) - 1, most).astype(np.intp)
        return self._take(some, self.weights[some])

    @property
    def most(self) -> float:
        """The largest possible count: the number of trials, or infinity."""
        eta = infer.linear_predictors(self.model.fit_, self.design, ())
        return float(np.max(self.model.fit_.family.ends(eta)[1]))

    def above(self, edges: Floats) -> Floats:
        """Return the expected number of rows with counts above each edge, (m,)."""
        total, start = np.zeros(len(edges)), 0
        if not edges.size:
            return total
        for part in infer.exceedances(self.model.fit_, self.design, self.plan, edges):
            total += self.weights[start : start + len(part)] @ part
            start += len(part)
        return total

    @staticmethod
    def bins(y: Floats, starts: Floats) -> Ints:
        """Return the bin of each count."""
        return np.asarray(np.searchsorted(starts, y, side="right") - 1)

    def simulated(self, starts: Floats, rng: np.random.Generator) -> Floats:
        """Return numbers of rows in the bins, (n_simulations, m), of data that the model draws."""
        every = self._repeated()
        n = int(np.clip(DRAWS // len(every.y), FEWEST, MOST))
        draw = every._alone if every.plan.is_posterior else every._sampled
        found = np.empty((n, len(starts)))
        step = max(1, DRAWS // 4 // len(every.y))
        for first in range(0, n, step):
            drawn = draw(starts, min(step, n - first), rng)
            for j, column in enumerate(drawn.T):
                found[first + j] = np.bincount(column, every.weights, len(starts))
        return found

    def _sampled(self, starts: Floats, n: int, rng: np.random.Generator) -> Ints:
        """Simulate bins, (n_rows, n); rows of a level share its effects where these are drawn."""
        design, plan, model = self.design, self.plan, self.model
        is_new = self.kind == "marginal"
        if is_new:  # codes tell which rows share effects
            spec, context = model._spec, model.context
            design, plan = build_rows(spec, self.frame, "conditional", "marginal", context)
        unseen = unseen_levels(model._spec, self.frame, design) if plan.conditioned else None
        drawn = infer.sample(model.fit_, design, plan, n, rng, new_effects=is_new, unseen=unseen)
        return self.bins(drawn, starts)

    def _alone(self, starts: Floats, n: int, rng: np.random.Generator) -> Ints:
        """Simulate bins, (n_rows, n), of each row by itself: effects have no common draws here."""
        parts = infer.exceedances(self.model.fit_, self.design, self.plan, starts[1:] - 1.0)
        chances = [(part[:, None] > rng.random((len(part), n, 1))).sum(axis=2) for part in parts]
        return np.concatenate(chances)

    def _repeated(self) -> "_FrequencyRows":
        """Return each row as often as its weight says; what is left of that weighs the last."""
        if np.all(self.weights == 1.0):
            return self
        times = np.ceil(self.weights)
        if times.sum() > MOST_ROWS:
            msg = (
                f"the weights stand for {self.weights.sum():.3g} rows, which are too many to be "
                "simulated; level=None leaves the limits out"
            )
            raise ValueError(msg)
        rows = np.repeat(np.arange(len(times)), times.astype(np.intp))
        weights = np.ones(len(rows))
        last = np.cumsum(times[times > 0]).astype(np.intp) - 1
        weights[last] = (self.weights - times + 1.0)[times > 0]
        return self._take(rows, weights)

    def _take(self, rows: Ints, weights: Floats) -> "_FrequencyRows":
        frame, design = self.frame.iloc[rows], self.design.take(rows)
        return _FrequencyRows(
            self.model, frame, self.y[rows], weights, self.kind, design, self.plan
        )


def _limits(simulated: Floats, level: float) -> tuple[Floats, Floats]:
    """Return limits, (m,) each, between which all bins of a share of the simulations lie.

    They are as many standard deviations from the mean for every bin, of roots of numbers of rows,
    whose standard deviations are about 1/2 whatever the number.
    """
    roots = np.sqrt(simulated)
    center, sd = roots.mean(axis=0), np.maximum(roots.std(axis=0), LEAST_SD)
    farthest = np.max(np.abs(roots - center) / sd, axis=1)
    reach = np.quantile(farthest, level, method="higher") * sd
    return np.maximum(center - reach, 0.0) ** 2, (center + reach) ** 2
