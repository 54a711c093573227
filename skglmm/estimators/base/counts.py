"""Mixed models of counts."""

from collections.abc import Callable
from typing import Any

from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.exposure import ExposedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.zeros import Zeros
from skglmm.estimators.reading.validation import check_choice, check_flag
from skglmm.families import Family, Hurdle, Truncated, ZeroInflated
from skglmm.response import CountScale

__all__ = ["CountRegressor"]

_ZEROS: dict[str, Callable[[Family], Family]] = {"inflated": ZeroInflated, "hurdle": Hurdle}


@mixed_model
class CountRegressor(Zeros, ExposedRegressor):
    """A mixed model of counts, perhaps with an exposure, more zeros, or none."""

    _positive = "counts"

    zero: str | None = None
    zero_kind: str = "inflated"
    truncated: bool = False
    n_quadrature: int = 1

    def _make_counts(self) -> Family:
        """Return the distribution of counts, before zeros are added or taken out."""
        return super()._make_family()

    def _make_family(self) -> Family:
        check_choice("zero_kind", self.zero_kind, tuple(_ZEROS))
        check_flag("truncated", self.truncated)
        counts = self._make_counts()
        if self.zero is None:
            return Truncated(counts) if self.truncated else counts
        if self.truncated:
            msg = (
                f"truncated=True is for counts without zeros, and zero={self.zero!r} describes "
                "zeros; keep one of them, zero_kind='hurdle' for zeros beside truncated counts"
            )
            raise ValueError(msg)
        if str(self.zero).strip(" ~") == "0":
            msg = (
                f"zero={self.zero!r} is a model whose probability of zeros is one half everywhere; "
                "zero=None is the one without, R's ziformula = ~0"
            )
            raise ValueError(msg)
        return _ZEROS[self.zero_kind](counts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> CountScale:
        return CountScale(least=int(family.support.low))
