"""The response on the scale of its family: between its bounds, and off them."""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Response", "Scale", "other_scale", "scale_response"]

WIDER = 50.0  # times the unit interval: shares among percents

ROUNDING = 1e-9  # of the width of the bounds: what sums of shares are off by, and more


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
    masses : tuple of float
        Ends of the unit scale that have a probability of their own: responses on them stay.
    unseen : tuple of float
        Those whose probability is estimated as 0, as no response lies on them.
    """

    low: float
    high: float
    boundary: str | float
    n_moved: int
    n_samples: int
    masses: tuple[float, ...] = ()
    unseen: tuple[float, ...] = ()

    @property
    def width(self) -> float:
        """Distance of the bounds."""
        return self.high - self.low

    def unit(self, y: Floats) -> Floats:
        """Return responses on the unit scale, moved as those of the fit: inside (0, 1), or a mass.

        Raises
        ------
        ValueError
            When responses lie outside the bounds, or on one without a probability and `boundary`
            is "error".
        """
        _refuse_outside(y, self.low, self.high)
        unit = (y - self.low) / self.width
        at_low, at_high = self.homeless(y)
        if self.boundary == "squeeze":
            return np.asarray((unit * (self.n_samples - 1) + 0.5) / self.n_samples)
        if isinstance(self.boundary, str):
            _refuse_boundary(at_low, at_high, self, other_scale(y, self.low, self.high))
            return unit
        return np.where(at_low, self.boundary, np.where(at_high, 1.0 - self.boundary, unit))

    def settled(self, n_homeless: int, n_inside: int) -> "Scale":
        """Return the scale that knows how many responses lie on a bound without a probability.

        `n_inside` is how many lie between the bounds; raises as `scale_response`.
        """
        if self.boundary == "squeeze" and self.masses:
            msg = (
                "boundary='squeeze' moves all responses off the bounds, but this model gives a "
                "bound a probability of its own; leave the responses as they are, or pass a "
                "fraction such as boundary=1e-4 for those on a bound without one"
            )
            raise ValueError(msg)
        if self.masses and not n_inside:
            msg = (
                f"all {self.n_samples} responses lie exactly on a bound ({self.low:g} or "
                f"{self.high:g}), so that nothing tells the mean and the precision of what lies "
                "between; for yes-or-no data use a logistic model"
            )
            raise ValueError(msg)
        moved = self.n_samples if self.boundary == "squeeze" else n_homeless
        return replace(self, n_moved=moved)

    def is_moved(self, y: Floats) -> Bools:
        """Return which responses `boundary` moves, where it moves those on a bound only, (n,)."""
        return np.logical_or(*self.homeless(y))

    def homeless(self, y: Floats) -> tuple[Bools, Bools]:
        """Return which responses lie on a bound that has no probability: the low, the high one."""
        unit = (y - self.low) / self.width
        low, high = (0.0 not in self.masses), (1.0 not in self.masses)
        return (unit <= 0.0) & low, (unit >= 1.0) & high

    def knowing(self, unseen: tuple[float, ...]) -> "Scale":
        """Return the scale that knows which masses have an estimated probability of 0."""
        return replace(self, unseen=unseen)

    def log_jacobian(self, unit: Floats) -> Floats:
        """Return by how much log densities of y are less than those on the unit scale, (n,).

        Probabilities of the bounds are the same on both.
        """
        return np.where(np.isin(unit, self.masses), 0.0, np.log(self.width))

    def response(self, unit: Floats) -> Floats:
        """Return numbers of the unit scale on that of y: what is inside (0, 1) stays inside."""
        inside = np.nextafter([self.low, self.high], [np.inf, -np.inf])
        y = np.clip(self.low + self.width * unit, *inside)
        return np.where(unit <= 0.0, self.low, np.where(unit >= 1.0, self.high, y))

    @property
    def missing(self) -> list[str]:
        """What there is to say of bounds with a probability on which no response lies."""
        return [
            f"no response equals the bound {self.response(np.array(mass)):g}: its probability is "
            "estimated as 0, and what describes it has no finite estimate; a model without this "
            "probability is enough"
            for mass in self.unseen
        ]

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
        ``(y - low) / (high - low)``, inside (0, 1) or on one of the masses.
    scale : Scale
        The way back.
    """

    unit: Floats
    scale: Scale


def scale_response(
    y: Floats,
    bounds: tuple[float, float],
    boundary: str | float,
    masses: tuple[float, ...] = (),
) -> Response:
    """Bring y to the unit scale and move responses off the bounds as `boundary` says.

    Parameters
    ----------
    y : ndarray, shape (n,)
    bounds : tuple of float
    boundary : "error", "squeeze" or float
        "squeeze" is ``(u (n - 1) + 1/2) / n`` [1]_; a fraction moves only the responses on a
        bound.
    masses : tuple of float
        Ends of the unit scale that have a probability of their own.

    Raises
    ------
    ValueError
        When responses lie outside the bounds, or on one without a probability and `boundary` is
        "error"; when `boundary` is "squeeze" and a bound has a probability; when no response lies
        between the bounds.

    References
    ----------
    .. [1] Smithson, M. & Verkuilen, J. (2006). A better lemon squeezer? Psychological
       Methods, 11(1), 54-71.
    """
    low, high = map(float, bounds)
    n_inside = int(np.count_nonzero((y > low) & (y < high)))
    draft = Scale(low, high, boundary, 0, len(y), masses)
    scale = draft.settled(int(np.count_nonzero(np.logical_or(*draft.homeless(y)))), n_inside)
    return Response(scale.unit(y), scale)


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


def other_scale(y: Floats, low: float, high: float) -> str | None:
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


def _refuse_boundary(at_low: Bools, at_high: Bools, scale: Scale, doubt: str | None) -> None:
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


def _models(scale: Scale, at_low: Bools, at_high: Bools) -> str:
    """Return the names of estimators that have probabilities where responses lie."""
    both = "ZeroOneInflatedBetaGLMMRegressor, OrderedBetaGLMMRegressor or ExtendedBetaGLMMRegressor"
    if not (at_high.any() or 1.0 in scale.masses):
        return f"ZeroInflatedBetaGLMMRegressor, {both}"
    if not (at_low.any() or 0.0 in scale.masses):
        return f"OneInflatedBetaGLMMRegressor, {both}"
    return both
