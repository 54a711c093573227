"""Answers for many new rows in bounded memory: a slice of the frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design, Layout

__all__ = ["Answer", "answer_rows", "rows_at_a_time"]

ROWS = 2**18  # of a slice, at most: as many as tables of predictions want
PLACES = 2**10  # of a slice whose rows may have as many new times or places
CELLS = 2**24  # rows times columns of a slice's design: 128 MB

# Some numbers of each row, (n,) each.
Answer: TypeAlias = "Callable[[Design, infer.Plan], Iterable[Floats]]"


def rows_at_a_time(layout: Layout) -> int:
    """Return how many rows of a model make a slice."""
    n_columns = sum(len(names) for names in layout.coefficients)
    n_columns += sum(factor.n_columns for factor in layout.factors if not factor.is_one_hot)
    most = PLACES if any(factor.is_one_hot for factor in layout.factors) else ROWS
    return max(1, min(most, CELLS // max(n_columns, 1)))


def answer_rows(
    frame: pd.DataFrame,
    build: Callable[[pd.DataFrame], tuple[Design, infer.Plan]],
    answer: Answer,
    step: int,
) -> Floats:
    """Build `step` rows at a time and return the answers for all rows, (k, n).

    What is refused is told of all rows, as if they had been built at once.
    """
    if len(frame) <= step:
        return np.stack(list(answer(*build(frame))))
    pieces = []
    for start in range(0, len(frame), step):
        try:
            design, plan = build(frame.iloc[start : start + step])
        except (TypeError, ValueError):
            build(frame)  # counts rows of the whole
            raise
        pieces.append(np.stack(list(answer(design, plan))))
    return np.concatenate(pieces, axis=1)
