"""The answers in tests/reference, with the models of the tests that compare the same."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["REFERENCE", "program", "read", "table_of", "without_tilde"]

TESTS = Path(__file__).resolve().parents[2] / "tests"
REFERENCE = TESTS / "reference"
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))


def read(name: str) -> Any:
    """Return the data or the answers of a file."""
    path = REFERENCE / name
    return pd.read_csv(path) if path.suffix == ".csv" else json.loads(path.read_text("utf-8"))


def program(answers: dict[str, Any], name: str = "glmmTMB") -> str:
    """Return a program and its version."""
    return f"{name} {answers.get('versions', answers)[name]}"


def without_tilde(formula: str) -> str:
    return formula.removeprefix("~").strip()


def table_of(part: dict[str, Any], power: float = 1.0) -> tuple[list[float], list[float]]:
    """Return estimates and standard errors of a part, as those of a power of it."""
    both = [part[key] for key in ("estimate", "std_error")]
    both = [each if isinstance(each, list) else [each] for each in both]
    return [power * each for each in both[0]], [abs(power) * each for each in both[1]]
