"""The rules of the house that no other tool checks: sizes, and docstrings of public names."""

import ast
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
from numpydoc.validate import validate

from skglmm import estimators, families
from skglmm.families import Family

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "skglmm").rglob("*.py"))
LINES_OF_FILE, LINES_OF_FUNCTION, FILES_OF_FOLDER = 500, 50, 20
LINES_OF_A_SERVANT = 40  # of a file that serves a single other one
# Where a file is one noun, however short: a link, a family, a response.
NOUNS = {"covariance", "estimators", "links", "response"}
PUBLIC = (
    "skglmm",
    "skglmm.datasets",
    "skglmm.inspection",
    "skglmm.model_selection",
    "skglmm.multioutput",
    "skglmm.planning",
    "skglmm.preprocessing",
    "skglmm.special",
)
INTERNAL = (
    "skglmm.bases",
    "skglmm.covariance",
    "skglmm.design",
    "skglmm.families",
    "skglmm.links",
    "skglmm.fitting",
    "skglmm.formula",
    "skglmm.inference",
    "skglmm.engine",
    "skglmm.linalg",
    "skglmm.priors",
    "skglmm.response",
)
# Beside the estimators.
USED_BY_USERS = (
    "skglmm.inspection",
    "skglmm.model_selection",
    "skglmm.multioutput",
    "skglmm.planning",
    "skglmm.preprocessing",
)
# Whose linear algebra is that of the estimators that it asks.
ASKS_ESTIMATORS = {
    "LogDensityScorer",
    "PlannedStudy",
    "Power",
    "PowerCurve",
    "RankedProbabilityScorer",
    "log_density_scorer",
    "ranked_probability_scorer",
}
# Missing docstring; summary without a capital or a period; parameters that do not exist or stand
# in another order. In public names also: parameters without a description or a type.
CODES = {"GL08", "SS01", "SS02", "SS03", "PR02", "PR03"}
STRICT = CODES | {"PR01", "PR04", "PR07"}
METHODS = {
    f"{kind}.{name}": method
    for kind in (
        "BetaGLMMRegressor",
        "BinomialGLMMClassifier",
        "BinomialGLMMRegressor",
        "PoissonGLMMRegressor",
    )
    for name, method in inspect.getmembers(getattr(estimators, kind), inspect.isfunction)
    if not name.startswith("_") and method.__module__.startswith("skglmm")
}


@pytest.fixture(scope="module")
def nodes():
    """The syntax of every file, by its path."""
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    return {path: list(ast.walk(ast.parse(text))) for path, text in texts.items()}


def length_of(function):
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_file_is_too_long():
    long = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in long.items() if n > LINES_OF_FILE} == {}


def test_no_function_is_too_long(nodes):
    functions = [n for each in nodes.values() for n in each if isinstance(n, ast.FunctionDef)]
    assert max(map(length_of, functions)) > LINES_OF_FUNCTION / 2
    assert [each.name for each in functions if length_of(each) > LINES_OF_FUNCTION] == []


def test_no_folder_is_crowded():
    counts = Counter(path.parent for path in FILES)
    assert {str(folder): n for folder, n in counts.items() if n > FILES_OF_FOLDER} == {}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def importers(nodes):
    """Modules that import each; the faces of packages do not count, but who imports from them."""
    imports = [
        (module_of(path), name.name, node.module)
        for path, found in nodes.items()
        for node in found
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]
    faces = {module_of(path) for path in FILES if path.name == "__init__.py"}
    homes = {(who, name): home for who, name, home in imports if who in faces}
    users = {module_of(path): set() for path in nodes}
    for who, name, home in imports:
        if who not in faces:
            users.get(homes.get((home, name), home), set()).add(who)
    return users


def test_no_short_file_serves_a_single_other_one(nodes):
    uses = importers(nodes)
    assert "skglmm.families.bounded.beta" in uses["skglmm.links.logit"]  # through the face
    servants = {module_of(p): uses[module_of(p)] for p in FILES if is_short(p) and not is_noun(p)}
    assert "skglmm.arrays" in servants
    assert {module: users for module, users in servants.items() if len(users) == 1} == {}


def is_short(path):
    return len(path.read_text(encoding="utf-8").splitlines()) < LINES_OF_A_SERVANT


def is_noun(path):
    return path.name == "__init__.py" or "families" in path.parts or path.parent.name in NOUNS


def test_no_two_classes_share_a_name(nodes):
    classes = [n for each in nodes.values() for n in each if isinstance(n, ast.ClassDef)]
    names = Counter(each.name for each in classes)
    assert names["Beta"] == 1
    assert [name for name, n in names.items() if n > 1] == []


def test_nothing_above_the_families_asks_which_family_it_is(nodes):
    upper = {"engine", "fitting", "inference", "design", "linalg"}
    above = [n for p, each in nodes.items() if upper.intersection(p.parts) for n in each]
    names = {name: getattr(families, name) for name in families.__all__}
    kinds = {name for name, each in names.items() if inspect.isclass(each)}
    kinds = {name for name in kinds if issubclass(names[name], Family)} - {"Family"}
    assert "Beta" in kinds
    used = {n.id for n in above if isinstance(n, ast.Name)}
    assert "Family" in used
    assert used & kinds == set()


def above_the_families(nodes):
    """Syntax of what must not know the predictors of a family, with the name of its file."""
    below = {"families", "links", "special", "linalg", "covariance", "response", "datasets"}
    for path, found in nodes.items():
        if not below.intersection(path.relative_to(ROOT).parts):
            yield from ((path.name, node) for node in found)


