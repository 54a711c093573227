"""Findings about weights: how many rows the likelihood takes the data for."""

from collections.abc import Iterator

import numpy as np

from skglmm.fitting import Study
from skglmm.inference.report.findings import Finding

__all__ = ["total_weight"]

FACTOR = 10.0  # by which the sum of the weights may differ from the number of rows

ADVICE = (
    "If a weight says how often its row was observed, all is well. Weights of a survey or of a "
    "precision tell rows from each other, not how many there are: fit with "
    "sample_weight / sample_weight.mean()"
)


def total_weight(study: Study) -> Iterator[Finding]:
    """Find weights that make the data many times what they are, or a small part of it."""
    if study.weights is None:
        return
    total, n = float(np.sum(study.weights)), len(study.weights)
    ratio = total / n
    if 1.0 / FACTOR <= ratio <= FACTOR:
        return
    error, size = np.sqrt(max(ratio, 1.0 / ratio)), "small" if ratio > 1.0 else "large"
    text = (
        f"the weights of the {n} rows sum to {total:.6g}, so the likelihood takes them for "
        f"{ratio:.3g} times as many; if each is one observation, standard errors are about "
        f"{error:.2g} times too {size}"
    )
    yield Finding("weights", "warning", "sample_weight", ratio, text, ADVICE)
