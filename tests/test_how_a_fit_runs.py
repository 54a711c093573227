"""The page on how a fit runs: what it includes exists, and is called as its drawing says."""

import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from skglmm import BetaGLMMRegressor

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending" / "how_a_fit_runs.md").read_text(encoding="utf-8")
INCLUDED = re.findall(
    r"^## (\d+)\. .*?^```\{literalinclude\} \.\./\.\./(\S+)\n:pyobject: (\S+)\n```$",
    PAGE,
    re.MULTILINE | re.DOTALL,
)
DRAWING = re.search(r"^```text\n(MixedModel\.fit\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Line(NamedTuple):
    """A line of the drawing: a function, which lines are called by it, and its station."""

    name: str
    station: int | None
    below: list["Line"]


class Call(NamedTuple):
    """A call of a function of the package, and all calls before its return, in order."""

    code: object
    below: list["Call"]


def drawn():
    """The drawing as a tree."""
    stack = [(-1, Line("", None, []))]
    for text in DRAWING[1].splitlines():
        indent, name, station = re.match(r"( *)(\S+)(?: +(\d+)  .*)?$", text).groups()
        while stack[-1][0] >= len(indent):
            stack.pop()
        line = Line(name, station and int(station), [])
        stack[-1][1].below.append(line)
        stack.append((len(indent), line))
    return stack[0][1]


def stations(line):
    """The functions of the stations, from the top to the bottom."""
    own = [] if line.station is None else [(line.station, line.name)]
    return own + [found for each in line.below for found in stations(each)]


def called(function):
    """The calls of functions of the package that a function makes, as a tree."""
    root = Call(None, [])
    stack = [(None, root)]

    def profile(frame, event, _):
        if "skglmm" not in frame.f_code.co_filename:
            return
        if event == "call":
            call = Call(frame.f_code, [])
            stack[-1][1].below.append(call)
            stack.append((frame, call))
        elif event == "return" and stack[-1][0] is frame:
            stack.pop()

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return root


@pytest.fixture(scope="module")
def calls():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    y = rng.beta(np.repeat([1, 2, 3, 4, 5, 6], 10), 4)
    return called(lambda: BetaGLMMRegressor("x + (1 | g)").fit(X, y))


def after(line, calls, place):
    """Where calls go on after a line of the drawing, None where it is not found there.

    `calls` are in the order of their starts, each with the place behind all that it calls.
    """
    for k in range(place, len(calls)):
        call, end = calls[k]
        if call.code.co_qualname == line.name:
            inside, at = calls[:end], k + 1
            for each in line.below:
                at = after(each, inside, at) if at is not None else None
            if at is not None:
                return end
    return None


def flat(call, found=None):
    """All calls below, in the order of their starts, each with the place behind what it calls."""
    found = [] if found is None else found
    for each in call.below:
        place = len(found)
        found.append(None)
        flat(each, found)
        found[place] = (each, len(found))
    return found


def member(path, name):
    """The function of a file that a name with dots means."""
    found = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = vars(found)[part]
    return getattr(found, "__func__", found)


def test_the_page_has_twelve_stations_in_the_order_of_its_drawing():
    numbered = [(int(number), name) for number, _, name in INCLUDED]
    assert [number for number, _ in numbered] == list(range(1, 13))
    assert stations(drawn()) == numbered


@pytest.mark.parametrize(("number", "path", "name"), INCLUDED)
def test_a_station_is_a_function_of_its_file_that_the_fit_calls(number, path, name, calls):
    code = member(path, name).__code__
    assert any(call.code is code for call, _ in flat(calls))


def test_functions_are_called_as_the_drawing_says(calls):
    (whole,) = drawn().below
    assert after(whole, flat(calls), 0) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        fit_rows ", "        _publish "),
        ("learn_scales\n                    bind\n", "bind\n                    learn_scales\n"),
        ("BoundedScale.read ", "CountScale.read "),
        ("    gradient\n", "    tangent\n"),
    ],
)
def test_a_drawing_that_says_something_else_is_found(old, new, calls, monkeypatch):
    assert old in DRAWING[1]
    monkeypatch.setitem(globals(), "DRAWING", (None, DRAWING[1].replace(old, new)))
    (whole,) = drawn().below
    assert after(whole, flat(calls), 0) is None
