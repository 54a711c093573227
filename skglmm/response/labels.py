"""Labels of classes, of any type, which families know by number."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats, Ints
from skglmm.response.base import ResponseScale

__all__ = ["SHOWN", "ClassLabels", "LabelScale", "class_name"]

SHOWN = 3  # labels that a message lists


@dataclass(frozen=True)
class ClassLabels:
    """Labels that occur, sorted; those of parts of the rows are added."""

    values: NDArray[Any]

    def __add__(self, other: "ClassLabels") -> "ClassLabels":
        return ClassLabels(np.unique(np.concatenate([self.values, other.values])))


@dataclass(frozen=True, eq=False)
class LabelScale(ResponseScale):
    """Responses that are labels of classes.

    Parameters
    ----------
    classes : ndarray, shape (n_classes,)
        The labels, sorted; empty before `learn`.
    """

    classes: NDArray[Any] = field(default_factory=lambda: np.zeros(0))

    @property
    @abstractmethod
    def codes(self) -> Ints:
        """Numbers by which the family knows the sorted classes, (n_classes,)."""

    def tally(self, y: Any) -> tuple[ClassLabels]:
        return (ClassLabels(np.unique(y)),)

    def _refuse_one(self, labels: ClassLabels) -> None:
        """Refuse responses of a single class."""
        if len(labels.values) == 1:
            msg = (
                f"a classifier needs two classes, but all responses are of one class, "
                f"{labels.values.tolist()[0]!r}: there is nothing to tell apart. In "
                "cross-validation take stratified folds, as of StratifiedGroupKFold"
            )
            raise ValueError(msg)

    def _refuse(self, y: Any) -> None:
        unknown = ~np.isin(y, self.classes)
        if unknown.any():
            some = ", ".join(map(repr, np.unique(np.asarray(y)[unknown]).tolist()[:SHOWN]))
            msg = (
                f"{np.count_nonzero(unknown)} of {len(y)} responses are of a class that fit has "
                f"not seen, such as {some}; the classes are {self.classes.tolist()}"
            )
            raise ValueError(msg)

    def unmoved(self, y: Any) -> Floats:
        """Return the numbers of the classes."""
        places = np.searchsorted(self.classes, np.asarray(y))
        return self.codes[np.minimum(places, len(self.classes) - 1)].astype(np.float64)

    def draws(self, values: Floats) -> Any:
        """Return the labels of numbers of classes; None where a number is missing."""
        missing, by_code = np.isnan(values), np.argsort(self.codes)
        labels = self.classes[by_code[np.where(missing, 0.0, values).astype(np.intp)]]
        if missing.any():
            labels = labels.astype(object)
            labels[missing] = None
        return labels


def class_name(label: Any) -> str:
    """Return a label as tables have it: whole numbers without a point."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
