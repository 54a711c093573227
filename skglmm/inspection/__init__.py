"""Looking at a fitted model: grids of rows to predict, and pictures."""

from skglmm.inspection._data_grid import data_grid

__all__ = ["data_grid"]
