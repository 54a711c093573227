"""The response on the scale of its family: between its bounds, and off them."""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.response.base import ResponseScale

__all__ = ["BoundedScale"]

WIDER = 50.0  # times the unit interval: shares among percents

ROUNDING = 1e-9  # of the width of the bounds: what sums of shares are off by, and more


@dataclass(frozen=True)
class BoundedScale(ResponseScale):
    """Responses between bounds, and what a fit did to those on the bounds.

    Parameters
    ----------
    low, high : float
        Bounds.
    boundary : str or float
        "error"; "squeeze", which is ``(u (n - 1) + 1/2) / n`` on the unit scale [1]_; or a
        fraction of the width, by which responses on a bound are moved inside.
    masses : tuple of float
        Ends of the unit scale that have a probability of their own: responses on them stay.
    n_moved, n_samples : int
        How many responses were moved, of how many.
    unseen : tuple of float
        Masses whose probability is estimated as 0, as no response lies on them.

    References
    ----------
    .. [1] Smithson, M. & Verkuilen, J. (2006). A better lemon squeezer? Psychological
       Methods, 11(1), 54-71.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import BoundedScale
    >>> y = np.array([10.0, 25.0, 99.0])
    >>> BoundedScale(0.0, 100.0).learn(y).read(y)
    array([0.1 , 0.25, 0.99])
    """

    low: float
    high: float
    boundary: str | float = "error"
    masses: tuple[float, ...] = ()
    n_moved: int = 0
    n_samples: int = 0
    unseen: tuple[float, ...] = ()

    @property
    def width(self) -> float:
        """Distance of the bounds."""
        return self.high - self.low

    @property
    def described(self) -> str:
        left, right = ("[" if 0.0 in self.masses else "("), ("]" if 1.0 in self.masses else ")")
        return f"a response on {left}{self.low:g}, {self.high:g}{right}"

    def tally(self, y: Floats) -> tuple[int, int, int]:
        """Return how many responses there are, are outside the support, and between the bounds."""
        outside = np.count_nonzero(self.is_moved(y))
        inside = np.count_nonzero((y > self.low) & (y < self.high))
        return len(y), int(outside), int(inside)

    def settled(self, *total: int) -> "BoundedScale":
        n_samples, n_outside, n_inside = total
        if self.boundary == "squeeze" and self.masses:
            msg = (
                "boundary='squeeze' moves all responses off the bounds, but this model gives a "
                "bound a probability of its own; leave the responses as they are, or pass a "
                "fraction such as boundary=1e-4 for those on a bound without one"
            )
            raise ValueError(msg)
        if self.masses and not n_inside:
            msg = (
                f"all {n_samples} responses lie exactly on a bound ({self.low:g} or "
                f"{self.high:g}), so that nothing tells the mean and the precision of what lies "
                "between; for yes-or-no data use a logistic model"
            )
            raise ValueError(msg)
        moved = n_samples if self.boundary == "squeeze" else n_outside
        return replace(self, n_moved=moved, n_samples=n_samples)

    def read(self, y: Floats) -> Floats:
        """Return responses on the unit scale, moved as those of the fit: inside (0, 1), or a mass.

        Raises
        ------
        ValueError
            When responses lie outside the bounds, or on one without a probability and `boundary`
            is "error".
        """
        self._refuse(y)
        unit = self.unmoved(y)
        if self.boundary == "squeeze":
            return np.asarray((unit * (self.n_samples - 1) + 0.5) / self.n_samples)
        if isinstance(self.boundary, str):
            return unit
        at_low, at_high = self.outside_support(y)
        return np.where(at_low, self.boundary, np.where(at_high, 1.0 - self.boundary, unit))

    def _refuse(self, y: Floats) -> None:
        _refuse_outside(y, self.low, self.high)
        if self.boundary == "error":
            _refuse_boundary(*self.outside_support(y), self, _other_scale(y, self.low, self.high))

    def unmoved(self, y: Floats) -> Floats:
        return np.asarray((y - self.low) / self.width)

    def is_moved(self, y: Floats) -> Bools:
        """Return which responses `boundary` moves, where it moves those on a bound only, (n,)."""
        return np.logical_or(*self.outside_support(y))

    def outside_support(self, y: Floats) -> tuple[Bools, Bools]:
        """Return which responses lie on a bound that has no probability: the low, the high one."""
        unit = self.unmoved(y)
        low, high = (0.0 not in self.masses), (1.0 not in self.masses)
        return (unit <= 0.0) & low, (unit >= 1.0) & high

    def knowing(self, unseen: tuple[float, ...]) -> "BoundedScale":
        return replace(self, unseen=unseen)

    def moved_by(self, fraction: float) -> "BoundedScale":
        """Return the scale that moves responses on a bound inside by a fraction of the width."""
        return replace(self, boundary=fraction)

    def log_jacobian(self, read: Floats) -> Floats:
        """Return by how much log densities of y are less than those on the unit scale, (n,).

        Probabilities of the bounds are the same on both.
        """
        return np.where(np.isin(read, self.masses), 0.0, np.log(self.width))

    def total_log_jacobian(self, read: Floats, weights: Floats | None) -> float:
        """Return by how much the log likelihood of y is less than that on the unit scale."""
        return float(np.sum((1.0 if weights is None else weights) * self.log_jacobian(read)))

    def write(self, values: Floats) -> Floats:
        """Return numbers of the unit scale on that of y: what is inside (0, 1) stays inside."""
        inside = np.nextafter([self.low, self.high], [np.inf, -np.inf])
        y = np.clip(self.low + self.width * values, *inside)
        return np.where(values <= 0.0, self.low, np.where(values >= 1.0, self.high, y))

    def difference(self, other: ResponseScale) -> str | None:
        if not isinstance(other, BoundedScale):
            return super().difference(other)
        bounds = [f"({scale.low:g}, {scale.high:g})" for scale in (self, other)]
        if bounds[0] == bounds[1]:
            return None
        return f"their bounds differ, {bounds[0]} and {bounds[1]}"

    def moved_differently(self, other: ResponseScale) -> str | None:
        if not isinstance(other, BoundedScale):
            return None
        moved = [scale for scale in (self, other) if scale.n_moved]
        if not moved or (len(moved) == 2 and self.boundary == other.boundary):
            return None
        reason = (
            "they treated responses on the bounds differently, boundary="
            f"{self.boundary!r} and {other.boundary!r}"
        )
        if len(moved) == 2:
            return reason
        return (
            f"{reason}: {moved[0].n_moved} responses were moved for one of them, whose density is "
            "no likelihood of the responses themselves and depends on how far they are moved"
        )

    def doubts(self, y: Floats) -> list[str]:
        doubt = _other_scale(y, self.low, self.high)
        return [] if doubt is None else [doubt]

    @property
    def moved_ends(self) -> tuple[float, float] | None:
        """Where responses on the bounds are on the unit scale; None where they are refused."""
        if self.boundary == "error":
            return None
        low, high = self.read(np.array([self.low, self.high], dtype=np.float64))
        return float(low), float(high)

    @property
    def missing(self) -> list[str]:
        """What there is to say of bounds with a probability on which no response lies."""
        return [
            f"no response equals the bound {self.write(np.array(mass)):g}: its probability is "
            "estimated as 0, and what describes it has no finite estimate; a model without this "
            "probability is enough"
            for mass in self.unseen
        ]

    @property
    def remarks(self) -> list[str]:
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


