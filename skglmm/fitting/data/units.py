r"""Units in which a fit measures responses, so that dollars and millionths fit alike.

Searches begin, step and stop by numbers in units of a link, which suit linear predictors of order
one. Where parameters grow with the response, any unit is as good as another: with responses
:math:`y = c + w y^*` the linear predictor of such a parameter is
:math:`\eta_k = s_k \eta^*_k + t_k`, :math:`s_k = w` and :math:`t_k = c` of a mean itself, 1 and
:math:`\log w` of its logarithm, :math:`1 / w` and 0 of its inverse, and the density of y is that of
:math:`y^*` divided by w.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.families import Family

__all__ = ["USER", "Units"]


@dataclass(frozen=True)
class Units:
    """Center and width of responses in a fit, and what these make of its linear predictors.

    Parameters
    ----------
    center, width : float
        Responses of the user are ``center + width * y``.
    sizes, shifts : tuple of float, length K
        Linear predictors of the user are ``size * eta + shift``. Empty where the fit has the units
        of the user, as of counts, classes and shares.
    """

    center: float = 0.0
    width: float = 1.0
    sizes: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()

    @classmethod
    def of(cls, family: Family, center: float, width: float) -> "Units":
        """Return the units of a family with equivariant parameters."""
        sizes, shifts = zip(*family.rescaled(width), strict=True)
        moved = [center if k == family.location else 0.0 for k in range(len(sizes))]
        return cls(center, width, sizes, tuple(map(sum, zip(shifts, moved, strict=True))))

    @property
    def are_own(self) -> bool:
        """Whether they are others than those of the user."""
        return bool(self.sizes)

    def size(self, k: int) -> float:
        """Return the unit of linear predictor k, in that of the user."""
        return self.sizes[k] if self.sizes else 1.0

    def shift(self, k: int) -> float:
        """Return the zero of linear predictor k, in the units of the user."""
        return self.shifts[k] if self.shifts else 0.0

    def response(self, y: Floats) -> Floats:
        """Return responses of the user, (n,), in these units."""
        if not self.are_own:
            return y
        moved = y - self.center
        moved /= self.width
        return moved

    def user_response(self, y: Floats) -> Floats:
        """Return responses in these units, (n,), in those of the user."""
        return self.center + self.width * y if self.are_own else y

    def user_predictors(self, eta: Sequence[Floats]) -> list[Floats]:
        """Return linear predictors in these units, (n,) each, in those of the user."""
        if not self.are_own:
            return list(eta)
        triples = zip(eta, self.sizes, self.shifts, strict=True)
        return [size * row + shift for row, size, shift in triples]

    def design(self, design: Design, levels: Sequence[float] | None = None) -> Design:
        """Return a design whose fixed and random parts are measured in these units.

        Parameters
        ----------
        design : Design
        levels : sequence of float, length K, or None
            What is subtracted from what is added to each predictor; by default its shift.
        """
        if not self.are_own:
            return design
        triples = zip(design.offsets, self.sizes, levels or self.shifts, strict=True)
        n = design.n_samples
        offsets = tuple(_moved(each, size, level, n) for each, size, level in triples)
        return replace(design, offsets=offsets)

    def log_jacobian(self, y: Floats, weights: Floats | None, masses: Sequence[float]) -> float:
        """Return what the log likelihood of responses loses in the units of the user.

        Parameters
        ----------
        y : ndarray, shape (n,)
            In the units of the user; weights like it.
        weights : ndarray, shape (n,), or None
        masses : sequence of float
            Responses that have a probability, and no density.
        """
        if not self.are_own:
            return 0.0
        inside = slice(None) if not masses else ~np.isin(y, masses)
        total = float(len(y[inside]) if weights is None else weights[inside].sum())
        return log(self.width) * total


USER = Units()


def _moved(offset: Floats | None, size: float, level: float, n: int) -> Floats | None:
    if offset is None:
        return None if level == 0.0 else np.full(n, -level / size)
    return np.asarray((offset - level) / size)
