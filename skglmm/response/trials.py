"""Successes: whole numbers out of the trials of each row."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.response.base import ResponseScale
from skglmm.response.messages import WHOLE_TO, refuse_wrong, some_of, told

__all__ = ["TrialScale"]


@dataclass(frozen=True)
class TrialScale(ResponseScale):
    """Responses that count the successes in a known number of trials.

    Parameters
    ----------
    trials : int or str, default=1
        Number of trials of all rows, or the column with that of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import TrialScale
    >>> TrialScale(10).read(np.array([3.0, 10.0]))
    array([ 3., 10.])
    >>> TrialScale(10).read(np.array([0.3, 1.0]))
    Traceback (most recent call last):
    ...
    ValueError: every response must be a number of successes, 0, 1, 2, ...; 1 of 2 is not ...
    """

    trials: int | str = 1

    @property
    def described(self) -> str:
        return "successes in trials"

    def _refuse(self, y: Floats) -> None:
        first = "every response must be a number of successes, 0, 1, 2, ..."
        is_share = bool(np.all((y >= 0.0) & (y <= 1.0)))
        checks = (
            (y != np.floor(y), "not whole", self._shares if is_share else _OTHERS),
            (y < 0.0, "negative", "Look for a code of missing values"),
            (y >= WHOLE_TO, "too large to be told from its neighbors", "Count in larger units"),
        )
        refuse_wrong(first, y, checks)

    @property
    def _shares(self) -> str:
        if self.trials == 1:
            return (
                "Proportions? Multiply them by the numbers of trials, and name the column of these "
                "as trials='column'; shares that count nothing are for BetaGLMMRegressor"
            )
        by = f"X[{self.trials!r}]" if isinstance(self.trials, str) else f"{self.trials}"
        return (
            f"Proportions? Multiply them by the number of trials: (y * {by}).round(); shares that "
            "count nothing are for BetaGLMMRegressor"
        )

    def refuse_rows(self, frame: Any, y: Any = None) -> None:
        if isinstance(self.trials, str):
            trials = _column(frame, self.trials, is_new=y is None)
        else:
            trials = np.full(len(frame), float(self.trials))
        if y is None:
            return
        above = np.asarray(y, dtype=np.float64) > trials
        if above.any():
            k, first = trials[above], np.asarray(y, dtype=np.float64)[above]
            pairs = [f"{a:.6g} of {b:.6g}" for a, b in zip(first[:3], k[:3], strict=True)]
            msg = (
                f"there are no more successes than trials (trials={self.trials!r}), but "
                f"{told(above)} above, such as {', '.join(pairs)}. {self._advice}"
            )
            raise ValueError(msg)

    @property
    def _advice(self) -> str:
        if isinstance(self.trials, str):
            return f"{self.trials!r} has to be successes and failures together, not failures alone"
        return "Name the column with the number of trials of each row as trials='column'"


_OTHERS = (
    "A rate or a share? Give the number of successes as y, and that of the trials as "
    "trials='column'"
)


def _column(frame: Any, name: str, *, is_new: bool) -> Floats:
    """Return the numbers of trials, (n,), of which all are possible."""
    if name not in frame.columns:
        needless = ". predict_rate(X) has probabilities, and needs none" if is_new else ""
        msg = f"X has no column {name!r}, trials= says: the number of trials of each row{needless}"
        raise ValueError(msg)
    values = frame[name]
    first = f"the column {name!r} must hold numbers of trials, 1, 2, 3, ..."
    texts = [value for value in values.tolist() if isinstance(value, (str, bytes))]
    if texts or hasattr(values.dtype, "categories"):
        kind = f"texts, such as {texts[0]!r}" if texts else "categories"
        msg = f"{first}; {len(texts) or len(values)} of {len(values)} are {kind}. Convert it with "
        msg += "pd.to_numeric"
        raise ValueError(msg)
    missing = np.asarray(values.isna(), dtype=np.bool_)
    _refuse(first, missing, "missing", None, "Drop these rows, of y as well")
    trials = np.asarray(values, dtype=np.float64)
    for flags, what, advice in (
        (trials == 0.0, "no trial at all", "Such rows tell nothing: leave them out"),
        (trials < 0.0, "negative", "Look for a code of missing values"),
        (~np.isfinite(trials), "not finite", "Look for divisions by zero"),
        (trials != np.floor(trials), "not whole", "Give the number of trials, and no weights"),
        (trials >= WHOLE_TO, "too large to be told from its neighbors", "Count in larger units"),
    ):
        _refuse(first, flags, what, trials, advice)
    return trials


def _refuse(first: str, flags: Bools, what: str, values: Floats | None, advice: str) -> None:
    if flags.any():
        place = f"the first in row {int(np.argmax(flags))}"
        shown = "" if values is None else f": {some_of(values[flags])}"
        msg = f"{first}; {told(flags)} {what}{shown}, {place}. {advice}"
        raise ValueError(msg)