def last_name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def is_mean(node):
    return isinstance(node, ast.Constant) and node.value == "mean"


def takes_mean_for_a_predictor(node):
    """Whether "mean" is a default, a value, a key or a place of a predictor's name."""
    match node:
        case ast.arguments(args=args, kwonlyargs=others):
            pairs = list(zip(args[::-1], node.defaults[::-1], strict=False))
            pairs += zip(others, node.kw_defaults, strict=True)
            found = any("predictor" in arg.arg and is_mean(value) for arg, value in pairs)
        case ast.AnnAssign(target=target) | ast.Assign(targets=[target]):
            found = "predictor" in last_name(target) and is_mean(node.value)
        case ast.keyword(arg=name):
            found = "predictor" in (name or "") and is_mean(node.value)
        case ast.Compare(left=left, comparators=[right]):
            names = [last_name(side) for side in (left, right) if not is_mean(side)]
            found = len(names) == 1 and re.search("predictor|formulas", names[0])
        case ast.Subscript(value=value, slice=key):
            found = is_mean(key) and last_name(value) in {"formulas", "fixed", "offsets"}
        case ast.Call(func=ast.Attribute(attr="index"), args=[place]):
            found = is_mean(place)
        case _:
            found = False
    return found


def is_literal_index_of_a_predictor(node):
    names = {"eta", "predictors", "links", "beta", "formulas", "n_coefficients"}
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Constant):
        return False
    of_a_family = isinstance(node.value, ast.Attribute) and node.value.attr == "parameters"
    known = of_a_family or last_name(node.value) in names
    return known and isinstance(node.slice.value, int)


@pytest.mark.parametrize("fault", [takes_mean_for_a_predictor, is_literal_index_of_a_predictor])
def test_nothing_above_the_families_knows_the_name_or_the_place_of_a_predictor(nodes, fault):
    """`family.location` is the place of the mean, and `family.predictors` has its name."""
    found = [
        f"{name}:{getattr(node, 'lineno', node)}"
        for name, node in above_the_families(nodes)
        if fault(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        'def f(x, predictor="mean"): pass',
        'def f(*, predictor="mean"): pass',
        'predictor: str = "mean"',
        'f(predictor="mean")',
        'predictor == "mean"',
        '"mean" in model.predictors',
        'model.formulas["mean"]',
        'predictors.index("mean")',
        "eta[0]",
        "fit.beta[1]",
        "family.links[0]",
    ],
)
def test_names_and_places_of_predictors_are_found(text):
    faults = (takes_mean_for_a_predictor, is_literal_index_of_a_predictor)
    assert any(fault(node) for fault in faults for node in ast.walk(ast.parse(text)))


def names_of(packages):
    for package in packages:
        module = importlib.import_module(package)
        for name in module.__all__:
            if callable(getattr(module, name)) and not name.isupper():
                yield f"{package}.{name}"
    if packages == PUBLIC:
        yield from (f"skglmm.{name}" for name in METHODS)


def faults(name, codes):
    return [f"{code}: {text}" for code, text in validate(name)["errors"] if code in codes]


@pytest.mark.parametrize("name", list(names_of(PUBLIC)))
def test_public_names_are_documented(name):
    assert faults(name, STRICT) == []


@pytest.mark.parametrize("name", list(names_of(INTERNAL)))
def test_internal_names_are_documented(name):
    assert faults(name, CODES) == []


@pytest.mark.parametrize("name", METHODS)
def test_methods_say_what_they_return_and_raise_and_show_an_example(name):
    assert faults(f"skglmm.{name}", {"RT01", "RT03", "EX01"}) == []
    refuses = re.search(r"\braise\b|\b_?check_", inspect.getsource(METHODS[name]))
    assert not refuses or "Raises\n" in METHODS[name].__doc__


def test_there_are_methods_to_look_at():
    names = ("fit", "predict", "summary", "confint", "random_effects")
    assert {f"BetaGLMMRegressor.{name}" for name in names} <= METHODS.keys()


def entry_points():
    """Public functions, and public methods of public classes, with linear algebra of their own."""
    yield from (f"skglmm.estimators.{name}" for name in estimators.__all__)
    for package in USED_BY_USERS:
        names = set(importlib.import_module(package).__all__) - ASKS_ESTIMATORS
        yield from (f"{package}.{name}" for name in sorted(names))


def functions_of(name):
    package, _, last = name.rpartition(".")
    found = getattr(importlib.import_module(package), last)
    if not inspect.isclass(found):
        return {last: found}
    members = inspect.getmembers(found, callable)
    return {
        f"{last}.{name}": member
        for name, member in members
        if not name.startswith("_") and member.__module__.startswith("skglmm")
    }


@pytest.mark.parametrize("name", list(entry_points()))
def test_what_users_call_keeps_its_linear_algebra_to_one_thread(name):
    called = functions_of(name)
    assert called
    assert [each for each, f in called.items() if not hasattr(f, "is_single_threaded")] == []
    assert not any(map(inspect.isgeneratorfunction, map(inspect.unwrap, called.values())))


def test_entry_points_are_functions_methods_and_class_methods():
    known = {name for each in entry_points() for name in functions_of(each)}
    wanted = "BetaGLMMRegressor.fit BetaGLMMRegressor.r2 check_residuals ResidualDisplay.plot"
    assert {*wanted.split(), "ResidualDisplay.from_estimator", "compare"} <= known
