"""Linear mixed models without a residual: repeated measures whose covariance is a structure's."""

from dataclasses import replace
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.fitting import left_out

__all__ = ["leaves_out", "refuse_others", "without_residual"]


def leaves_out(scale: Any) -> bool:
    """Return whether a formula of the scale is ``0`` alone."""
    return isinstance(scale, str) and "".join(scale.split()).removeprefix("~") == "0"


def without_residual(
    spec: DesignSpec, design: Design, y: Floats, weights: Floats | None, family: Family
) -> tuple[DesignSpec, Design]:
    """Return a design, and the spec of others like it, whose random effects are the residual.

    Parameters
    ----------
    spec : DesignSpec
    design : Design
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    family : Family
        The normal one.

    Raises
    ------
    DesignError
        When rows have weights, or the mean another link than the identity; see `left_out`.
    """
    if not family.is_normal:
        link = family.links[family.location].name
        msg = (
            f"scale='0' leaves the residual out, which random effects are added to on the scale of "
            f"the response: that needs link='identity', got {link!r}"
        )
        raise DesignError(msg)
    if weights is not None and np.any(weights != 1.0):
        msg = (
            "sample_weight multiplies the log density of a row given the random effects, and with "
            "scale='0' that is no part of the model; weights may be 0 and 1 only. A subject that "
            "counts twice is there twice, under two names"
        )
        raise DesignError(msg)
    k = family.scale
    found = left_out(design, y, family.location, k)
    shift = np.full(design.n_samples, found.log_sd)
    offsets = (*design.offsets[:k], shift, *design.offsets[k + 1 :])
    design = replace(design, layout=found.layout, offsets=offsets)
    return replace(spec, layout=found.layout, added=found.offsets(spec.added, k)), design


def refuse_others(what: str) -> None:
    """Refuse what does not know the responses of all rows before it reads formulas."""
    msg = (
        f"scale='0', without a residual, is not available for {what}; fit each response of rows in "
        "memory"
    )
    raise ValueError(msg)
