"""Two classes: labels of any type."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.response.base import ResponseScale
from skglmm.response.labels import SHOWN, ClassLabels, LabelScale

__all__ = ["ClassScale"]


@dataclass(frozen=True, eq=False)
class ClassScale(LabelScale):
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

    @property
    def described(self) -> str:
        if len(self.classes) < 2:
            return "classes"
        no, yes = self.classes.tolist()
        return f"the class {yes!r} against {no!r}"

    @property
    def codes(self) -> Ints:
        return np.arange(2)

    def mean_of(self, name: str) -> str:
        return f"P({name} = {self.classes.tolist()[1]})"

    @property
    def is_ordered(self) -> bool:
        return False

    def settled(self, *total: ClassLabels) -> "ClassScale":
        """Return the scale of these labels.

        Raises
        ------
        ValueError
            When there are not two.
        """
        (labels,) = total
        self._refuse_one(labels)
        found = labels.values
        if len(found) > 2:
            some = ", ".join(map(repr, found.tolist()[:SHOWN]))
            msg = (
                "Only binary classification is supported. The type of the target is multiclass: "
                f"{len(found)} classes, {some}{', ...' if len(found) > SHOWN else ''}. Ask for one "
                f"of them against the others, y == {found.tolist()[-1]!r}, or take "
                "MultinomialGLMMClassifier, or OrdinalGLMMClassifier, if they have an order, or "
                "sklearn.multiclass.OneVsRestClassifier"
            )
            raise ValueError(msg)
        return ClassScale(found)

    def unmoved(self, y: Any) -> Floats:
        """Return the numbers of the classes: 0 and 1."""
        return np.asarray(np.asarray(y) == self.classes[1], dtype=np.float64)

    def numbers(self, y: Any) -> Floats:
        return self.read(y)

    def difference(self, other: ResponseScale) -> str | None:
        if not isinstance(other, ClassScale) or self.described == other.described:
            return super().difference(other)
        return f"their classes differ, {self.classes.tolist()} and {other.classes.tolist()}"
