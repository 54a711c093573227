"""What is asked of each point of a curve."""

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """The words of `predict` and `predict_interval`.

    Parameters
    ----------
    kind : str or collection of str
    interval : {"mean", "response"} or None
    level : float
    """

    kind: str | Collection[str]
    interval: str | None
    level: float
