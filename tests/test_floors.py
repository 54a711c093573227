"""The lowest versions: what is declared is what `make test-lowest` installs."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
TOOLS = {"dev", "docs", "release"}  # of those who write the library: always the newest
# marginaleffects 0.6 asks for NumPy 2, so no environment has both at their lowest.
APART = {"marginaleffects"}
# What old versions of declared packages cannot use in its newest version.
INDIRECT = {"pyparsing"}


def lines_of_users():
    """What the library and its tests need, as text, from everywhere that declares it."""
    extras = [line for name, lines in EXTRAS.items() if name not in TOOLS for line in lines]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras]


def lowest(requirement):
    floors = [clause.version for clause in requirement.specifier if clause.operator == ">="]
    assert len(floors) == 1, f"expected one '>=' in {requirement}"
    return Version(floors[0])


def pinned():
    text = (ROOT / "constraints" / "lowest.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", line) for line in lines)
    return {name: Version(version) for name, version in (line.split("==") for line in lines)}


def test_the_constraints_are_the_lowest_declared_versions():
    declared = {r.name: lowest(r) for r in lines_of_users() if r.name not in APART}
    assert {k: v for k, v in pinned().items() if k not in INDIRECT} == declared


@pytest.mark.parametrize("name", sorted({r.name for r in lines_of_users()}))
def test_a_package_has_one_floor_wherever_it_is_declared(name):
    assert len({lowest(r) for r in lines_of_users() if r.name == name}) == 1


def test_the_floor_of_python_is_the_same_for_all():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    tool = tomllib.loads(text)["tool"]
    floor = PROJECT["requires-python"].removeprefix(">=")
    assert tool["mypy"]["python_version"] == floor
    assert tool["ruff"]["target-version"] == f"py{floor.replace('.', '')}"
    assert f"Programming Language :: Python :: {floor}" in PROJECT["classifiers"]
