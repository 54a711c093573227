"""What was asked of a method of confidence intervals, checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from skglmm import inference as infer
from skglmm.estimators.reading.study import study_of
from skglmm.fitting import Fit, Study

__all__ = ["IntervalRequest", "chosen_places"]


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
