"""The API reference has a page for every public name, and estimators know theirs."""

import importlib
import inspect
import re
import textwrap
from functools import cache
from pathlib import Path

import pytest

from skglmm import estimators
from skglmm.formula import parse

API = Path(__file__).resolve().parents[1] / "docs" / "api"
PACKAGES = (
    "skglmm",
    "skglmm.covariance",
    "skglmm.datasets",
    "skglmm.exceptions",
    "skglmm.families",
    "skglmm.inspection",
    "skglmm.model_selection",
    "skglmm.multioutput",
    "skglmm.planning",
    "skglmm.preprocessing",
)
SITE = "https://skglmm.readthedocs.io/en/latest/"
DIRECTIVE = re.compile(
    r"^\.\. currentmodule:: (?P<module>\S+)$"
    r"|^\.\. autosummary::\n   :toctree: generated\n\n(?P<names>(?:   \S+\n)+)",
    re.MULTILINE,
)


def documented():
    """The names that have a page, with their modules."""
    found = []
    for page in sorted(API.glob("*.md")):
        module = ""
        for match in DIRECTIVE.finditer(page.read_text(encoding="utf-8")):
            module = match["module"] or module
            found.extend(f"{module}.{name}" for name in (match["names"] or "").split())
    return found


def home(package, name):
    """The name under which a public object is documented: that of the innermost package."""
    exceptions = importlib.import_module("skglmm.exceptions").__all__
    return f"skglmm.exceptions.{name}" if name in exceptions else f"{package}.{name}"


def public():
    for package in PACKAGES:
        module = importlib.import_module(package)
        yield from (home(package, n) for n in module.__all__ if callable(getattr(module, n)))


def test_a_name_has_one_page():
    names = documented()
    assert len(names) == len(set(names))


def test_every_public_name_has_a_page():
    assert set(public()) - set(documented()) == set()


@pytest.mark.parametrize("name", documented())
def test_a_page_is_about_something_and_shows_an_example(name):
    package, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(package), attribute)
    contract = inspect.isclass(found) and inspect.isabstract(found)
    part = issubclass(found, tuple) if inspect.isclass(found) else False
    parts = {"Component", "Coefficients", "Shares"}
    assert contract or part or attribute in parts or ">>> " in found.__doc__


@pytest.mark.parametrize("name", estimators.__all__)
def test_estimators_link_to_their_page(name):
    link = getattr(estimators, name)()._get_doc_link()
    assert link == f"{SITE}api/generated/skglmm.{name}.html"
    assert f"skglmm.{name}" in documented()


COMING_FROM = [page.name for page in sorted(API.parent.glob("coming_from_*.md"))]
CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\S.*\)|\w+\.\w+\(\)")  # no pieces of formulas, such as cr()


def calls_for_newcomers(page):
    """Yield the code in the last cells of the tables of a page for newcomers."""
    text = (API.parent / page).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("|"):
            cell = re.split(r"(?<!\\)\|", line)[-2].replace(r"\|", "|")
            codes = re.findall(r"`([^`]+)`", cell)
            yield from (code for code in codes if CALL.match(code) and "..." not in code)


@cache
def names_of(page):
    text = (API.parent / page).read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^( *)```python\n(.*?)```", text, re.DOTALL | re.MULTILINE):
        exec(textwrap.dedent(block[1]), names)
    return names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:8 clusters are few:UserWarning")
@pytest.mark.parametrize(
    ("page", "code"),
    [(page, code) for page in COMING_FROM for code in calls_for_newcomers(page)],
)
def test_a_call_for_newcomers_runs(page, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
    plt = pytest.importorskip("matplotlib.pyplot")
    if "to_marginaleffects" in code:
        pytest.importorskip("marginaleffects")
    found = eval(code, dict(names_of(page)))
    assert found is not None or code.startswith("print")
    if isinstance(formula := getattr(found, "formula", None), str):
        parse(formula)  # of an estimator that is not fitted, too
    plt.close("all")
