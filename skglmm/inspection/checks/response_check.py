"""How responses are distributed, beside those that a model simulates."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inspection.checks.residual_rows import ResidualRows
from skglmm.response import LabelScale

__all__ = ["ResponseCheck", "response_check"]

N_SIMULATIONS = 200
FEWEST_SIMULATIONS = 40
MOST_NUMBERS = 4_000_000  # rows times simulations
BINS = (8, 40)


@dataclass(frozen=True, eq=False)
class ResponseCheck:
    """Numbers of rows in the bins of a histogram.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
    observed : ndarray, shape (n_bins,)
    lower, upper : ndarray, shape (n_bins,)
        Between which 95 % of the simulated numbers lie, bin by bin.
    labels : tuple of str
        Names of the numbers, where they are classes.
    places : tuple of float
        The numbers that have these names.
    """

    edges: Floats
    observed: Floats
    lower: Floats
    upper: Floats
    labels: tuple[str, ...] = ()
    places: tuple[float, ...] = ()


def response_check(model: Any, rows: ResidualRows, rng: np.random.Generator) -> ResponseCheck:
    """Simulate responses given the drawn random effects, and count.

    In a true model these and the responses have one distribution; given predicted effects, which
    are shrunken, simulated responses would differ too little between groups.

    Parameters
    ----------
    model : MixedModel
    rows : ResidualRows
        With linear predictors.
    rng : Generator
    """
    y, scale, family = rows.y, model._scale, model.fit_.family
    n = min(N_SIMULATIONS, max(FEWEST_SIMULATIONS, MOST_NUMBERS // len(y)))
    draws = np.stack([scale.write(family.sample(rows.eta, rng)) for _ in range(n)])
    low, high = min(y.min(), draws.min()), max(y.max(), draws.max())
    n_bins = int(np.clip(len(np.histogram_bin_edges(y, "fd")) - 1, *BINS))
    edges = np.linspace(low, high, n_bins + 1)
    if family.support.is_discrete:
        edges = _whole_edges(low, high, n_bins)
    counts = np.stack([np.histogram(draw, edges)[0] for draw in draws])
    lower, upper = np.quantile(counts, [0.025, 0.975], axis=0)
    observed = np.histogram(y, edges)[0].astype(np.float64)
    codes = np.arange(float(len(scale.classes))) if isinstance(scale, LabelScale) else np.zeros(0)
    labels, places = tuple(map(str, scale.draws(codes))), tuple(scale.write(codes).tolist())
    return ResponseCheck(edges, observed, lower, upper, labels, places)


def _whole_edges(low: float, high: float, n_bins: int) -> Floats:
    """Return edges of at most so many bins that hold equally many whole numbers each."""
    low, number = np.floor(low), np.ceil(high) - np.floor(low) + 1.0
    width = np.ceil(number / n_bins)
    count = int(np.ceil(number / width))
    return np.asarray(low - 0.5 + width * np.arange(count + 1))
