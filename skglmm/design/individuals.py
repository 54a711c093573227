"""Individuals whose relationships are known: pedigrees, phylogenies, neighborhoods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from skglmm.arrays import Ints
from skglmm.covariance import Relationship
from skglmm.design.columns import Labels, kind_of, pick
from skglmm.exceptions import DesignError

__all__ = ["Individuals", "learn_individuals"]

SHOWN = 5  # individuals that a message lists
_ROLE = "column of individuals"
_EXPECTED = (
    "expected a DataFrame with the individuals as index and columns, or a pair of an array and "
    "their labels; a sparse array is the inverse"
)


@dataclass(frozen=True, eq=False)
class Individuals:
    """The individuals of a relationship matrix, of which each row is one.

    Parameters
    ----------
    columns : tuple of str, length 1
    labels : Labels
        Of the individuals, in the order of the matrix.
    effect : str
        What varies between them: ``Intercept``.
    matrix : str
        Name of the relationship matrix.
    """

    columns: tuple[str, ...]
    labels: Labels
    effect: str
    matrix: str

    @property
    def joint_name(self) -> str:
        """Name of all effects together, in those of parameters."""
        return f"{self.effect}[{self.matrix}]"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the effects."""
        return tuple(map(str, self.labels.values))

    def extended(self, frame: pd.DataFrame) -> "Individuals":
        """Return the same individuals: there are no others.

        Raises
        ------
        DesignError
            When rows are of individuals without relationships.
        """
        lost = self.index(frame) < 0
        if lost.any():
            values = pick(frame, self.columns[0])
            msg = (
                f"{np.count_nonzero(lost)} of {len(frame)} rows have individuals of "
                f"{self.columns[0]!r} that relationships[{self.matrix!r}] lacks, "
                f"{_listed(pd.unique(values[lost]).tolist())}: nothing tells how their effects are "
                "related to others; fit with a matrix that has them, which needs no rows of theirs"
            )
            raise DesignError(msg)
        return self

    def index(self, frame: pd.DataFrame) -> Ints:
        """Return the individual of each row, shape (n,); -1 for those without relationships."""
        return self.labels.codes(pick(frame, self.columns[0]), _ROLE)


def learn_individuals(
    frame: pd.DataFrame,
    column: str,
    effect: str,
    name: str,
    relationships: Mapping[str, Any] | None,
) -> tuple[Individuals, Relationship]:
    """Return the individuals of a relationship matrix, all of those in the data among them.

    Parameters
    ----------
    frame : DataFrame
    column : str
        Of the individual of each row.
    effect : str
        What varies between them.
    name : str
        Of the matrix.
    relationships : mapping of str to matrix, or None

    Raises
    ------
    DesignError
        When there is no such matrix, it is none of relationships, or lacks individuals.
    """
    values, labels = _labeled(name, relationships)
    what = f"relationships[{name!r}]"
    if not labels.is_unique:
        twice = labels[labels.duplicated()][0]
        msg = f"{what} has the individual {twice!r} more than once"
        raise DesignError(msg)
    known = Labels.of(labels)
    try:
        of = Relationship.of_inverse if issparse(values) else Relationship
        covariance = of(values)
    except ValueError as error:
        msg = f"{what}: {error}"
        raise DesignError(msg) from None
    if covariance.size != len(labels):
        msg = f"{what} has {covariance.size} rows, and labels of {len(labels)} individuals"
        raise DesignError(msg)
    series, found = pick(frame, column), Individuals((column,), known, effect, name)
    if kind_of(series) != known.kind:
        msg = (
            f"{_ROLE} {column!r} holds {kind_of(series)} values, and the labels of {what} are "
            f"{known.kind}; convert one to the type of the other"
        )
        raise DesignError(msg)
    lost = found.index(frame) < 0
    if lost.any():
        absent = _listed(pd.unique(series[lost]).tolist())
        msg = (
            f"{what} lacks individuals of {column!r}: {absent}; add them to the matrix, "
            "founders with 1 on its diagonal and 0 beside"
        )
        raise DesignError(msg)
    return found, covariance


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(map(repr, names[:SHOWN]))
    return shown + (f" … ({len(names)} in all)" if len(names) > SHOWN else "")


def _labeled(name: str, relationships: Mapping[str, Any] | None) -> tuple[Any, "pd.Index[Any]"]:
    """Return a matrix, and the individuals of its rows."""
    if not isinstance(relationships, Mapping) or name not in relationships:
        known = f"; there are {', '.join(map(repr, relationships))}" if relationships else ""
        msg = (
            f"no relationship matrix is called {name!r}{known}; pass it to the estimator, "
            f"relationships={{{name!r}: matrix}}"
        )
        raise DesignError(msg)
    match relationships[name]:
        case pd.DataFrame() as table:
            if set(table.index) != set(table.columns):
                msg = (
                    f"relationships[{name!r}] has other individuals in its index than in its "
                    f"columns; {_EXPECTED}"
                )
                raise DesignError(msg)
            return table.loc[:, table.index].to_numpy(), table.index
        case (values, labels) if np.ndim(labels) == 1:
            return values, pd.Index(labels)
    msg = f"relationships[{name!r}] is of type {type(relationships[name]).__name__}; {_EXPECTED}"
    raise DesignError(msg)
