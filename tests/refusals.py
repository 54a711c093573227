"""Rows of the tables of bad input: what came in, and what the message has to say."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from skglmm import BetaGLMMRegressor

__all__ = ["MIXED", "WEIGHTS", "case", "put", "refuses", "table"]


def table():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(6), 10)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=60),
            "length": rng.normal(size=60),
            "g": np.array(list("abcdef"))[code],
            "site": np.resize(["p", "q", "r"], 60),
            "number": code,
            "real": code + 0.5,
        }
    )
    return frame, rng.beta(2 + code, 4)


def put(values, *pairs):
    """Copy values with some of them replaced."""
    values = np.array(values, dtype=object if isinstance(pairs[0][1], str) else None)
    for row, value in pairs:
        values[row] = value
    return values


class Case(NamedTuple):
    """A fit that must fail: parameters, changes to X, y and weights, error, fragments."""

    name: str
    params: dict[str, Any]
    X: Any = lambda X: X
    y: Any = lambda y: y
    weights: Any = None
    error: type[Exception] = ValueError
    fragments: tuple[str, ...] = ()


MIXED = {"formula": "x + (1 | g)"}
WEIGHTS = np.ones(60)


def case(name, params=MIXED, fragments=(), error=ValueError, **changes):
    return Case(name, params, fragments=tuple(fragments), error=error, **changes)


def refuses(bad):
    """Fit, and look for the fragments in the message of the error."""
    frame, y = table()
    estimator = BetaGLMMRegressor(**bad.params)
    with pytest.raises(bad.error) as caught:
        estimator.fit(bad.X(frame), bad.y(y), sample_weight=bad.weights)
    message = str(caught.value)
    for fragment in bad.fragments:
        assert fragment in message
