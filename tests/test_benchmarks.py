"""The harness of benchmarks fits, keeps a run, and lays it beside an earlier one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What is printed, and what is kept, of the smallest workload."""
    path = tmp_path_factory.mktemp("bench") / "run.json"
    asked = ["--only", "dragons", "--rivals", "--repeats", "2", "--json", str(path)]
    command = [sys.executable, str(BENCHMARKS / "bench.py"), *asked]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return printed, json.loads(path.read_text(encoding="utf-8"))["fits"]


def test_a_run_is_shown_and_kept(run):
    printed, (fit,) = run
    assert (fit["workload"], fit["program"], fit["status"]) == ("dragons", "skglmm", "fitted")
    assert (fit["n"], fit["repeats"]) == (480, 2)
    assert fit["evaluations"] > 1
    assert 0.0 < fit["cpu"] < 10.0
    assert f"{fit['log_likelihood']:.5f}" in printed
    assert "of 0.025 s" in printed  # the goal


def test_what_is_slower_than_in_an_earlier_run_is_marked(run, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from harness.table import beside  # noqa: PLC0415  # benchmarks are no package

    (fit,) = run[1]
    for share, mark in ((0.99, ""), (0.9, "slower")):
        earlier = {**fit, "cpu": share * fit["cpu"]}
        cells = [cell.strip() for cell in list(beside([fit], [earlier]))[-1].split("|")]
        assert cells[1:3] == ["dragons", "skglmm"]
        assert cells[5:8] == [f"{1 / share:.2f}", "+0.0e+00", mark]


def table(text):
    """Cells of the rows of tables by the heads of their columns, by workload and program."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    head = next(row for row in cells if row[0] == "workload")
    rows = [dict(zip(head, row, strict=False)) for row in cells if row[0] in names(cells)]
    return {(row["workload"], row["program"]): row for row in rows}


def names(cells):
    return {row[0] for row in cells} - {"workload", "---", ":--"}


def test_the_guide_shows_the_runs_that_are_kept(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from harness.command import main  # noqa: PLC0415  # benchmarks are no package

    page = (ROOT / "docs" / "guide" / "crossed.md").read_text(encoding="utf-8")
    page = page.partition("## Beside other programs")[2]
    kept = sorted((BENCHMARKS / "results").glob("*-crossed.json"))
    for path in kept:
        assert f"results/{path.name}" in page
        main(["--show", str(path)])
        assert json.loads(path.read_text(encoding="utf-8"))["date"][:10] in page
    shown, printed = table(page), table(capsys.readouterr().out)
    assert list(shown) == [key for key in printed if key in shown]
    assert len(shown) >= 2 * len(kept)
    for key, row in shown.items():
        assert row == {head: printed[key][head] for head in row}
