"""The tables in docs/validation.md are those that benchmarks/parity.py prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[+-]?\d\.\de[+-]\d\d")
TOPICS = ("Beta", "Generalized Poisson", "Gamma")


def rows(lines):
    return [line for line in lines if line.startswith("|")]


@pytest.fixture(scope="module")
def parity():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        import parity  # noqa: PLC0415  # benchmarks are no package
    return parity


@pytest.fixture(scope="module")
def printed(parity):
    """Tables of some families, of which each model is fitted, and of modes."""
    found = [parity.compared(case) for case in parity.reference_cases(TOPICS)]
    return [*rows(parity.details(found)), *rows(parity.mode_rows())]


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(page):
    models = block(page, "models of tests/reference").split(":::{dropdown} ")
    chosen = [each for topic in TOPICS for each in models if each.startswith(f"{topic}: ")]
    assert len(chosen) == len(TOPICS)
    return rows(
        [*"\n".join(chosen).splitlines(), *block(page, "modes and predictions").splitlines()]
    )


def block(page, name):
    return page.partition(f"<!-- {name} -->\n")[2].partition("\n<!-- end -->")[0]


def test_the_page_shows_what_the_script_prints_but_for_digits(printed, shown):
    assert [NUMBER.sub("#", line) for line in shown] == [NUMBER.sub("#", line) for line in printed]


def test_differences_are_as_small_as_the_page_says(printed, shown):
    for mine, theirs in zip(printed, shown, strict=True):
        for found, told in zip(NUMBER.findall(mine), NUMBER.findall(theirs), strict=True):
            assert abs(float(found)) < max(10 * abs(float(told)), 1e-4)


def test_the_page_has_every_model(parity, page):
    models = rows(block(page, "models of tests/reference").splitlines())
    names = [line.split(" | ")[0].removeprefix("| ").split(" (")[0] for line in models]
    names = [name for name in names if name != "model" and not name.startswith("|--")]
    assert sorted(names) == sorted(case.name for case in parity.reference_cases())
