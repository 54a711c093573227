"""The pages of five steps: they run without a warning, and their text tells what they print."""

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "workflows"
SCRIPTS = sorted(FOLDER.glob("plot_*.py"))
STEPS = [
    "1. Formulate",
    "2. Choose the distribution",
    "3. Organize the effects",
    "4. Assess",
    "5. Interpret",
]
TRUTH = re.compile(r"\(In\s+the\s+simulation.*?\)|The truth.*?limits\.", re.DOTALL)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def prose(script):
    """The text of a page, without what it says of the simulation."""
    lines = script.read_text(encoding="utf-8").splitlines()
    told = "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return TRUTH.sub("", told)


@each_script
def test_a_page_has_the_five_steps(script):
    lines = prose(script).splitlines()
    assert [line for line in lines if re.match(r"\d\. ", line)] == STEPS


@each_script
def test_the_introduction_leads_to_a_page(script):
    introduction = (FOLDER / "GALLERY_HEADER.rst").read_text(encoding="utf-8")
    assert f"<sphx_glr_workflows_{script.name}>" in introduction


@pytest.mark.slow
@each_script
def test_a_page_runs_and_prints_the_numbers_of_its_text(script, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    with redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(script), run_name="__main__")
    plt.close("all")
    assert shown
    numbers = set(re.findall(r"\d+\.\d+", prose(script)))
    assert {number for number in numbers if number not in printed.getvalue()} == set()
