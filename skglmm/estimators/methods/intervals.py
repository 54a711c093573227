"""The four methods of confidence intervals: Wald, profile, bootstrap and sandwich."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from skglmm import inference as infer
from skglmm.arrays import Ints
from skglmm.design import Design
from skglmm.estimators.reading.rows import known_frame
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_choice, check_count, check_inference
from skglmm.estimators.runtime.replicates import replicate, seeds
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Fit, Options, Study

__all__ = ["METHODS", "IntervalRequest", "bootstrapped", "chosen_places", "profiled", "tell_notes"]

N_POINTS = 4  # of a profile, on each side: enough to foretell an end, which is then looked at
EXCESS_MAX = 1e-4  # log-likelihood units: they move the end of a 95 % interval by 3e-5 of its half
KINDS = ("percentile", "basic")  # of a bootstrap
FEW = 20  # clusters: the bias of the sandwich is of the order of parameters / clusters


@dataclass(frozen=True)
class IntervalRequest:
    """What a method of confidence intervals gets, and what it asks for.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    method : str
    X : DataFrame or array-like, shape (n_samples, n_features), or None
    y : array-like, shape (n_samples,), or None
    sample_weight : array-like, shape (n_samples,), or None
    level : float
    places : tuple of int
        The wanted parameters, as places in the order of `natural`.
    n_jobs : int or None
    random_state : int, Generator, RandomState or None
    n_replicates : int
        Refits of a bootstrap.
    kind : str
        Of the intervals of a bootstrap.
    cluster : str or None
        Column of X with the clusters of a sandwich.
    df : str
        What fixed effects are compared with by Wald intervals.
    """

    estimator: Any
    method: str
    X: Any
    y: Any
    sample_weight: Any
    level: float
    places: tuple[int, ...]
    n_jobs: int | None
    random_state: Any
    n_replicates: int
    kind: str
    cluster: str | None
    df: str

    @property
    def fit(self) -> Fit:
        """The fit whose parameters get intervals."""
        fit: Fit = self.estimator.fit_
        return fit

    def study(self) -> Study:
        """Return the rows of the fit; refuse when they are missing or others."""
        missing = [name for name, value in (("X", self.X), ("y", self.y)) if value is None]
        if missing:
            msg = (
                f"method={self.method!r} needs the rows of fit, but {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing; call "
                f"confint(X, y, method={self.method!r}) with the X and y of fit"
            )
            raise ValueError(msg)
        return study_of(self.estimator, self.X, self.y, self.sample_weight)

    def only_wanted(self, intervals: infer.Intervals) -> infer.Intervals:
        """Return the wanted ones of the intervals for all parameters."""
        places = list(self.places)
        return infer.Intervals(
            tuple(intervals.names[place] for place in places),
            intervals.estimate[places],
            intervals.low[places],
            intervals.high[places],
            intervals.level,
        )


def chosen_places(fit: Fit, parameters: Any) -> tuple[int, ...]:
    """Places of the parameters with the given names among all; None chooses all."""
    names = np.array([parameter.name for parameter in infer.natural(fit)], dtype=object)
    if parameters is None:
        return tuple(range(len(names)))
    places: list[int] = []
    for name in _as_names(parameters):
        found = np.flatnonzero(names == name)
        if not len(found):
            _refuse(name, names)
        places += [int(place) for place in found if place not in places]
    return tuple(places)


def _as_names(parameters: Any) -> list[Any]:
    names = [parameters] if isinstance(parameters, str) else parameters
    if not isinstance(names, Iterable):
        msg = f"parameters={parameters!r} must be None, a name or a list of names"
        raise TypeError(msg)
    names = list(names)
    if not names:
        msg = "parameters is empty, expected at least one name, or None for all"
        raise ValueError(msg)
    return names


def _refuse(name: Any, names: Any) -> None:
    close = get_close_matches(name, list(names), n=1) if isinstance(name, str) else []
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(map(repr, names))
    msg = f"parameters has {name!r}, but the parameters of the model are {listed}{hint}"
    raise ValueError(msg)


def wald_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return Wald intervals; they need no rows."""
    if isinstance(request.X, Real | str):  # not looked at, so that 95 % would be the answer
        msg = (
            f"X={request.X!r} are no rows; name what you mean, as in confint(level=0.9) or "
            "confint(method='wald')"
        )
        raise TypeError(msg)
    check_inference(request.fit)
    against = infer.reference(request.fit, request.df)
    found = request.only_wanted(infer.intervals(request.fit, request.level, against=against))
    infinite, lost = infer.at_infinity(request.fit), infer.undetermined(request.fit)
    apart = [name for name in found.names if name in infinite]
    if apart:
        text = (
            f"{', '.join(apart)}: no finite estimate, and no inner end by "
            "method='wald'; method='profile' has the end that the data give"
        )
        tell(text)
    opened = [name for name in found.names if name in lost]
    if opened:
        text = (
            f"{', '.join(opened)}: not determined by the data, so that there are no limits by "
            "method='wald'"
        )
        tell(text)
    for sentence in (
        *infer.scarce_df(against, found.names),
        *infer.far_limits(request.fit, found.names),
    ):
        tell(sentence)
    return found


