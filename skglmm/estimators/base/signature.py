"""The signature of estimators: parameters are annotated fields, as those of a dataclass."""

from dataclasses import dataclass, field
from inspect import Parameter, get_annotations, signature
from typing import Any, TypeVar, dataclass_transform

from skglmm.estimators.base.docs import filled

__all__ = ["mixed_model"]

_Class = TypeVar("_Class", bound=type)
# Before an estimator's own parameters:
_FIRST = ("self", "formula", "groups", "covariance", "relationships")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def mixed_model(cls: _Class) -> _Class:
    """Give an estimator the ``__init__`` that scikit-learn asks for, and its docstring.

    Annotated fields of the class are its parameters, beside those that it inherits, which come
    later in the signature; a class that writes an ``__init__`` keeps it. ``$names`` in the
    docstring become the paragraphs that estimators share.
    """
    own = set(vars(cls))
    made: Any = dataclass(eq=False, repr=False, kw_only=True, match_args=False)(cls)
    if "__init__" not in own:
        made.__init__.__signature__ = _ordered(made)
    if made.__doc__ is not None:  # as with python -OO
        made.__doc__ = filled(made.__doc__)
    return made  # type: ignore[no-any-return]


def _ordered(cls: type) -> Any:
    """Return the signature with a class's own parameters before those of its bases."""
    fields = [list(get_annotations(each)) for each in cls.__mro__]
    found = signature(cls.__init__)  # type: ignore[misc]

    def place(parameter: Parameter) -> tuple[int, int]:
        if parameter.name in _FIRST:
            return -1, _FIRST.index(parameter.name)
        depth = next(d for d, names in enumerate(fields) if parameter.name in names)
        return depth, fields[depth].index(parameter.name)

    return found.replace(parameters=sorted(found.parameters.values(), key=place))
