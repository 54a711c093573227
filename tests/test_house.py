"""The rules of the house that no other tool checks: sizes, and docstrings of public names."""

import ast
import importlib
from pathlib import Path

import pytest
from numpydoc.validate import validate

from skglmm.estimators._base import BaseGLMMRegressor
from skglmm.families import Family

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "skglmm").rglob("*.py"))
LINES_OF_FILE, LINES_OF_FUNCTION = 500, 50
PUBLIC = ("skglmm", "skglmm.datasets", "skglmm.special")
INTERNAL = (
    "skglmm.covariance",
    "skglmm.design",
    "skglmm.families",
    "skglmm.families.links",
    "skglmm.fitting",
    "skglmm.formula",
    "skglmm.inference",
    "skglmm.laplace",
    "skglmm.linalg",
)
# Missing docstring; summary without a capital or a period; parameters that do not exist or stand
# in another order. In public names also: parameters without a description or a type.
CODES = {"GL08", "SS01", "SS02", "SS03", "PR02", "PR03"}
STRICT = CODES | {"PR01", "PR04", "PR07"}


def functions():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                yield path, node.name, body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_file_is_too_long():
    long = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in long.items() if n > LINES_OF_FILE} == {}


def test_no_function_is_too_long():
    assert [name for _, name, n in functions() if n > LINES_OF_FUNCTION] == []


def test_nothing_above_the_families_asks_which_family_it_is():
    upper = ("laplace", "fitting", "inference", "design", "linalg")
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in FILES if p.parts[-2] in upper]
    families = {family.__name__ for family in Family.__subclasses__()}
    assert "Beta" in families
    used = {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert "Family" in used
    assert used & families == set()


def names_of(packages):
    for package in packages:
        module = importlib.import_module(package)
        for name in module.__all__:
            if callable(getattr(module, name)) and not name.isupper():
                yield f"{package}.{name}"
    if packages == PUBLIC:
        methods = [name for name in vars(BaseGLMMRegressor) if not name.startswith("_")]
        yield from (f"skglmm.BetaGLMMRegressor.{name}" for name in methods if name != "fit_")


def faults(name, codes):
    return [f"{code}: {text}" for code, text in validate(name)["errors"] if code in codes]


@pytest.mark.parametrize("name", list(names_of(PUBLIC)))
def test_public_names_are_documented(name):
    assert faults(name, STRICT) == []


@pytest.mark.parametrize("name", list(names_of(INTERNAL)))
def test_internal_names_are_documented(name):
    assert faults(name, CODES) == []
