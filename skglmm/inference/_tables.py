"""Records of inference as data frames."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skglmm.inference._modes import RandomEffects
from skglmm.inference._wald import Component, Covariances, Intervals

__all__ = [
    "component_frame",
    "covariance_frame",
    "interval_frame",
    "random_effects_frame",
]


def component_frame(components: Sequence[Component]) -> pd.DataFrame:
    """Return one row for each effect of each term.

    Parameters
    ----------
    components : sequence of Component

    Returns
    -------
    DataFrame
        Columns group, n_levels, term (number of the term), effect, variance, sd, sd_std_error,
        and corr, the correlation with the first effect of the term (corr_2 with the second,
        and so on, where terms have more effects), NaN where the model has none.
    """
    columns = ["group", "n_levels", "term", "effect", "variance", "sd", "sd_std_error", "corr"]
    n_corr = max((len(c.effects) for c in components), default=2) - 1
    columns += [f"corr_{i}" for i in range(2, n_corr + 1)]
    rows = []
    for term, component in enumerate(components):
        for i, effect in enumerate(component.effects):
            correlation = np.full(max(n_corr, 1), np.nan)
            correlation[:i] = component.correlation[i, :i]
            names = (component.group, component.n_levels, term, effect)
            numbers = (component.variance[i], component.sd[i], component.sd_std_error[i])
            rows.append((*names, *numbers, *correlation))
    return pd.DataFrame(rows, columns=columns)


def random_effects_frame(effects: Sequence[RandomEffects]) -> pd.DataFrame:
    """Return one row for each level and effect.

    Parameters
    ----------
    effects : sequence of RandomEffects

    Returns
    -------
    DataFrame
        Columns group, level, effect, mode, std_dev, std_error.
    """
    pieces = [
        pd.DataFrame(
            {
                "group": item.factor.name,
                "level": np.repeat(item.factor.labels, item.factor.n_columns),
                "effect": np.tile(np.array(item.factor.columns, dtype=object), item.mode.shape[1]),
                "mode": item.mode.T.ravel(),
                "std_dev": item.std_dev.T.ravel(),
                "std_error": item.std_error.T.ravel(),
            }
        )
        for item in effects
    ]
    if not pieces:
        numbers = ["mode", "std_dev", "std_error"]
        empty = pd.DataFrame(columns=["group", "level", "effect", *numbers])
        return empty.astype(dict.fromkeys(numbers, np.float64))
    return pd.concat(pieces, ignore_index=True)


def covariance_frame(covariances: Covariances) -> pd.DataFrame:
    """Return the matrix with the names of the estimates on both sides.

    Parameters
    ----------
    covariances : Covariances

    Returns
    -------
    DataFrame
        Square.
    """
    names = list(covariances.names)
    return pd.DataFrame(covariances.matrix, index=names, columns=names)


def interval_frame(intervals: Intervals) -> pd.DataFrame:
    """Return one row for each estimate.

    Parameters
    ----------
    intervals : Intervals

    Returns
    -------
    DataFrame
        Columns estimate, conf_low, conf_high; the index has the names.
    """
    return pd.DataFrame(
        {"estimate": intervals.estimate, "conf_low": intervals.low, "conf_high": intervals.high},
        index=list(intervals.names),
    )
