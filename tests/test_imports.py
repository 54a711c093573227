"""What an import brings along: packages import what they show when it is asked for."""

import ast
import importlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import skglmm
from skglmm import estimators

ROOT = Path(__file__).resolve().parents[1]
LAZY = (
    "skglmm",
    "skglmm.bases",
    "skglmm.covariance",
    "skglmm.engine",
    "skglmm.engine.iterative",
    "skglmm.estimators",
    "skglmm.estimators.cluster",
    "skglmm.families",
    "skglmm.inference",
    "skglmm.inspection",
    "skglmm.links",
    "skglmm.response",
)
# Of the package's some 650 modules: ten more are a reason to ask what for.
MODULES_OF_AN_ESTIMATOR, MODULES_OF_A_FIT = 295, 310
# What only some users need.
OTHERS = (
    "skglmm.bases.",
    "skglmm.covariance.fields.matern",
    "skglmm.engine.iterative.system",
    "skglmm.inference.",
    "skglmm.inspection",
    "skglmm.model_selection",
    "skglmm.planning",
    "dask",
    "distributed",
    "matplotlib",
    "polars",
    "sklearn.model_selection",
)
FIT = """
import numpy, pandas
X = pandas.DataFrame({"x": numpy.linspace(0.0, 1.0, 48), "g": list("abcdef") * 8})
y = 0.3 + 0.3 * X["x"] + 0.1 * numpy.sin(numpy.arange(48)) + 0.02 * X["g"].map(ord).sub(99)
"""


def modules_after(code):
    """Modules that a fresh process has beyond those of scikit-learn and pandas."""
    code = f"""
import sys, warnings
import pandas, sklearn
warnings.simplefilter("ignore")
before = set(sys.modules)
{code}
print(*sorted(set(sys.modules) - before))
"""
    paths = [str(Path(skglmm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def of_skglmm(modules):
    return {name for name in modules if name.split(".")[0] == "skglmm"}


def test_importing_the_package_imports_nothing_else():
    assert modules_after("import skglmm") == {"skglmm", "skglmm.faces"}


@pytest.mark.parametrize("name", ["LMMRegressor", "TweedieGLMMRegressor"])
def test_an_estimator_brings_its_own_family_and_no_inference(name):
    found = modules_after(f"from skglmm import {name}; {name}()")
    assert len(of_skglmm(found)) <= MODULES_OF_AN_ESTIMATOR
    assert {each for each in found if each.startswith(OTHERS)} == set()
    homes = {each: getattr(estimators, each).__module__ for each in estimators.__all__}
    assert {each for each, home in homes.items() if home in found} == {name}


def test_a_fit_brings_what_it_needs():
    found = modules_after(
        f"{FIT}\nfrom skglmm import LMMRegressor as M\nM('x + (1 | g)').fit(X, y)"
    )
    assert len(of_skglmm(found)) <= MODULES_OF_A_FIT
    assert not {"matplotlib", "dask", "polars"} & found


def test_packages_inside_are_attributes():
    code = "\n".join(
        f"assert skglmm.{name}.__all__ and '{name}' in dir(skglmm)" for name in skglmm.ROOMS
    )
    found = modules_after(f"import skglmm\n{code}")
    assert not {"matplotlib", "dask", "polars"} & found


def table_of(package):
    """Names and modules in the imports for type checkers, and in the table for the interpreter."""
    path = ROOT.joinpath(*package.split("."), "__init__.py")
    (block,) = (
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    checked = {
        alias.name: node.module
        for node in block.body
        for alias in node.names
        if isinstance(node, ast.ImportFrom)
    }
    (assignment,) = block.orelse
    homes = ast.literal_eval(assignment.value.args[1])
    return checked, {name: home for home, names in homes.items() for name in names.split()}


@pytest.mark.parametrize("package", LAZY)
def test_lazy_faces_show_what_type_checkers_see(package):
    checked, shown = table_of(package)
    assert shown == checked
    module = importlib.import_module(package)
    assert set(shown) == set(module.__all__) - {"__version__"}
    assert set(module.__all__) <= set(dir(module))
    for name, home in shown.items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


def test_every_face_that_is_lazy_is_looked_at():
    texts = {path: path.read_text("utf-8") for path in (ROOT / "skglmm").rglob("__init__.py")}
    found = {
        ".".join(path.relative_to(ROOT).parent.parts)
        for path, text in texts.items()
        if "lazy_face(" in text
    }
    assert found == set(LAZY)


@pytest.mark.parametrize("package", LAZY)
def test_no_name_of_a_lazy_face_is_that_of_a_module_beside_it(package):
    """Importing such a module would put it in the place of what it defines."""
    folder = ROOT.joinpath(*package.split("."))
    beside = {path.stem for path in folder.iterdir()}
    assert set(importlib.import_module(package).__all__) & beside == set()


def test_star_imports_have_all_names():
    found = {}
    exec("from skglmm import *", found)
    assert set(skglmm.__all__) <= set(found)


def test_an_unknown_name_is_an_attribute_error_that_names_the_package():
    with pytest.raises(AttributeError, match="module 'skglmm' has no attribute 'BetaGLM'"):
        skglmm.BetaGLM  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'BetaGLM'"):
        from skglmm import BetaGLM  # noqa: F401, PLC0415


def test_pickles_of_estimators_open_in_a_process_that_imported_nothing():
    text = pickle.dumps(skglmm.BetaGLMMRegressor("x + (1 | g)"))
    found = modules_after(f"import pickle; print(pickle.loads({text!r}).formula)")
    assert "skglmm.estimators.bounded.beta" in found
