"""Matrices that are put together without formulaic are those of formulaic."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skglmm.design import Term, learn
from skglmm.design.matrices import materialize

PLAIN = [
    {"mean": "1 + x", "scale": "1"},
    {"mean": "0 + z + x", "scale": "1 + `my col`"},
    {"mean": "1", "scale": "1 + x + k"},
]
OTHER = ["1 + x:z", "1 + log(z)", "1 + s", "1 + C(k)", "0"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    columns = {name: rng.uniform(1, 2, 30) for name in ("x", "z", "my col")}
    labels = {"k": np.tile([1, 2, 3], 10), "s": np.tile(list("ab"), 15), "g": np.arange(30) // 5}
    return pd.DataFrame({**columns, **labels})


def without_shortcut(monkeypatch):
    monkeypatch.setattr(materialize, "direct_matrices", lambda *_: None)


@pytest.mark.parametrize("fixed", PLAIN)
def test_specs_and_matrices_are_those_of_formulaic(frame, fixed, monkeypatch):
    terms = [Term("1 + x", ("g",)), Term("0 + z", ("g",))]
    spec, design = learn(frame, fixed, terms)
    again = spec.build(frame[::-1])
    without_shortcut(monkeypatch)
    other, expected = learn(frame, fixed, terms)
    for key, known in other.specs.items():
        found = spec.specs[key]
        assert [vars(term) for term in found.terms] == [vars(term) for term in known.terms]
        assert (found.text, found.states, found.encoders) == (known.text, {}, known.encoders)
    for made, known in ((design, expected), (again, other.build(frame[::-1]))):
        pairs = zip([*made.fixed, *made.columns], [*known.fixed, *known.columns], strict=True)
        for matrix, wanted in pairs:
            assert_array_equal(matrix, wanted)
            assert matrix.flags.f_contiguous


@pytest.mark.parametrize("text", OTHER)
def test_everything_else_is_left_to_formulaic(frame, text, monkeypatch):
    seen = []
    direct = materialize.direct_matrices
    monkeypatch.setattr(materialize, "direct_matrices", lambda *a: seen.append(direct(*a)))
    learn(frame, {"mean": text})
    assert seen == [None]
