"""Records of inference as data frames."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.parameters.curve_values import CurveValues
from skglmm.inference.parameters.estimates import Estimates
from skglmm.inference.parameters.modes import RandomEffects, named_effects
from skglmm.inference.parameters.smooth_tests import SmoothTest
from skglmm.inference.parameters.wald import Component, Covariances, Intervals
from skglmm.inference.report.overview import Overview

__all__ = [
    "Frame",
    "columns_frame",
    "component_frame",
    "covariance_frame",
    "curve_frame",
    "estimate_frame",
    "interval_frame",
    "named_frame",
    "overview_frame",
    "random_effects_frame",
    "record_frame",
    "replicate_frame",
    "smooth_frame",
]

Frame: TypeAlias = pd.DataFrame  # for records that turn into one


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
        column block numbers them from 1, after group. Where effects are those of times, places or
        individuals, the column structure says which, and the numbers that all have in common, such
        as rho or range, are columns after it.
    """
    n_corr = max([1, *(len(c.effects) - 1 for c in components if not c.structure)])
    correlations = ["corr", *(f"corr_{i}" for i in range(2, n_corr + 1))]
    rows: list[dict[str, Any]] = []
    blocks: Counter[str] = Counter()
    for component in components:
        blocks[component.group] += 1
        common = {"group": component.group, "block": blocks[component.group]}
        common |= {"n_levels": component.n_levels, **_in_common(component)}
        for i, effect in enumerate(component.effects):
            spread = (component.sd[i], component.sd_std_error[i], component.variance[i])
            numbers = dict(zip(("sd", "sd_std_error", "variance"), spread, strict=True))
            numbers |= zip(correlations, component.correlation[i, :i], strict=False)
            rows.append({**common, "effect": effect, **numbers})
    heads = ["group", "block", "effect", "sd", "sd_std_error", "variance", *correlations]
    extra = dict.fromkeys(name for row in rows for name in row if name not in {*heads, "n_levels"})
    frame = pd.DataFrame(rows, columns=[*heads, "n_levels", *extra])
    frame[correlations] = frame[correlations].astype(np.float64)
    return frame if any(count > 1 for count in blocks.values()) else frame.drop(columns="block")


def _in_common(component: Component) -> dict[str, Any]:
    """The structure of effects of times or places, and numbers that all of them have in common."""
    if not component.structure:
        return {}
    found: dict[str, Any] = {"structure": component.structure}
    counts: Counter[str] = Counter()
    for name, value, _ in component.parameters:
        kind = name.partition("(")[0]
        counts[kind] += 1
        if kind != "sd":
            found[kind if counts[kind] == 1 else f"{kind}_{counts[kind]}"] = value
    return found


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
                **dict(zip(("level", "effect"), named_effects(item.factor), strict=True)),
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


def estimate_frame(estimates: Estimates, *, with_df: bool = False) -> pd.DataFrame:
    """Return one row for each estimate.

    Parameters
    ----------
    estimates : Estimates
    with_df : bool
        Whether statistics have degrees of freedom.

    Returns
    -------
    DataFrame
        Columns effect, component, group, level, term, estimate, std_error, df, statistic,
        p_value, conf_low, conf_high; df only if asked for.
    """
    frame = pd.DataFrame(
        {field.name: getattr(estimates, field.name) for field in fields(Estimates)}
    )
    if not with_df:
        frame = frame.drop(columns="df")
    return frame.rename(columns={"low": "conf_low", "high": "conf_high"})


def overview_frame(overview: Overview) -> pd.DataFrame:
    """Return one row with a column for each field.

    Parameters
    ----------
    overview : Overview

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame([asdict(overview)])


def replicate_frame(names: Sequence[str], estimate: Floats, replicates: Floats) -> pd.DataFrame:
    """Return one row for each parameter of a bootstrap.

    Parameters
    ----------
    names : sequence of str, length m
    estimate : ndarray, shape (m,)
    replicates : ndarray, shape (n, m)
        NaN where a parameter is undefined, infinite where it has no finite estimate.

    Returns
    -------
    DataFrame
        Columns estimate, bias, std_error and n_used, the number of replicates that have a finite
        value of the parameter; the index has the names.
    """
    found = pd.DataFrame(np.where(np.isfinite(replicates), replicates, np.nan))
    columns = {
        "estimate": estimate,
        "bias": found.mean().to_numpy() - estimate,
        "std_error": found.std().to_numpy(),
        "n_used": found.count().to_numpy(),
    }
    return pd.DataFrame(columns, index=list(names))


def columns_frame(columns: Mapping[str, Any], index: Any = None) -> pd.DataFrame:
    """Return a table of columns.

    Parameters
    ----------
    columns : mapping of str to ndarray, each of shape (n,)
    index : ndarray, shape (n,), or None
        Names of the rows.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame(dict(columns), index=index)


def named_frame(rows: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return a table of named numbers.

    Parameters
    ----------
    rows : mapping of str to mapping of str to float
        Rows by name, the numbers of each by column.

    Returns
    -------
    DataFrame
        The names of the rows are the index.
    """
    return pd.DataFrame([*rows.values()], index=[*rows])


def record_frame(kind: type[tuple[Any, ...]], records: Sequence[Any]) -> pd.DataFrame:
    """Return one row for each record, its fields as columns.

    Parameters
    ----------
    kind : type
        The NamedTuple that the records are.
    records : sequence

    Returns
    -------
    DataFrame
        With all columns also where there are no records.
    """
    return pd.DataFrame(list(records), columns=list(kind._fields))  # type: ignore[attr-defined]


def smooth_frame(tests: Sequence[SmoothTest]) -> pd.DataFrame:
    """Return one row for each curve.

    Parameters
    ----------
    tests : sequence of SmoothTest

    Returns
    -------
    DataFrame
        Columns name, predictor, edf, reference_df, statistic, residual_df, p_value.
    """
    names = [each.name for each in fields(SmoothTest) if each.name not in {"sds", "trends"}]
    return pd.DataFrame([[getattr(each, name) for name in names] for each in tests], columns=names)


def curve_frame(fit: Fit, values: Sequence[CurveValues]) -> pd.DataFrame:
    """Return one row for each point of each curve.

    Parameters
    ----------
    fit : Fit
    values : sequence of CurveValues

    Returns
    -------
    DataFrame
        Columns name, predictor, one for each covariate, estimate, std_error, conf_low, conf_high.
    """
    parts = []
    for each in values:
        curve = each.curve
        points = zip(curve.smooth.covariates, each.points.T, strict=True)
        common = {"name": curve.name, "predictor": fit.layout.predictors[curve.predictor]}
        answers = {
            "estimate": each.estimate,
            "std_error": each.std_error,
            "conf_low": each.low,
            "conf_high": each.high,
        }
        parts.append(pd.DataFrame({**common, **dict(points), **answers}))
    covariates = dict.fromkeys(name for each in values for name in each.curve.smooth.covariates)
    last = ["estimate", "std_error", "conf_low", "conf_high"]
    return pd.concat(parts, ignore_index=True)[["name", "predictor", *covariates, *last]]