def _refuse_outside(y: Floats, low: float, high: float) -> None:
    beyond = np.maximum(low - y, y - high)
    outside = beyond > 0
    if not outside.any():
        return
    first, count = int(np.argmax(outside)), np.count_nonzero(outside)
    really = beyond > ROUNDING * (high - low)
    if not really.any():
        msg = (
            f"{count} of {len(y)} responses lie outside of the bounds {low!r} and {high!r} by no "
            f"more than rounding, the first is y[{first}]={float(y[first])!r}, as sums of shares "
            "give. They are not moved silently: if they stand for the bound itself, pass "
            f"np.clip(y, {low!r}, {high!r})"
        )
        raise ValueError(msg)
    first, exact = int(np.argmax(really)), np.array_equal(really, outside)
    beyond_rounding = "" if exact else "by more than rounding "
    msg = (
        f"every response must lie between the bounds {low:g} and {high:g}; "
        f"{count} of {len(y)} do not, the first {beyond_rounding}is y[{first}]="
        f"{_told(y[first], low, high)} (range of y: {_told(y.min(), low, high)} to "
        f"{_told(y.max(), low, high)}). Pass the bounds of the scale that y was measured on, "
        f"{_guess(y)}"
    )
    raise ValueError(msg)


def _told(value: float, low: float, high: float) -> str:
    """Return a number with so many digits that it does not look like a bound that it is not."""
    short = f"{value:g}"
    looks = short in {f"{low:g}", f"{high:g}"} and value not in {low, high}
    return repr(float(value)) if looks else short


def _other_scale(y: Floats, low: float, high: float) -> str | None:
    """Return the doubt about bounds whose first percents hold all responses: shares, perhaps."""
    if low != 0.0 or high < WIDER or y.min() < 0.0 or y.max() > 1.0:
        return None
    return (
        f"all {len(y)} responses lie between 0 and 1 ({y.min():.4g} to {y.max():.4g}), but the "
        f"bounds are {low:g} and {high:g}; if these are shares, pass bounds=(0, 1) or {high:g} * y"
    )


def _guess(y: Floats) -> str:
    if y.min() >= 0 and y.max() <= 1:
        return "perhaps bounds=(0, 1)"
    if y.min() >= 0 and 10 < y.max() <= 100:
        return "perhaps bounds=(0, 100)"
    return "the lowest and highest value that it allows: bounds=(low, high)"


def _refuse_boundary(at_low: Bools, at_high: Bools, scale: BoundedScale, doubt: str | None) -> None:
    if not (at_low.any() or at_high.any()):
        return
    counts = [(np.count_nonzero(at_low), scale.low), (np.count_nonzero(at_high), scale.high)]
    words = " and ".join(f"{count} equal to {bound:g}" for count, bound in counts if count)
    total, models = sum(count for count, _ in counts), _models(scale, at_low, at_high)
    msg = (
        f"{total} of {len(at_low)} responses lie exactly on a bound ({words}), where this model "
        f"has no density. Choose a model with a probability for it, {models}; or "
        f"{'' if scale.masses else _SQUEEZE}boundary=1e-4, a fraction of the width, which moves "
        "only these; or wider bounds, if the scale has them"
    )
    msg = msg if doubt is None else f"{msg}. And {doubt}"
    raise ValueError(msg)


_SQUEEZE = "boundary='squeeze', which moves all responses a little towards the middle; or "


def _models(scale: BoundedScale, at_low: Bools, at_high: Bools) -> str:
    """Return the names of estimators that have probabilities where responses lie."""
    both = "ZeroOneInflatedBetaGLMMRegressor, OrderedBetaGLMMRegressor or ExtendedBetaGLMMRegressor"
    if not (at_high.any() or 1.0 in scale.masses):
        return f"ZeroInflatedBetaGLMMRegressor, {both}"
    if not (at_low.any() or 0.0 in scale.masses):
        return f"OneInflatedBetaGLMMRegressor, {both}"
    return both
