"""Whose predicted effects a curve can have: grouping factors with one level in all its rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.rows import columns_of_factor
from skglmm.inspection.data.fitted import name_in_model

__all__ = ["KnownFactors"]

ALL_ROWS = "1"  # the factor of effects that all rows have together, which every curve knows
Kind = str | Collection[str]


@dataclass(frozen=True, eq=False)
class KnownFactors:
    """The grouping factors of a model, and the table whose rows have their levels.

    Parameters
    ----------
    model : MixedModel
    table : DataFrame
    feature : name or None
        Column of the horizontal axis where it holds categories: a point has one of them.
    """

    model: MixedModel
    table: pd.DataFrame
    feature: Any = None

    def kind(self, by: list[Any], kind: Kind | None) -> Kind:
        """Return the kind of prediction that the columns of `by` are enough for.

        Raises
        ------
        ValueError
            When they are not enough for a kind that was chosen.
        """
        wanted = self._wanted(kind)
        if wanted in ("fixed", "marginal") or not self._factors:
            return wanted
        known = self._known(by)
        if not isinstance(wanted, str):
            self._refuse(_unknown(wanted, self._factors, known), by, wanted)
            return frozenset(wanted)
        if wanted != "conditional":
            return wanted  # which `predict` refuses
        if known:
            return wanted if len(known) == len(self._factors) else frozenset(known)
        if kind is None:
            return "marginal"
        self._refuse(list(self._factors), by, wanted)
        return wanted

    def need_feature(self, by: list[Any]) -> bool:
        """Return whether factors are known by the categories of the axis, and not without them."""
        axis = self.feature
        return axis is not None and self._known(by) != replace(self, feature=None)._known(by)

    def refined(self, by: list[Any], kind: Kind | None) -> list[Any]:
        """Return `by` with the columns that its labels need to be levels.

        Plot "a" of ``(1 | site:plot)`` is another one in every site where labels are used again,
        and no level at all; the curves are then those of sites and plots.
        """
        wanted = self._wanted(kind)
        if wanted != "conditional":
            return by
        names, found = self._columns, list[Any]()
        fixed = {names[name] for name in self.model._spec.variables if name in names}
        settled = {name for factor in self._known(by) for name in self._factors[factor]} | fixed
        for name in by:
            every = self._factors.values()
            within = [each for each in every if name in each and None not in each]
            alone = name in settled or not within
            found += [name] if alone else sorted(within, key=len)[0]
        return list(dict.fromkeys(found))

    def _wanted(self, kind: Kind | None) -> Kind:
        """Return the kind that was chosen; of the model's own one that has limits."""
        if kind is not None:
            return kind
        own = self.model.predict_kind
        return "conditional" if own == "posterior" else own

    @property
    def _columns(self) -> Mapping[str, Any]:
        """Columns of the table by their names in formulas."""
        return {name_in_model(self.model, self.table, name): name for name in self.table.columns}

    @property
    def _factors(self) -> dict[str, list[Any]]:
        """Columns of each factor, as the table has them; None where it has not."""
        names = self._columns
        groups = dict.fromkeys(bar.group for bar in self.model.random_terms_)
        pairs = zip(self.model._spec.group_variables, self.model.fit_.layout.factors, strict=True)
        groups |= {group: None for group, factor in pairs if factor.parts and group}
        every = {":".join(group) or ALL_ROWS: group for group in groups}
        return {name: [names.get(each) for each in group] for name, group in every.items()}

    def _known(self, by: list[Any]) -> set[str]:
        """Return the factors of which a point of a curve has one level."""
        axis = [] if self.feature is None else [self.feature]
        return {
            name for name, columns in self._factors.items() if self._are_settled(by, axis, columns)
        }

    def _are_settled(self, by: list[Any], axis: list[Any], columns: list[Any]) -> bool:
        if set(columns) <= {*by, *axis}:
            return True
        if not set(columns) <= set(self.table.columns):
            return False
        return any(names and self._determine(names, columns) for names in (by, axis))

    def _determine(self, names: list[Any], columns: list[Any]) -> bool:
        """Return whether rows that are alike in some columns are so in others."""
        both = self.table[list(dict.fromkeys([*names, *columns]))].drop_duplicates()
        return not both.duplicated(names).any()

    def _refuse(self, missing: Collection[str], by: list[Any], kind: Kind) -> None:
        if not missing:
            return
        shown = kind if isinstance(kind, str) else set(kind)
        msg = (
            f"kind={shown!r} needs the columns of a grouping factor in by, got by={by}; "
            f"the model has {list(self._factors)}. Or choose kind='marginal', kind='fixed'"
        )
        raise ValueError(msg)


def _unknown(wanted: Collection[str], factors: Collection[str], known: set[str]) -> list[str]:
    """Return the factors that were chosen and are not known; other names `predict` refuses."""
    chosen = set(map(columns_of_factor, wanted))
    return [name for name in factors if columns_of_factor(name) in chosen and name not in known]
