"""The response on the scale of its family: between its bounds, and off them."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Response", "Scale", "scale_response"]


@dataclass(frozen=True)
class Scale:
    """The scale of y that a fit has seen, and what it did to responses on the bounds.

    Parameters
    ----------
    low, high : float
        Bounds.
    boundary : str or float
        "error", "squeeze" or a fraction of the width.
    n_moved, n_samples : int
        How many responses were moved, of how many.
    """

    low: float
    high: float
    boundary: str | float
    n_moved: int
    n_samples: int

    @property
    def width(self) -> float:
        """Distance of the bounds."""
        return self.high - self.low

    def unit(self, y: Floats) -> Floats:
        """Return responses on the unit scale, inside (0, 1), moved as those of the fit.

        Raises
        ------
        ValueError
            When responses lie outside the bounds, or on them and `boundary` is "error".
        """
        _refuse_outside(y, self.low, self.high)
        unit = (y - self.low) / self.width
        at_low, at_high = unit <= 0.0, unit >= 1.0
        if self.boundary == "squeeze":
            return np.asarray((unit * (self.n_samples - 1) + 0.5) / self.n_samples)
        if isinstance(self.boundary, str):
            _refuse_boundary(at_low, at_high, self.low, self.high)
            return unit
        return np.where(at_low, self.boundary, np.where(at_high, 1.0 - self.boundary, unit))

    def response(self, unit: Floats) -> Floats:
        """Return numbers of the unit scale on that of y: what is inside (0, 1) stays inside."""
        inside = np.nextafter([self.low, self.high], [np.inf, -np.inf])
        y = np.clip(self.low + self.width * unit, *inside)
        return np.where(unit <= 0.0, self.low, np.where(unit >= 1.0, self.high, y))

    @property
    def remarks(self) -> list[str]:
        """What was done to the responses, in sentences."""
        if not self.n_moved:
            return []
        text = (
            f"{self.n_moved} of {self.n_samples} responses lay on a bound and "
            f"{'was' if self.n_moved == 1 else 'were'} moved inside by boundary={self.boundary!r}"
        )
        if self.boundary == "squeeze":
            text = (
                f"all {self.n_samples} responses were squeezed towards the middle by "
                "boundary='squeeze', (u (n - 1) + 1/2) / n on the unit scale"
            )
        return [text]


@dataclass(frozen=True)
class Response:
    """A response on the unit scale.

    Parameters
    ----------
    unit : ndarray, shape (n,)
        ``(y - low) / (high - low)``, inside (0, 1).
    scale : Scale
        The way back.
    """

    unit: Floats
    scale: Scale


def scale_response(y: Floats, bounds: tuple[float, float], boundary: str | float) -> Response:
    """Bring y to the unit scale and move responses off the bounds as `boundary` says.

    Parameters
    ----------
    y : ndarray, shape (n,)
    bounds : tuple of float
    boundary : "error", "squeeze" or float
        "squeeze" is ``(u (n - 1) + 1/2) / n`` [1]_; a fraction moves only the responses on a
        bound.

    Raises
    ------
    ValueError
        When responses lie outside the bounds, or on them and `boundary` is "error".

    References
    ----------
    .. [1] Smithson, M. & Verkuilen, J. (2006). A better lemon squeezer? Psychological
       Methods, 11(1), 54-71.
    """
    low, high = map(float, bounds)
    on_bound = int(np.count_nonzero((y <= low) | (y >= high)))
    scale = Scale(low, high, boundary, len(y) if boundary == "squeeze" else on_bound, len(y))
    return Response(scale.unit(y), scale)


def _refuse_outside(y: Floats, low: float, high: float) -> None:
    outside = (y < low) | (y > high)
    if outside.any():
        first = int(np.argmax(outside))
        msg = (
            f"every response must lie between the bounds {low:g} and {high:g}; "
            f"{np.count_nonzero(outside)} of {len(y)} do not, the first is y[{first}]="
            f"{y[first]:g} (range of y: {y.min():g} to {y.max():g}). Pass the bounds of the scale "
            f"that y was measured on, {_guess(y)}"
        )
        raise ValueError(msg)


def _guess(y: Floats) -> str:
    if y.min() >= 0 and y.max() <= 1:
        return "perhaps bounds=(0, 1)"
    if y.min() >= 0 and 10 < y.max() <= 100:
        return "perhaps bounds=(0, 100)"
    return "the lowest and highest value that it allows: bounds=(low, high)"


def _refuse_boundary(at_low: Bools, at_high: Bools, low: float, high: float) -> None:
    if not (at_low.any() or at_high.any()):
        return
    counts = [(np.count_nonzero(at_low), low), (np.count_nonzero(at_high), high)]
    words = " and ".join(f"{count} equal to {bound:g}" for count, bound in counts if count)
    total = sum(count for count, _ in counts)
    msg = (
        f"{total} of {len(at_low)} responses lie exactly on a bound ({words}), where this model "
        "has no density. Choose boundary='squeeze' (moves all responses a little towards the "
        "middle), a fraction of the width such as boundary=1e-4 (moves only these), wider bounds "
        "if the scale has them, or a family with zeros and ones of their own"
    )
    raise ValueError(msg)
