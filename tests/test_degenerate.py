"""Small and degenerate data: numbers are finite or somebody was told, and hang together."""

import pytest
from degenerate_cases import PROPERTIES, draw_case, fitted, random_case
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EVERYTHING = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # smaller designs take minutes, and tell no more
)

QUICK = (7, 41, 54, 61)  # seeds of designs that take a second or two each
MORE = (40, 42, 60)


@st.composite
def cases(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    return draw_case(lambda options: draw(st.sampled_from(list(options))), seed)


@pytest.mark.slow
@EVERYTHING
@given(case=cases())
def test_every_design(case):
    one = fitted(case)
    if one.model is None:
        assert one.told  # refused in words
        return
    for holds in PROPERTIES:
        holds(case, one)


@pytest.mark.parametrize(
    "seed", [*QUICK, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MORE)]
)
def test_some_designs(seed):
    case = random_case(seed)
    one = fitted(case)
    assert one.model is not None, one.told
    for holds in PROPERTIES:
        holds(case, one)
