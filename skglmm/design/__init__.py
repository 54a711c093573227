"""Design matrices and group codes, learned from one data frame and built for others."""

from skglmm.design.build import DesignSpec
from skglmm.design.columns import Labels, is_label, kind_of, pick
from skglmm.design.learn import label_columns, learn
from skglmm.design.matrices.term_table import TermTable
from skglmm.design.one_hot import (
    EffectColumns,
    OneHot,
    effect_slots,
    rows_with_effects,
    turned,
    used_in,
)
from skglmm.design.places import Places
from skglmm.design.plan import Term, place_columns
from skglmm.design.records import Design, Factor, Layout, SmoothCurve, label_in
from skglmm.design.smooths import SMOOTH, LearnedSmooth
from skglmm.design.structures import IndexedEffects

__all__ = [
    "SMOOTH",
    "Design",
    "DesignSpec",
    "EffectColumns",
    "Factor",
    "IndexedEffects",
    "Labels",
    "Layout",
    "LearnedSmooth",
    "OneHot",
    "Places",
    "SmoothCurve",
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