def profile_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return the values that a likelihood-ratio test would not reject."""
    study = request.study()
    found = profiled(request.estimator, study, request.places, request.level, N_POINTS)
    return infer.profile_intervals(found, request.level)


def profiled(
    estimator: Any, study: Study, places: Sequence[int] | None, level: float, n_points: int
) -> tuple[infer.Profile, ...]:
    """Profile parameters; refuse a fit that is not the maximum, and tell where a profile ends."""
    found = infer.profiles(estimator.fit_, study, places, level, n_points)
    for profile in found:
        if profile.excess > EXCESS_MAX:
            msg = (
                f"the fit is not at the maximum of the likelihood: the profile of {profile.name} "
                f"rises at least {profile.excess:.2g} log-likelihood units above it; fit again "
                "with a smaller tol or a larger max_iter, and if that does not help, simplify "
                "the model"
            )
            raise ValueError(msg)
        for value, end in profile.lost:
            text = (
                f"the profile of {profile.name} could not be followed beyond {value:.6g}, where "
                f"no minimum was found: its interval is given up to {end:g}"
            )
            tell(text, ConvergenceWarning)
        for side, end, meaning in profile.unbounded:
            text = (
                f"the data do not bound {profile.name}: its limit of {100 * level:g} % is the "
                f"{side} end of what it may be, {end:.6g}, where {meaning}"
            )
            tell(text)
    return found


def bootstrap_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return intervals of a parametric bootstrap, and tell what went wrong in it."""
    check_choice("kind", request.kind, KINDS)
    check_count("n_replicates", request.n_replicates)
    study = request.study()
    record = bootstrapped(
        request.estimator, study, request.n_replicates, request.n_jobs, request.random_state
    ).subset(request.places)
    found = record.interval(request.level, request.kind)
    tell_notes(*record.notes, *record.interval_notes(request.level, request.kind))
    return found


def bootstrapped(
    estimator: Any, study: Study, n_replicates: int, n_jobs: int | None, random_state: Any
) -> infer.Bootstrap:
    """Simulate responses of a study and refit them, in parallel."""
    options = Options(estimator.tol, int(estimator.max_iter))
    rows = infer.unweighted(study).condensed()
    once = partial(infer.bootstrap_once, rows, estimator.fit_, options)
    refits = replicate(once, seeds(random_state, n_replicates), n_jobs)
    return infer.Bootstrap.of(estimator.fit_, refits)


def tell_notes(*notes: infer.Note) -> None:
    """Warn of what refits have to say of themselves."""
    for note in notes:
        tell(note.text, ConvergenceWarning if note.kind == "convergence" else UserWarning)


def sandwich_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return Wald intervals with the sandwich for the covariance of the estimates."""
    check_inference(request.fit)
    study = request.study()
    design = study.design
    clusters = _clusters(request, design)
    n_clusters = int(clusters.max()) + 1
    if n_clusters < FEW:
        text = (
            f"{n_clusters} clusters are few for the sandwich, whose intervals are then too short; "
            "method='bootstrap' or 'profile' need no clusters, but a model that is right"
        )
        tell(text)
    robust = replace(request.fit, uncertainty=infer.sandwich(request.fit, study, clusters))
    found = infer.intervals(robust, request.level, against=infer.Normal(robust))
    return request.only_wanted(found)


def _clusters(request: IntervalRequest, design: Design) -> Ints:
    """Cluster of each row, from 0."""
    curves = [name for f in design.layout.factors if f.is_smooth for name in f.parts]
    if curves:
        msg = (
            f"all rows share the bends of {curves[0]}, which are random effects: there are no "
            "independent clusters for a sandwich; use method='bootstrap' or 'profile'"
        )
        raise ValueError(msg)
    if request.cluster is None:
        clusters = infer.independent_clusters(design)
        if clusters.max() == 0:
            names = " and ".join(repr(factor.name) for factor in design.layout.factors)
            msg = (
                f"all rows share random effects, directly or through others, of {names}: there "
                "are no independent clusters for a sandwich, as where factors are crossed; use "
                "method='bootstrap' or 'profile'"
            )
            raise ValueError(msg)
        return clusters
    clusters = _named_clusters(request, request.cluster)
    for name, levels in infer.shared_levels(design, clusters).items():
        msg = (
            f"{len(levels)} of the levels of {name!r} occur in several clusters of "
            f"cluster={request.cluster!r}, the first is {levels[0]!r}: clusters that share random "
            "effects are not independent. Name a column within whose values the groups lie, or "
            "leave cluster=None"
        )
        raise ValueError(msg)
    return clusters


def _named_clusters(request: IntervalRequest, name: str) -> Ints:
    frame = known_frame(request.estimator, request.X, request.sample_weight)
    if name not in frame.columns:
        listed = ", ".join(map(repr, frame.columns))
        msg = f"cluster={name!r} is no column of X, which has {listed}"
        raise ValueError(msg)
    codes, values = pd.factorize(frame[name])
    if (codes < 0).any():
        msg = (
            f"cluster={name!r} has {np.count_nonzero(codes < 0)} missing values; fill or drop them"
        )
        raise ValueError(msg)
    if len(values) < 2:
        msg = f"cluster={name!r} has the single value {values[0]!r}, expected at least two clusters"
        raise ValueError(msg)
    return np.asarray(codes, dtype=np.intp)


METHODS: dict[str, Callable[[IntervalRequest], infer.Intervals]] = {
    "wald": wald_intervals,
    "profile": profile_intervals,
    "bootstrap": bootstrap_intervals,
    "sandwich": sandwich_intervals,
}
