"""Classes: labels of any type, which families know by number."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats
from skglmm.response.base import ResponseScale

__all__ = ["ClassScale"]

SHOWN = 3  # labels that a message lists


@dataclass(frozen=True)
class ClassLabels:
    """Labels that occur, sorted; those of parts of the rows are added."""

    values: NDArray[Any]

    def __add__(self, other: "ClassLabels") -> "ClassLabels":
        return ClassLabels(np.unique(np.concatenate([self.values, other.values])))


@dataclass(frozen=True, eq=False)
class ClassScale(ResponseScale):
    """Responses that are one of two labels; the second, in their order, is the event.

    Parameters
    ----------
    classes : ndarray, shape (2,)
        The labels, sorted; empty before `learn`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import ClassScale
    >>> scale = ClassScale().learn(np.array(["no", "yes", "no"]))
    >>> scale.read(np.array(["yes", "no"])), scale.draws(np.array([0.0, 1.0]))
    (array([1., 0.]), array(['no', 'yes'], dtype='<U3'))
    """

    classes: NDArray[Any] = field(default_factory=lambda: np.zeros(0))

    @property
    def described(self) -> str:
        if len(self.classes) < 2:
            return "classes"
        no, yes = self.classes.tolist()
        return f"the class {yes!r} against {no!r}"

    def mean_of(self, name: str) -> str:
        return f"P({name} = {self.classes.tolist()[1]})"

    @property
    def is_ordered(self) -> bool:
        return False

    def tally(self, y: Any) -> tuple[ClassLabels]:
        return (ClassLabels(np.unique(y)),)

    def settled(self, *total: ClassLabels) -> "ClassScale":
        """Return the scale of these labels.

        Raises
        ------
        ValueError
            When there are not two.
        """
        (labels,) = total
        found = labels.values
        if len(found) == 1:
            msg = (
                f"a classifier needs two classes, but all responses are of one class, "
                f"{found.tolist()[0]!r}: there is nothing to tell apart. In cross-validation take "
                "stratified folds, as of StratifiedGroupKFold"
            )
            raise ValueError(msg)
        if len(found) > 2:
            some = ", ".join(map(repr, found.tolist()[:SHOWN]))
            msg = (
                "Only binary classification is supported. The type of the target is multiclass: "
                f"{len(found)} classes, {some}{', ...' if len(found) > SHOWN else ''}. Ask for one "
                f"of them against the others, y == {found.tolist()[-1]!r}, or take "
                "sklearn.multiclass.OneVsRestClassifier"
            )
            raise ValueError(msg)
        return ClassScale(found)

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
        """Return the numbers of the classes: 0 and 1."""
        return np.asarray(np.asarray(y) == self.classes[1], dtype=np.float64)

    def numbers(self, y: Any) -> Floats:
        return self.read(y)

    def draws(self, values: Floats) -> Any:
        """Return the labels of numbers of classes; None where a number is missing."""
        missing = np.isnan(values)
        labels = self.classes[np.where(missing, 0.0, values).astype(np.intp)]
        if missing.any():
            labels = labels.astype(object)
            labels[missing] = None
        return labels

    def difference(self, other: ResponseScale) -> str | None:
        if not isinstance(other, ClassScale) or self.described == other.described:
            return super().difference(other)
        return f"their classes differ, {self.classes.tolist()} and {other.classes.tolist()}"
