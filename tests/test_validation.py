"""The tables beside glmmTMB in docs/validation.md are those that benchmarks/parity.py prints."""

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[+-]?\d\.\de[+-]\d\d")


def rows(text):
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.fixture(scope="module")
def printed():
    script = runpy.run_path(str(ROOT / "benchmarks" / "parity.py"))
    with redirect_stdout(io.StringIO()) as output:
        script["main"]()
    return rows(output.getvalue())


@pytest.fixture(scope="module")
def shown():
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    return rows(page.split("\n## Linear mixed models\n")[0])  # data beyond are not shipped


def test_the_page_shows_what_the_script_prints_but_for_digits(printed, shown):
    assert [NUMBER.sub("#", line) for line in shown] == [NUMBER.sub("#", line) for line in printed]


def test_differences_are_as_small_as_the_page_says(printed, shown):
    for mine, theirs in zip(printed, shown, strict=True):
        for found, told in zip(NUMBER.findall(mine), NUMBER.findall(theirs), strict=True):
            assert abs(float(found)) < max(10 * abs(float(told)), 1e-4)
