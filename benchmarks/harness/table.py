"""Tables for people: one run, and a run beside an earlier one."""

from collections.abc import Iterator
from typing import Any

from harness.programs import is_exact
from harness.workloads import WORKLOADS

__all__ = ["beside", "heading", "rows"]

Found = dict[str, Any]
SLOWER = 1.03  # a ratio of processor seconds that chance does not explain
COLUMNS = {  # and their widths; those of text stand to the left
    "workload": -20,
    "program": -16,
    "n": 10,
    "wall": 9,
    "cpu": 9,
    "peak MB": 7,
    "evals": 5,
    "passes": 6,
    "log likelihood": 16,
    "stated error": 12,
    "above": 20,
    "goals": -20,
}
COMPARED = {
    "workload": -20,
    "program": -16,
    "cpu": 9,
    "earlier": 9,
    "ratio": 6,
    "log likelihood": 14,
    "": -6,
}


def heading(columns: dict[str, int] = COLUMNS) -> str:
    """Return the first two lines of a table."""
    rule = line(["---" if width < 0 else "--:" for width in columns.values()], columns)
    return f"{line(list(columns), columns)}\n{rule}"


def line(cells: list[str], columns: dict[str, int]) -> str:
    padded = [
        f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}"
        for cell, width in zip(cells, columns.values(), strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def rows(found: list[Found]) -> Iterator[str]:
    """Yield a line for each fit of one workload."""
    fitted = {each["program"]: each for each in found if each["status"] == "fitted"}
    exact = [each["log_likelihood"] for label, each in fitted.items() if is_exact(label)]
    zero = exact[0] if exact else None
    for each in found:
        cells = [each["workload"], each["program"]]
        if each["status"] != "fitted":
            yield line([*cells, "", each["status"], *[""] * (len(COLUMNS) - 4)], COLUMNS)
            continue
        yield line([*cells, *numbers(each, zero), goals(each, fitted)], COLUMNS)


def numbers(found: Found, zero: float | None) -> list[str]:
    return [
        f"{found['n']:,}",
        f"{found['wall']:.4g}",
        f"{found['cpu']:.4g}",
        f"{found['megabytes']:,.0f}",
        optional(found.get("evaluations"), "{:,}"),
        optional(found.get("passes"), "{:,.0f}"),
        f"{found['log_likelihood']:.5f}",
        optional(found.get("std_error"), "{:.1e}"),
        "" if zero is None else above([each - zero for each in found["log_likelihoods"]]),
    ]


def optional(value: Any, form: str) -> str:
    return "" if value is None else form.format(value)


def above(differences: list[float]) -> str:
    """Return by how much log likelihoods are above the first exact one, over seeds."""
    ends = [f"{each:+.1e}" for each in (min(differences), max(differences))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def goals(found: Found, fitted: dict[str, Found]) -> str:
    goal, (program, *solver) = WORKLOADS[found["workload"]].goal, found["program"].split()
    if program != "skglmm" or goal.solver not in {None, *solver}:
        return ""
    return "; ".join(goal.judged(found, fitted))


def beside(now: list[Found], earlier: list[Found]) -> Iterator[str]:
    """Yield lines of a table of fits that both runs have; "slower" marks more than 3 %."""
    old = {(each["workload"], each["program"]): each for each in earlier}
    yield heading(COMPARED)
    for each in now:
        other = old.get((each["workload"], each["program"]), {})
        if each["status"] != "fitted" or other.get("status") != "fitted":
            continue
        ratio = each["cpu"] / other["cpu"]
        cells = [
            each["workload"],
            each["program"],
            f"{each['cpu']:.4g}",
            f"{other['cpu']:.4g}",
            f"{ratio:.2f}",
            f"{each['log_likelihood'] - other['log_likelihood']:+.1e}",
            "slower" if ratio > SLOWER else "",
        ]
        yield line(cells, COMPARED)
