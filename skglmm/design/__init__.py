"""Design matrices and group codes, learned from one data frame and built for others."""

from skglmm.design._build import DesignSpec
from skglmm.design._learn import Term, label_columns, learn
from skglmm.design._records import Design, Factor, Layout

__all__ = ["Design", "DesignSpec", "Factor", "Layout", "Term", "label_columns", "learn"]
