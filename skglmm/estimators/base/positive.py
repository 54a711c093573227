"""Mixed models of positive numbers."""

from typing import Any

from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.zeros import Zeros
from skglmm.families import Family, Hurdle
from skglmm.response import PositiveScale

__all__ = ["PositiveRegressor"]


@mixed_model
class PositiveRegressor(Zeros, MixedRegressor):
    """A mixed model of positive numbers, perhaps beside zeros."""

    zero: str | None = None
    n_quadrature: int = 1

    def _make_family(self) -> Family:
        positive = super()._make_family()
        return positive if self.zero is None else Hurdle(positive)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> PositiveScale:
        return PositiveScale(zero=bool(family.masses))
