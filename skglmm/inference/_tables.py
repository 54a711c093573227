"""Records of inference as data frames."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

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
        Columns group, effect, sd, sd_std_error, variance, corr, n_levels. The correlation is
        that with the first effect of the term (corr_2 with the second, and so on, where terms
        have more effects), NaN where the model has none. Where a factor has several terms, the
        column block numbers them from 1, after group.
    """
    n_corr = max([1, *(len(c.effects) - 1 for c in components)])
    correlations = ["corr", *(f"corr_{i}" for i in range(2, n_corr + 1))]
    columns = ["group", "block", "effect", "sd", "sd_std_error", "variance", *correlations]
    rows: list[tuple[Any, ...]] = []
    blocks: Counter[str] = Counter()
    for component in components:
        blocks[component.group] += 1
        for i, effect in enumerate(component.effects):
            correlation = np.full(n_corr, np.nan)
            correlation[:i] = component.correlation[i, :i]
            names = (component.group, blocks[component.group], effect)
            numbers = (component.sd[i], component.sd_std_error[i], component.variance[i])
            rows.append((*names, *numbers, *correlation, component.n_levels))
    frame = pd.DataFrame(rows, columns=[*columns, "n_levels"])
    return frame if any(count > 1 for count in blocks.values()) else frame.drop(columns="block")


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
