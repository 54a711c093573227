"""Power over sizes of a study, and over what is assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.estimators.runtime.threads import SingleThreaded, single_threaded
from skglmm.inspection import PowerDisplay
from skglmm.planning.extend import extend
from skglmm.planning.power import Power, power
from skglmm.planning.study import PlannedStudy

__all__ = ["PowerCurve", "power_curve"]

ENOUGH = 0.8  # what studies are usually planned for


@single_threaded
def power_curve(
    study: PlannedStudy,
    hypothesis: Any,
    *,
    levels: Mapping[str, Sequence[int]] | None = None,
    rows: Mapping[str, Sequence[int]] | None = None,
    parameters: Mapping[str, Sequence[float]] | None = None,
    **options: Any,
) -> "PowerCurve":
    """Find the power over sizes of a study, and over what is assumed.

    Parameters
    ----------
    study : PlannedStudy
        See `simulate_study`.
    hypothesis : str, list of str, estimator or callable
        As in `power`.
    levels : mapping of str to list of int, default=None
        Numbers of levels of a column of groups, ``{"cluster": [10, 20, 40]}``: the design is
        extended, or made shorter, as by `extend`. Groups nested in others, such as pupils in
        schools, are new ones in copies.
    rows : mapping of str to list of int, default=None
        Numbers of rows in each level of a column, ``{"cluster": [5, 10]}``.
    parameters : mapping of str to list of float, default=None
        Assumed values, ``{"arm[T.b]": [0.3, 0.5]}``.
    **options : dict
        Passed to `power`: test, alpha, df, n_simulations, n_jobs, random_state, verbose.

    Returns
    -------
    PowerCurve
        A record of all combinations, with a frame and a picture.

    Raises
    ------
    ValueError
        As in `power`; when nothing varies; when a number of levels leaves a category out, so that
        the model has other parameters.
    TypeError
        As in `power`.

    See Also
    --------
    skglmm.inspection.PowerDisplay : The picture.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LMMRegressor
    >>> from skglmm.planning import power_curve, simulate_study
    >>> design = pd.DataFrame({"cluster": np.repeat(np.arange(4), 5)})
    >>> design["arm"] = np.where(design["cluster"] % 2, "b", "a")
    >>> parameters = {"Intercept": 10, "arm[T.b]": 2, "scale": 2, "sd(Intercept | cluster)": 0.6}
    >>> study = simulate_study(LMMRegressor("arm + (1 | cluster)"), design, parameters)
    >>> levels = {"cluster": [6, 12]}
    >>> curve = power_curve(
    ...     study, "arm[T.b] = 0", levels=levels, n_simulations=20, random_state=0
    ... )
    >>> curve.to_frame()[["cluster", "n_rows"]]
       cluster  n_rows
    0        6      30
    1       12      60
    """
    given = {"levels": levels, "rows": rows, "parameters": parameters}
    for kind, varied in given.items():
        _refuse_no_lists(kind, varied)
    axes = [
        _Varied(kind, name, list(values))
        for kind, varied in given.items()
        for name, values in (varied or {}).items()
    ]
    if not axes or not all(axis.values for axis in axes):
        msg = (
            "nothing varies: give levels={'cluster': [10, 20]}, rows={'cluster': [5, 10]} or "
            "parameters={'x': [0.3, 0.5]}"
        )
        raise ValueError(msg)
    settings = list(product(*(axis.values for axis in axes)))
    studies = [_changed(study, axes, values) for values in settings]  # errors come first
    found = [power(each, hypothesis, **options) for each in studies]
    return PowerCurve(tuple(axis.title for axis in axes), tuple(settings), tuple(found))


def _refuse_no_lists(kind: str, varied: Any) -> None:
    lists = varied.values() if isinstance(varied, Mapping) else [varied]
    if varied is not None and not all(np.ndim(values) == 1 for values in lists):
        msg = f"{kind}={varied!r}: expected a mapping of names to lists, {{'cluster': [10, 20]}}"
        raise ValueError(msg)


@dataclass(frozen=True)
class _Varied:
    """What varies: numbers of levels, numbers of rows, or assumed values."""

    kind: str
    name: str
    values: list[Any]

    @property
    def title(self) -> str:
        return f"rows per {self.name}" if self.kind == "rows" else self.name


def _changed(study: PlannedStudy, axes: Sequence[_Varied], values: Sequence[Any]) -> PlannedStudy:
    frame = study.X
    groups = {column for factor in study.rows.layout.factors for column in factor.name.split(":")}
    nested = [name for name in groups if name in frame.columns]
    for axis, value in zip(axes, values, strict=True):
        if axis.kind == "levels":
            frame = extend(frame, value, along=axis.name, nested=nested)
        elif axis.kind == "rows":
            frame = extend(frame, value, within=axis.name, nested=nested)
    found = study if frame is study.X else study.with_rows(frame)
    pairs = zip(axes, values, strict=True)
    assumed = {axis.name: value for axis, value in pairs if axis.kind == "parameters"}
    return found.assuming(assumed) if assumed else found


@dataclass(frozen=True, repr=False, eq=False)
class PowerCurve(infer.Printed, SingleThreaded):
    """Power of several studies.

    Parameters
    ----------
    names : tuple of str
        What varies.
    settings : tuple of tuple
        Its values, of each study.
    powers : tuple of Power
        What they show.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> from skglmm.planning import power_curve, simulate_study
    >>> design = pd.DataFrame({"x": [0.0, 1.0] * 20})
    >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 1, "x": 1})
    >>> curve = power_curve(
    ...     study, "x = 0", parameters={"x": [0, 2]}, n_simulations=20, random_state=0
    ... )
    >>> curve.to_frame()["power"].tolist()[-1]
    1.0
    """

    names: tuple[str, ...]
    settings: tuple[tuple[Any, ...], ...]
    powers: tuple[Power, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each study.

        Returns
        -------
        DataFrame
            What varies, by name, and n_rows, power, conf_low, conf_high (of level 0.95),
            n_simulations, n_failed, n_unconverged, n_singular.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import power_curve, simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0] * 20})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 1, "x": 1})
        >>> curve = power_curve(study, "x = 0", parameters={"x": [1, 2]}, n_simulations=5)
        >>> curve.to_frame()[["x", "n_rows", "power"]]
           x  n_rows  power
        0  1      40    1.0
        1  2      40    1.0
        """
        rows = []
        for values, found in zip(self.settings, self.powers, strict=True):
            low, high = found.interval
            row = dict(zip(self.names, values, strict=True))
            rows.append(
                {
                    **row,
                    "n_rows": found.n_rows,
                    "power": found.power,
                    "conf_low": low,
                    "conf_high": high,
                    "n_simulations": found.n_simulations,
                    "n_failed": found.n_failed,
                    "n_unconverged": int((~found.converged).sum()),
                    "n_singular": int(found.singular.sum()),
                }
            )
        return pd.DataFrame(rows)

    def plot(self, ax: Any = None, **options: Any) -> PowerDisplay:
        """Draw the power over what varies first; what varies second is told by lines.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None makes a new figure.
        **options : dict
            Passed to `skglmm.inspection.PowerDisplay`.

        Returns
        -------
        PowerDisplay

        Raises
        ------
        ValueError
            When more than two things vary.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import power_curve, simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0] * 20})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 1, "x": 1})
        >>> curve = power_curve(study, "x = 0", parameters={"x": [0.2, 0.5]}, n_simulations=5)
        >>> display = curve.plot()
        >>> display.ax_.get_ylabel()
        'power'
        >>> plt.close(display.figure_)
        """
        if len(self.names) > 2:
            msg = f"a picture shows two things that vary, not {len(self.names)}: {self.names}"
            raise ValueError(msg)
        return PowerDisplay(self.to_frame(), *self.names, **options).plot(ax)

    def _page(self) -> infer.Page:
        return infer.Page((self._table,), notes=tuple(self._notes))

    @property
    def _table(self) -> infer.Table:
        frame = self.to_frame()
        shown = [*self.names, "n_rows", "power", "conf_low", "conf_high"]
        rows = tuple(
            tuple(f"{value:.4g}" for value in row) for row in frame[shown].to_numpy().tolist()
        )
        first = self.powers[0]
        title = (
            f"Power: {first.asked} at alpha = {first.alpha:g}, "
            f"{first.n_simulations} studies of each kind"
        )
        return infer.Table(title, tuple(shown), rows, 0)

    @property
    def _notes(self) -> list[str]:
        frame = self.to_frame()
        found = []
        for column, text in (
            ("n_failed", "studies have no answer"),
            ("n_unconverged", "fits did not converge"),
            ("n_singular", "fits are singular"),
        ):
            if frame[column].any():
                found.append(f"{frame[column].sum()} of {frame['n_simulations'].sum()} {text}")
        enough = frame.loc[frame["power"] >= ENOUGH]
        if len(self.names) == 1 and len(enough):
            name = self.names[0]
            found.append(f"{ENOUGH:g} is reached first at {name} = {enough[name].iloc[0]:g}")
        return found
