"""Four pictures to look at before a model is believed."""

from typing import Any, Self

import numpy as np

from skglmm.arrays import Floats
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.checks.envelope import normal_envelope
from skglmm.inspection.checks.residual_rows import residual_rows
from skglmm.inspection.checks.response_check import ResponseCheck, response_check
from skglmm.inspection.data.effect_panels import effect_panels
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.smooth import smooth
from skglmm.inspection.displays.panels import BLUE, GRAY, LIGHT, open_axes, point_style
from skglmm.inspection.displays.random_effects_display import RandomEffectsDisplay
from skglmm.inspection.displays.residual_display import ResidualDisplay

__all__ = ["DiagnosticsDisplay"]

LEVEL = 0.95
LETTERS = 36  # of the names of all classes, for which there is room side by side


class DiagnosticsDisplay(SingleThreaded):
    """A panel of four: quantiles and trend of residuals, random effects, and responses.

    Parameters
    ----------
    quantiles : ResidualDisplay
        Of kind "qq".
    trend : ResidualDisplay
        Of kind "fitted".
    effects : RandomEffectsDisplay or None
        One effect; without any the panel shows observed against fitted responses.
    response : ResponseCheck
        Histograms of the responses and of simulated ones.
    y : ndarray, shape (n_samples,)
        The responses.
    target_name : str, default="y"
        What they are called.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (4,)

    See Also
    --------
    check_residuals : Tests of the same residuals.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import DiagnosticsDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
    >>> len(display.axes_)
    4
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        quantiles: ResidualDisplay,
        trend: ResidualDisplay,
        effects: RandomEffectsDisplay | None,
        response: ResponseCheck,
        y: Floats,
        *,
        target_name: str = "y",
    ) -> None:
        self.quantiles = quantiles
        self.trend = trend
        self.effects = effects
        self.response = response
        self.y = y
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        group: str | None = None,
        effect: str | None = None,
        sample_weight: Any = None,
        random_state: Any = None,
        ax: Any = None,
    ) -> "DiagnosticsDisplay":
        """Look at the residuals of a fit, its random effects and its responses.

        The residuals are quantile residuals given random effects drawn from their distribution
        given the data, and so are the simulated responses.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of fit.
        y : array-like, shape (n_samples,)
            Their responses.
        group, effect : str, default=None
            Which random effect to show; None is the first.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of fit; rows of weight 0 are left out.
        random_state : int, RandomState, Generator or None, default=None
            Draws effects and responses; an int gives the same picture each time.
        ax : array of Axes, default=None
            Four axes to draw on. None makes a new figure.

        Returns
        -------
        DiagnosticsDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When these are not the rows of the fit, or there is no such random effect.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import DiagnosticsDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
        >>> display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
        >>> display.axes_[2].get_title()
        'responses against fitted means'
        >>> plt.close(display.figure_)
        """
        fitted, rng = Fitted.of(estimator), generator(random_state)
        rows = residual_rows(estimator, X, y, "quantile", "drawn", sample_weight, rng)
        residual, means, target = rows.residual, rows.fitted, rows.target_name
        names: dict[str, Any] = {"residual_name": "quantile residual", "target_name": target}
        names["mean_name"] = rows.mean_name
        envelope = normal_envelope(len(residual), LEVEL, rng)
        effects = None
        if fitted.model.random_terms_ or group is not None or effect is not None:
            panels = effect_panels(fitted.model, group, effect)
            effects = RandomEffectsDisplay(panels[:1], scale=fitted.scale)
        return cls(
            ResidualDisplay(residual, kind="qq", envelope=envelope, **names),
            ResidualDisplay(residual, means, smooth=smooth(means, residual), **names),
            effects,
            response_check(fitted.model, rows, rng),
            rows.y,
            target_name=target,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the four panels.

        Parameters
        ----------
        ax : array of Axes, default=None
            Four axes to draw on. None makes a new figure.

        Returns
        -------
        DiagnosticsDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are fewer than four axes.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import DiagnosticsDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
        >>> len(display.plot().axes_)  # draws once more
        4
        >>> plt.close("all")
        """
        self.figure_, self.axes_ = open_axes(ax, 4, (4.8, 3.9))
        self.ax_ = self.axes_[0]
        self.quantiles.plot(self.axes_[0])
        self.trend.plot(self.axes_[1])
        if self.effects is None:
            self._draw_observed(self.axes_[2])
        else:
            self.effects.plot(self.axes_[2])
            effect = self.effects.panels[0].effect
            self.axes_[2].set_title(f"random effects: {effect}", fontsize="medium")
        self._draw_response(self.axes_[3])
        self.axes_[0].set_title("quantiles of the residuals", fontsize="medium")
        self.axes_[1].set_title("trend of the residuals", fontsize="medium")
        self.axes_[3].set_title("distribution of the responses", fontsize="medium")
        return self

    def _draw_observed(self, axis: Any) -> None:
        means = self.trend.fitted
        axis.scatter(means, self.y, **point_style(len(self.y)))
        axis.axline((self.y[0], self.y[0]), slope=1.0, color=GRAY, linewidth=1, zorder=1.5)
        mean = self.trend.mean_name
        axis.set(
            xlabel=f"fitted {mean or f'mean of {self.target_name}'}",
            ylabel=mean or self.target_name,
        )
        axis.set_title("responses against fitted means", fontsize="medium")

    def _draw_response(self, axis: Any) -> None:
        found = self.response
        low, high = (np.append(part, part[-1]) for part in (found.lower, found.upper))
        style = {"color": LIGHT, "alpha": 0.7, "linewidth": 0, "step": "post"}
        axis.fill_between(found.edges, low, high, label="95 % of simulations", **style)
        axis.stairs(found.observed, found.edges, color=BLUE, linewidth=1.8, label="observed")
        axis.set(xlabel=self.target_name, ylabel="rows")
        if found.labels:
            turned = 30.0 if sum(map(len, found.labels)) > LETTERS else 0.0
            style = {"rotation": turned, "ha": "right" if turned else "center"}
            axis.set_xticks(found.places, found.labels, **style)
        axis.set_ylim(0, 1.25 * max(found.observed.max(), found.upper.max()))
        axis.legend(loc="upper right", fontsize="small", ncols=2)
