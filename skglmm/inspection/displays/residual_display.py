"""Residuals against fitted means, and against the quantiles that they should have."""

from typing import Any, Self

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from skglmm.arrays import Floats
from skglmm.estimators.reading.validation import check_choice, check_level
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.checks.envelope import Envelope, normal_envelope, normal_scores
from skglmm.inspection.checks.residual_rows import residual_rows
from skglmm.inspection.data.smooth import Smooth, smooth
from skglmm.inspection.displays.panels import GRAY, LIGHT, VERMILLION, open_axes, point_style

__all__ = ["ResidualDisplay"]

KINDS = ("fitted", "qq")
HEADROOM = 0.15  # share of the axis that the legend needs
REACH = 2.0  # standard errors on both sides of the smooth: about 95 %


class ResidualDisplay(SingleThreaded):
    """Residuals against fitted means with a smooth, or against normal quantiles.

    `from_estimator` makes both kinds; `from_residuals` makes them from arrays.

    Parameters
    ----------
    residual : ndarray, shape (n_samples,)
        The residuals.
    fitted : ndarray, shape (n_samples,), default=None
        Means of the rows, for the horizontal axis of kind "fitted".
    kind : {"fitted", "qq"}, default="fitted"
        What the residuals are drawn against.
    residual_name, target_name : str
        What residuals and response are called, for the axes.
    mean_name : str, default=None
        What means are called, such as "P(y = yes)"; None is "mean of" the response.
    smooth : Smooth, default=None
        Curve through the residuals, of kind "fitted".
    envelope : Envelope, default=None
        Where the sorted residuals of a true model lie, of kind "qq".

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
    scatter_ : PathCollection
        The residuals.
    reference_line_ : Line2D
        Where the residuals of a true model scatter about: zero, or the diagonal.
    smooth_line_ : Line2D or None
        Of kind "fitted".
    band_ : PolyCollection or None
        Two standard errors on both sides of the smooth, or the envelope.

    See Also
    --------
    residuals : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import ResidualDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=0)
    >>> display.ax_.get_ylabel()
    'quantile residual'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        residual: Floats,
        fitted: Floats | None = None,
        *,
        kind: str = "fitted",
        residual_name: str = "residual",
        target_name: str = "y",
        mean_name: str | None = None,
        smooth: Smooth | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        self.residual = residual
        self.fitted = fitted
        self.kind = kind
        self.residual_name = residual_name
        self.target_name = target_name
        self.mean_name = mean_name
        self.smooth = smooth
        self.envelope = envelope

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        kind: str = "fitted",
        residual: str = "quantile",
        effects: str | None = None,
        sample_weight: Any = None,
        level: float = 0.95,
        random_state: Any = None,
        ax: Any = None,
        scatter_kwargs: dict[str, Any] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ResidualDisplay":
        """Compute residuals, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            With the grouping columns.
        y : array-like, shape (n_samples,)
            Responses.
        kind : {"fitted", "qq"}, default="fitted"
            "fitted" draws residuals against fitted means, with a smooth that should be flat;
            "qq" sorted quantile residuals against normal quantiles, with an envelope in which,
            in a true model, all of them lie together with probability `level`.
        residual : {"quantile", "pearson", "deviance", "response"}, default="quantile"
            As in `residuals`; "qq" needs the first.
        effects : {"drawn", "predicted", "averaged"}, default=None
            Random effects of the rows: drawn from their distribution given the data, as in
            `check_residuals`; those that fit has predicted; or none, averaged over. Quantile
            residuals given drawn effects are independent and standard normal in a true model;
            those about predicted ones are a little too small where groups have few rows. None
            draws them for quantile residuals, which needs the rows of fit, and takes the
            predicted ones for others.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of fit, for drawn effects; rows of weight 0 are left out.
        level : float, default=0.95
            Coverage of the envelope.
        random_state : int, RandomState, Generator or None, default=None
            Draws effects and simulates the envelope; an int gives the same picture each time.
        ax : Axes, default=None
            Where to draw. None makes a new figure.
        scatter_kwargs, line_kwargs : dict, default=None
            Passed to matplotlib's `scatter`, and to `plot` of the smooth.

        Returns
        -------
        ResidualDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When a choice is none, and as in `residuals` and `check_residuals`.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import ResidualDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = ResidualDisplay.from_estimator(model, X, y, residual="pearson")
        >>> display.ax_.get_xlabel()
        'fitted mean of Y'
        >>> plt.close(display.figure_)
        """
        check_choice("kind", kind, KINDS)
        if kind == "qq" and residual != "quantile":
            msg = (
                f"only quantile residuals are normal in a true model, not residual={residual!r}; "
                "take residual='quantile', or kind='fitted'"
            )
            raise ValueError(msg)
        rng = generator(random_state)
        rows = residual_rows(estimator, X, y, residual, effects, sample_weight, rng)
        return cls.from_residuals(
            rows.residual,
            rows.fitted,
            kind=kind,
            residual_name=f"{residual} residual",
            target_name=rows.target_name,
            mean_name=rows.mean_name,
            level=level,
            random_state=rng,
            ax=ax,
            scatter_kwargs=scatter_kwargs,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_residuals(
        cls,
        residual: Any,
        fitted: Any = None,
        *,
        kind: str = "fitted",
        residual_name: str = "residual",
        target_name: str = "y",
        mean_name: str | None = None,
        level: float = 0.95,
        random_state: Any = None,
        ax: Any = None,
        scatter_kwargs: dict[str, Any] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ResidualDisplay":
        """Plot residuals that are there already.

        Parameters
        ----------
        residual : array-like, shape (n_samples,)
            Residuals; of kind "qq" such as are standard normal in a true model.
        fitted : array-like, shape (n_samples,), default=None
            Fitted means, for kind "fitted".
        kind : {"fitted", "qq"}, default="fitted"
            As in `from_estimator`.
        residual_name, target_name : str
            What residuals and response are called, for the axes.
        mean_name : str, default=None
            What means are called; None is "mean of" the response.
        level : float, default=0.95
            Coverage of the envelope.
        random_state : int, RandomState, Generator or None, default=None
            Simulates the envelope.
        ax : Axes, default=None
            Where to draw. None makes a new figure.
        scatter_kwargs, line_kwargs : dict, default=None
            Passed to matplotlib's `scatter`, and to `plot` of the smooth.

        Returns
        -------
        ResidualDisplay
            Drawn.

        Raises
        ------
        ValueError
            When a choice is none, lengths differ, or fitted means are missing.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import numpy as np
        >>> from skglmm.inspection import ResidualDisplay
        >>> residual = np.random.default_rng(0).normal(size=50)
        >>> display = ResidualDisplay.from_residuals(residual, kind="qq", random_state=0)
        >>> envelope = display.envelope
        >>> bool(np.all((envelope.lower < envelope.score) & (envelope.score < envelope.upper)))
        True
        >>> plt.close(display.figure_)
        """
        check_choice("kind", kind, KINDS)
        check_level(level)
        if kind == "fitted" and fitted is None:
            msg = "kind='fitted' draws residuals against fitted means; pass them, or take kind='qq'"
            raise ValueError(msg)
        values = check_array(residual, ensure_2d=False, dtype=np.float64)
        means = None if fitted is None else check_array(fitted, ensure_2d=False, dtype=np.float64)
        check_consistent_length(values, means)
        names: dict[str, Any] = {"residual_name": residual_name, "target_name": target_name}
        names["mean_name"] = mean_name
        if kind == "qq" or means is None:
            envelope = normal_envelope(len(values), level, generator(random_state))
            display = cls(values, means, kind=kind, envelope=envelope, **names)
        else:
            display = cls(values, means, kind=kind, smooth=smooth(means, values), **names)
        return display.plot(ax, scatter_kwargs=scatter_kwargs, line_kwargs=line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        scatter_kwargs: dict[str, Any] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the residuals.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a new figure.
        scatter_kwargs, line_kwargs : dict, default=None
            Passed to matplotlib's `scatter`, and to `plot` of the smooth.

        Returns
        -------
        ResidualDisplay
            Itself.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import ResidualDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=0)
        >>> display.plot(scatter_kwargs={"marker": "x"}).ax_.get_ylabel()
        'quantile residual'
        >>> plt.close("all")
        """
        size = (4.6, 4.2) if self.kind == "qq" else (5.4, 4.0)
        self.figure_, axes = open_axes(ax, 1, size)
        self.ax_, self.smooth_line_, self.band_ = axes[0], None, None
        style = point_style(len(self.residual))
        if self.kind == "qq":
            style["alpha"] = max(style["alpha"], 0.5)  # on a line, and few at its ends
        style |= scatter_kwargs or {}
        if self.kind == "qq":
            self._draw_quantiles(style)
        else:
            self._draw_fitted(style, line_kwargs or {})
        self.ax_.set_ylabel(self.residual_name)
        return self

    def _draw_fitted(self, style: dict[str, Any], given: dict[str, Any]) -> None:
        axis = self.ax_
        self.scatter_ = axis.scatter(self.fitted, self.residual, **style)
        self.reference_line_ = axis.axhline(0.0, color=GRAY, linewidth=1, zorder=1.5)
        axis.set_xlabel(f"fitted {self.mean_name or f'mean of {self.target_name}'}")
        if self.smooth is None:
            return
        x, mean, reach = self.smooth.x, self.smooth.mean, REACH * self.smooth.se
        fill = {"color": VERMILLION, "alpha": 0.25, "linewidth": 0, "zorder": 2.5}
        self.band_ = axis.fill_between(x, mean - reach, mean + reach, **fill)
        line = {"color": VERMILLION, "linewidth": 2, "zorder": 3} | given
        (self.smooth_line_,) = axis.plot(x, mean, label="smooth ± 2 standard errors", **line)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + HEADROOM * (high - low))
        axis.legend(loc="upper right", fontsize="small", borderaxespad=0.2)

    def _draw_quantiles(self, style: dict[str, Any]) -> None:
        axis, score = self.ax_, normal_scores(len(self.residual))
        ends = (score[0], score[-1])
        (self.reference_line_,) = axis.plot(ends, ends, color=GRAY, linewidth=1, zorder=1.5)
        if self.envelope is not None:
            limits, text = self.envelope, f"simultaneous {100 * self.envelope.level:g} % envelope"
            fill = {"color": LIGHT, "alpha": 0.6, "linewidth": 0, "zorder": 1}
            x, low, high = limits.score, limits.lower, limits.upper
            self.band_ = axis.fill_between(x, low, high, label=text, **fill)
            axis.legend(loc="upper left", fontsize="small")
        self.scatter_ = axis.scatter(score, np.sort(self.residual), **style)
        axis.set_xlabel("normal quantile")
