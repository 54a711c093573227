"""Mixed models of counts with a dispersion."""

from skglmm.estimators.base.counts import CountRegressor
from skglmm.estimators.base.signature import mixed_model

__all__ = ["DispersedCountRegressor"]


@mixed_model
class DispersedCountRegressor(CountRegressor):
    """A mixed model of counts with a mean and a dispersion, each with a linear predictor."""

    dispersion: str = "1"
