"""What there is to find about responses on bounds, or moved off them."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.estimators.reading.study_rows import StudyRows
from skglmm.response import BoundedScale

__all__ = ["boundary_findings"]

FRACTIONS = (1e-3, 1e-4, 1e-5)  # of the width, where responses on a bound are tried


def boundary_findings(rows: StudyRows, rng: np.random.Generator) -> list[infer.Finding]:
    """Find responses that were moved, by the model or before, and bounds without any.

    Parameters
    ----------
    rows : StudyRows
        Those of a fit on a `BoundedScale`.
    rng : Generator
        Draws random effects.
    """
    return [*_moved_findings(rows), *_heap_findings(rows, rng), *_missing_findings(rows)]


def _moved_findings(rows: StudyRows) -> list[infer.Finding]:
    scale = rows.model._scale
    if not scale.n_moved:
        return []
    responses = {each: scale.moved_by(each).read(rows.y) for each in FRACTIONS}
    moved = f"{scale.remarks[0]}. With boundary="
    found = infer.moved_responses(rows.model.fit_, rows.study, responses, moved)
    return list(found)


def _heap_findings(rows: StudyRows, rng: np.random.Generator) -> list[infer.Finding]:
    """Find responses that somebody has moved before the fit."""
    scale, study = rows.model._scale, rows.study
    if scale.boundary == "squeeze":  # which has moved all of them
        return []
    found = list(infer.heaps(infer.drawn(study, rows.here.mode, rng)))
    found = [heap for heap in found if not np.any(scale.is_moved(rows.y) & heap.rows)]
    if not found:
        return []
    responses = {each: _elsewhere(study.y, found, each) for each in FRACTIONS}
    told = "; ".join(_heap_text(heap, scale) for heap in found)
    moved = (
        f"{told}. It looks as if responses on a bound had been moved by hand. With these at a "
        "distance from it, as a fraction of the width, of "
    )
    return list(infer.moved_responses(rows.model.fit_, study, responses, moved, infer.HEAP_ADVICE))


def _elsewhere(y: Floats, heaps: Sequence[infer.Heap], fraction: float) -> Floats:
    """Return responses on the unit scale with the heaps at another distance from their ends."""
    y = y.copy()
    for heap in heaps:
        y[heap.rows] = abs(heap.end - fraction)
    return y


def _heap_text(heap: infer.Heap, scale: BoundedScale) -> str:
    value, following, end = map(
        float, scale.write(np.array([heap.value, heap.following, heap.end]))
    )
    side = "lower" if heap.value < heap.following else "upper"
    return (
        f"{heap.count} of {len(heap.rows)} responses are exactly {value:.10g}, next to the {side} "
        f"bound {end:g}; the next one is {following:.4g}, and the model expects "
        f"{heap.expected:.2g} as near to the bound"
    )


def _missing_findings(rows: StudyRows) -> list[infer.Finding]:
    """Find bounds that have a probability in the model, and no response."""
    findings = []
    for sentence in rows.model._scale.missing:
        text, _, advice = sentence.rpartition("; ")
        advice = advice[0].upper() + advice[1:]
        findings.append(infer.Finding("determination", "warning", "bound", nan, text, advice))
    return findings
