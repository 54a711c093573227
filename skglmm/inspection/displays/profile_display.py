"""Profiles of the likelihood, parameter by parameter, with their intervals."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.interpolate import PchipInterpolator

from skglmm.arrays import Floats
from skglmm.estimators.methods.intervals import chosen_places, profiled
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_choice, check_count, check_level
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inference import Profile, half_width
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.panels import BLUE, GRAY, VERMILLION, open_axes

__all__ = ["ProfileDisplay"]

KINDS = {"zeta": "signed root of the deviance", "likelihood": "relative profile likelihood"}
LONG = 22  # letters of a name that fit under a panel
N_DRAWN = 200  # points of a curve
BEYOND = 0.99  # a little wider than the interval, so that it is seen to cross


class ProfileDisplay(SingleThreaded):
    """Profile likelihood of parameters, on their natural scales, with intervals marked.

    The likelihood is that of the best fit for each value of the parameter. Where it is that of
    a normal approximation, the signed root is a straight line; a bend is the asymmetry that
    Wald intervals do not see. Of a restricted fit (REML) fixed effects, which are integrated out,
    have the profile of maximum likelihood, and zero is at the estimate by that.

    Parameters
    ----------
    profiles : sequence of Profile
        One for each panel.
    level : float, default=0.95
        Coverage of the intervals.
    kind : {"zeta", "likelihood"}, default="zeta"
        Whether to draw the signed root of twice the loss of log likelihood, or the likelihood
        relative to its maximum.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_profiles,)
    lines_ : list of Line2D
        The profiles.
    ends_ : list of list of Line2D
        Ends of each interval, as far as they lie within reach of the profile.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import ProfileDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = ProfileDisplay.from_estimator(model, X, y, parameters="EP")
    >>> display.ax_.get_xlabel()
    'EP'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, profiles: Sequence[Profile], *, level: float = 0.95, kind: str = "zeta"
    ) -> None:
        self.profiles = profiles
        self.level = level
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        parameters: Any = None,
        kind: str = "zeta",
        level: float = 0.95,
        n_points: int = 8,
        sample_weight: Any = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ProfileDisplay":
        """Profile the likelihood, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of fit.
        y : array-like, shape (n_samples,)
            Their responses.
        parameters : str or list of str, default=None
            Names, as in the index of `confint`; None is all that have a profile.
        kind : {"zeta", "likelihood"}, default="zeta"
            What is drawn.
        level : float, default=0.95
            Coverage of the intervals that are marked.
        n_points : int, default=8
            Refits on each side of an estimate, about.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of fit.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each parameter. None makes a new figure.
        line_kwargs : dict, default=None
            Passed to matplotlib's `plot`.

        Returns
        -------
        ProfileDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When a choice is none, these are not the rows of the fit, or no parameter has a
            profile.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import ProfileDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = ProfileDisplay.from_estimator(
        ...     model, X, y, parameters="sd(Intercept | batch)", kind="likelihood"
        ... )
        >>> display.ax_.get_ylabel()
        'relative profile likelihood'
        >>> plt.close(display.figure_)
        """
        check_choice("kind", kind, tuple(KINDS))
        check_level(level)
        check_count("n_points", n_points)
        fitted = Fitted.of(estimator)
        study = study_of(fitted.model, fitted.rows(X), y, sample_weight)
        places = chosen_places(fitted.model.fit_, parameters)
        found = profiled(fitted.model, study, places, max(level, BEYOND), n_points)
        profiles = [profile for profile in found if len(profile.value) > 1]
        if not profiles:
            msg = (
                f"no profile for parameters={parameters!r}: they were left out of the fit, any "
                "value of them is as good, or rows at a ceiling hold or dictate them; see the "
                "notes of summary()"
            )
            raise ValueError(msg)
        return cls(profiles, level=level, kind=kind).plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax: Any = None, *, line_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the profiles.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each parameter. None makes a new figure.
        line_kwargs : dict, default=None
            Passed to matplotlib's `plot`.

        Returns
        -------
        ProfileDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are fewer axes than profiles.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import ProfileDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = ProfileDisplay.from_estimator(model, X, y, parameters="EP")
        >>> display.plot(line_kwargs={"color": "black"}).lines_[0].get_color()
        'black'
        >>> plt.close("all")
        """
        size = (4.8, 3.8) if len(self.profiles) == 1 else (3.2, 2.8)
        self.figure_, self.axes_ = open_axes(ax, len(self.profiles), size, sharey=True)
        self.ax_, self.lines_, self.ends_ = self.axes_[0], [], []
        for axis, profile in zip(self.axes_, self.profiles, strict=True):
            self.lines_.append(self._draw(axis, profile, line_kwargs or {}))
            self.ends_.append(self._mark(axis, profile))
            axis.set(xlabel=_wrapped(profile.name), ylabel=KINDS[self.kind])
            axis.locator_params(axis="x", nbins=5)
        if ax is None:
            n_columns = self.ax_.get_gridspec().ncols
            for place, axis in enumerate(self.axes_):
                axis.set_ylabel("" if place % n_columns else KINDS[self.kind])
        if self.kind == "zeta":
            most = 1.15 * max(np.abs(profile.zeta).max() for profile in self.profiles)
            for axis in self.axes_:
                axis.set_ylim(-most, most)
            self.ax_.legend(loc="upper left", fontsize="x-small", framealpha=0.95)
        return self

    def _draw(self, axis: Any, profile: Profile, given: dict[str, Any]) -> Any:
        value, zeta = profile.value, profile.zeta
        x = np.linspace(value[0], value[-1], N_DRAWN)
        curve = PchipInterpolator(value, zeta)
        style = {"color": BLUE, "linewidth": 1.8, "zorder": 3} | given
        if self.kind == "zeta":
            slope = float(curve(profile.peak, 1))
            straight = {"color": GRAY, "linewidth": 1, "linestyle": "--", "zorder": 1.5}
            heights = slope * (x - profile.peak)
            axis.plot(x, heights, label="normal approximation", **straight)
        (line,) = axis.plot(x, self._height(curve(x)), **style)
        axis.plot(value, self._height(zeta), "o", color=style["color"], markersize=3, zorder=3)
        return line

    def _mark(self, axis: Any, profile: Profile) -> list[Any]:
        """Draw the interval: where the profile crosses its heights."""
        root = half_width(self.level)
        style = {"color": VERMILLION, "linewidth": 1, "zorder": 2}
        for height in np.unique(self._height(np.array([-root, root]))):
            axis.axhline(height, linestyle=":", **style)
        axis.axvline(profile.peak, color=GRAY, linewidth=1, zorder=1.5)
        ends = np.array(profile.interval(self.level))
        within = (ends >= profile.value[0]) & (ends <= profile.value[-1])
        low, high = np.clip(ends, profile.value[0], profile.value[-1])
        axis.axvspan(low, high, color=VERMILLION, alpha=0.1, linewidth=0, zorder=1)
        axis.set_title(f"{100 * self.level:g} %: {_text(ends)}", fontsize="small")
        return [axis.axvline(end, **style) for end in ends[within]]

    def _height(self, zeta: Floats) -> Floats:
        return zeta if self.kind == "zeta" else np.exp(-0.5 * zeta**2)


def _wrapped(name: str) -> str:
    """Return a name of a parameter, on two lines where it is long."""
    return name if len(name) <= LONG else name.replace(" | ", "\n| ")


def _text(ends: Floats) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"
