"""Classes without an order, each against one of reference: labels of any type."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats, Ints
from skglmm.response.base import ResponseScale
from skglmm.response.labels import SHOWN, ClassLabels, LabelScale, class_name

__all__ = ["NominalScale"]

LISTED = 7  # classes that the first line of a summary shows
CLASSES_MAX = 20  # each row has derivatives as many as the cube of them


@dataclass(frozen=True, eq=False)
class NominalScale(LabelScale):
    """Responses that are one of several labels, numbered from 0, that of reference.

    Parameters
    ----------
    classes : ndarray, shape (n_classes,)
        The labels, sorted; empty before `learn`.
    reference : object, default=None
        The label of reference; None for the first.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import NominalScale
    >>> scale = NominalScale(reference="car").learn(np.array(["bus", "car", "train"]))
    >>> scale.labels
    ('car', 'bus', 'train')
    >>> scale.read(np.array(["bus", "car", "train"]))
    array([1., 0., 2.])
    """

    reference: Any = None

    @property
    def codes(self) -> Ints:
        n, first = len(self.classes), self._first
        found = np.arange(n)
        found[:first] += 1
        found[first : first + 1] = 0
        return found

    @property
    def by_code(self) -> NDArray[Any]:
        """The labels, that of reference first."""
        return self.classes[np.argsort(self.codes)]

    @property
    def described(self) -> str:
        if not len(self.classes):
            return "classes without an order"
        shown = [class_name(label) for label in self.by_code.tolist()]
        others = shown[1:] if len(shown) <= LISTED else [*shown[1 : LISTED - 2], "...", shown[-1]]
        noun = "class" if len(shown) == 2 else "classes"
        return f"the {noun} {', '.join(others)} against {shown[0]}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, that of reference first."""
        return tuple(map(class_name, self.by_code.tolist()))

    @property
    def is_ordered(self) -> bool:
        return False

    def mean_of(self, name: str) -> str:
        labels = self.labels
        return f"P({name} = {labels[1]})" if len(labels) == 2 else f"mean class number of {name}"

    def settled(self, *total: ClassLabels) -> "NominalScale":
        """Return the scale of these labels.

        Raises
        ------
        ValueError
            When there is one class only, when there are too many, and without that of reference.
        """
        (labels,) = total
        self._refuse_one(labels)
        known = labels.values.tolist()
        if len(known) > CLASSES_MAX:
            msg = (
                f"{len(known)} classes, such as {', '.join(map(repr, known[:SHOWN]))}, are more "
                f"than the {CLASSES_MAX} that one multinomial model is made for: what it computes "
                "of a row grows as their cube. Put rare ones together, or take "
                "sklearn.multiclass.OneVsRestClassifier(BinomialGLMMClassifier(...)), a model for "
                "each class"
            )
            raise ValueError(msg)
        if self.reference is not None and self.reference not in known:
            msg = (
                f"reference={self.reference!r} is none of the classes of y, "
                f"{', '.join(map(repr, known))}"
            )
            raise ValueError(msg)
        return NominalScale(labels.values, self.reference)

    def numbers(self, y: Any) -> Floats:
        return self.read(y)

    def difference(self, other: ResponseScale) -> str | None:
        if not isinstance(other, NominalScale):
            return super().difference(other)
        mine, others = self.classes.tolist(), other.classes.tolist()
        if mine != others:
            return f"their classes differ, {mine} and {others}"
        one, two = self.labels[0], other.labels[0]
        return None if one == two else f"their references differ, {one!r} and {two!r}"

    @property
    def _first(self) -> int:
        """Place of the class of reference among the sorted ones."""
        if self.reference is None or not len(self.classes):
            return 0
        return int(self.classes.tolist().index(self.reference))
