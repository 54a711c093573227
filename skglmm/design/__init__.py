"""Design matrices and group codes, learned from one data frame and built for others."""

from skglmm.design.build import DesignSpec
from skglmm.design.columns import Labels, is_label, kind_of, pick
from skglmm.design.learn import Term, label_columns, learn, place_columns
from skglmm.design.one_hot import (
    EffectColumns,
    OneHot,
    effect_slots,
    rows_with_effects,
    turned,
    used_in,
)
from skglmm.design.places import Places
from skglmm.design.records import Design, Factor, Layout, label_in
from skglmm.design.structures import IndexedEffects
from skglmm.design.term_table import TermTable

__all__ = [
    "Design",
    "DesignSpec",
    "EffectColumns",
    "Factor",
    "IndexedEffects",
    "Labels",
    "Layout",
    "OneHot",
    "Places",
    "Term",
    "TermTable",
    "effect_slots",
    "is_label",
    "kind_of",
    "label_columns",
    "label_in",
    "learn",
    "pick",
    "place_columns",
    "rows_with_effects",
    "turned",
    "used_in",
]
