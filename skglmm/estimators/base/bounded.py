"""Mixed models of numbers between two bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skglmm import inference as infer
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.boundaries import Boundaries
from skglmm.estimators.methods.boundary_findings import boundary_findings
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.study_rows import StudyRows
from skglmm.estimators.reading.validation import check_boundary, check_bounds
from skglmm.families import Family
from skglmm.response import BoundedScale

__all__ = ["BoundedRegressor"]


@mixed_model
class BoundedRegressor(Boundaries, MixedRegressor):
    """A mixed model of numbers between bounds, with a mean and a precision."""

    link: str = "logit"
    bounds: tuple[float, float] = (0.0, 1.0)
    boundary: str | float = "error"

    def _make_scale(self, family: Family) -> BoundedScale:
        check_bounds(self.bounds)
        check_boundary(self.boundary)
        low, high = map(float, self.bounds)
        return BoundedScale(low, high, self.boundary, family.masses)

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        self.n_boundary_ = self._scale.n_moved

    def _response_findings(
        self, rows: StudyRows, rng: np.random.Generator
    ) -> Sequence[infer.Finding]:
        return boundary_findings(rows, rng)
