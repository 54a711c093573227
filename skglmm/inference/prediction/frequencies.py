"""Probabilities that whole responses lie above some numbers: what a rootogram expects."""

from collections.abc import Iterator

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.predict import Plan, averaged

__all__ = ["exceedances"]

CELLS = 2**17  # rows times numbers at a time, each of which is averaged over some nodes


def exceedances(fit: Fit, design: Design, plan: Plan, edges: Floats) -> Iterator[Floats]:
    """Return probabilities of responses above each edge, slice of rows by slice: (rows, m).

    Parameters
    ----------
    fit : Fit
        Its estimates count as known.
    design : Design, n rows
    plan : Plan
        Over which random effects is averaged; NaN where it says so.
    edges : ndarray, shape (m,)
    """
    fit, design = in_own_units(fit, design, jointly=False)
    edges = fit.units.response(edges)

    def of(part: list[Floats], _: Ints) -> Floats:
        n = np.broadcast_shapes(*(row.shape for row in part))[0]
        return np.stack([fit.family.survival(np.full(n, edge), part) for edge in edges])

    step = max(1, CELLS // len(edges))
    for start in range(0, design.n_samples, step):
        rows = design.take(slice(start, start + step))
        found = averaged(of, fit, rows, plan)
        found[:, plan.unknown(fit, rows)] = np.nan
        yield found.T
