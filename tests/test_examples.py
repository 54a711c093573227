"""The examples of the gallery: one question, one figure, and a place in the introduction."""

import ast
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))
FIGURES = {"figure", "subplot_mosaic", "subplots"}
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def calls_of_pyplot(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        function.attr
        for function in functions
        if isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "plt"
    ]


def test_there_is_a_gallery():
    assert len(SCRIPTS) >= 10


@each_script
def test_an_example_begins_with_a_title_and_why(script):
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    title, line, empty, why = text.split("\n", 3)
    assert line == "=" * len(title)
    assert not empty
    assert why.endswith((".", "?"))


@each_script
def test_an_example_is_short_and_has_sections(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100
    assert lines.count("# %%") >= 3


@each_script
def test_an_example_draws_one_figure_and_shows_it_at_the_end(script):
    calls = calls_of_pyplot(script)
    assert len(FIGURES.intersection(calls)) == 1
    assert sum(call in FIGURES for call in calls) == 1
    assert script.read_text(encoding="utf-8").endswith("\nplt.show()\n")


@each_script
def test_the_introduction_leads_to_an_example(script):
    introduction = (EXAMPLES / "GALLERY_HEADER.rst").read_text(encoding="utf-8")
    assert f"<sphx_glr_gallery_{script.name}>" in introduction


@pytest.mark.slow
@each_script
def test_an_example_runs_without_a_warning(script, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: None)
    runpy.run_path(str(script), run_name="__main__")
    shown = plt.get_fignums()
    plt.close("all")
    assert len(shown) == 1
