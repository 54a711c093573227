"""Classes that have an order: labels of any type."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats, Ints
from skglmm.response.base import ResponseScale
from skglmm.response.labels import ClassLabels, LabelScale, class_name

__all__ = ["OrderedScale"]

LISTED = 7  # classes that the first line of a summary shows


@dataclass(frozen=True, eq=False)
class OrderedScale(LabelScale):
    """Responses that are labels of ordered classes, numbered from 1.

    Parameters
    ----------
    classes : ndarray, shape (n_classes,)
        The labels, sorted; empty before `learn`.
    order : sequence, "sorted" or None
        The labels in their order, some of which may not occur; or that any labels have the order in
        which they are sorted. None is that of numbers, which other labels do not have.
    absent : tuple
        Labels of `order` that do not occur.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import OrderedScale
    >>> scale = OrderedScale(order=("low", "high")).learn(np.array(["low", "high", "low"]))
    >>> scale.classes, scale.categories
    (array(['high', 'low'], dtype='<U4'), array(['low', 'high'], dtype='<U4'))
    >>> scale.read(np.array(["low", "high"]))
    array([0., 1.])
    """

    order: Sequence[Any] | str | None = None
    absent: tuple[Any, ...] = ()

    @property
    def categories(self) -> NDArray[Any]:
        """The labels in their order."""
        return self.classes[np.argsort(self.codes)]

    @property
    def codes(self) -> Ints:
        if self.order is None or isinstance(self.order, str):
            return np.arange(len(self.classes))
        places = {label: place for place, label in enumerate(self.order)}
        return np.array([places[label] for label in self.classes.tolist()], dtype=np.intp)

    @property
    def described(self) -> str:
        if not len(self.classes):
            return "ordered classes"
        shown = list(map(str, self.categories.tolist()))
        if len(shown) > LISTED:
            shown = [*shown[: LISTED - 2], "...", shown[-1]]
        return f"the ordered classes {' < '.join(shown)}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in their order."""
        return tuple(map(class_name, self.categories.tolist()))

    def mean_of(self, name: str) -> str:
        return f"mean class number of {name}"

    def of_type(self, y: Any) -> "OrderedScale":
        """Return the draft that knows the order that the type of responses may have."""
        dtype: Any = getattr(y, "dtype", None)
        is_enum = type(dtype).__name__ == "Enum"  # of polars
        if self.order is None and (getattr(dtype, "ordered", False) or is_enum):
            return replace(self, order=tuple(dtype.categories.to_list()))
        return self

    def settled(self, *total: ClassLabels) -> "OrderedScale":
        """Return the scale of these labels.

        Raises
        ------
        ValueError
            When there is one class only, or no order.
        """
        (labels,) = total
        self._refuse_one(labels)
        found = labels.values
        known = found.tolist()
        if self.order is None or isinstance(self.order, str):
            if self.order is None and any(isinstance(label, (str, bytes)) for label in known):
                raise ValueError(_no_order(known))
            if found.dtype.kind == "f" and np.any(found != np.floor(found)):
                raise ValueError(_continuous(known))
            return OrderedScale(found, self.order)
        unknown = [label for label in known if label not in set(self.order)]
        if unknown:
            msg = (
                f"categories={list(self.order)!r} lack {len(unknown)} of the classes of y: "
                f"{', '.join(map(repr, unknown))}"
            )
            raise ValueError(msg)
        kept = tuple(label for label in self.order if label in set(known))
        absent = tuple(label for label in self.order if label not in set(known))
        return OrderedScale(found, kept, absent)

    def numbers(self, y: Any) -> Floats:
        return self.write(self.read(y))

    def write(self, values: Floats) -> Floats:
        """Return means as class numbers, of which the first is 1."""
        return values + 1.0

    @property
    def missing(self) -> list[str]:
        if not self.absent:
            return []
        names = ", ".join(map(repr, self.absent))
        return [
            (
                f"no response is of class {names}, so that the model has no such class: its "
                "probability would be estimated as 0"
            )
        ]

    def difference(self, other: ResponseScale) -> str | None:
        if not isinstance(other, OrderedScale):
            return super().difference(other)
        mine, others = self.categories.tolist(), other.categories.tolist()
        return None if mine == others else f"their classes differ, {mine} and {others}"


def _continuous(labels: Sequence[Any]) -> str:
    return (  # scikit-learn's words come first
        "Unknown label type: continuous. Maybe you are trying to fit a classifier on a regression "
        f"target: {len(labels)} different numbers that are not whole, such as {labels[0]!r}. If "
        "they are classes, as ratings by half stars are, give them as categories=[...]"
    )


def _no_order(labels: Sequence[Any]) -> str:
    return (
        f"labels that are texts have no order of their own; their alphabetical one would be "
        f"{' < '.join(map(repr, labels))}. Give the order, lowest first, as categories=[...], or "
        "y as an ordered pd.Categorical; categories='sorted' takes the alphabetical one"
    )
