"""Print how far estimates are from those of other programs, as Markdown (docs/validation.md).

    python benchmarks/parity.py                 the models of tests/reference: half a minute
    python benchmarks/parity.py FOLDER          and those of a folder of cases: two minutes more
    python benchmarks/parity.py FOLDER --write  lays the tables into the page

The answers of R stand in tests/reference, with the scripts in R that made them. FOLDER has answers
to models of data of R packages, which are not part of this repository (benchmarks/suite.py).
"""

import argparse
import re
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from answers import discrete, real, shares
from answers.files import read
from answers.folder import curves, folder_cases
from answers.record import Case, Difference, compared, family_of
from answers.tables import curve_details, details, sized, summary, table

from skglmm import SingularFitWarning

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
SOURCES: tuple[Callable[[], Iterator[Case]], ...] = (
    shares.named,
    shares.boundary,
    shares.offsets,
    shares.cells,
    real.linear,
    real.restricted,
    real.factorial,
    discrete.families,
    discrete.quadrature,
    discrete.trials,
    discrete.zeros,
    discrete.counts,
    discrete.dispersed,
    real.positive,
    real.amounts,
    discrete.ordered,
    real.restricted_families,
    real.structures,
    real.repeated,
    real.priors,
)


def reference_cases(topics: Collection[str] = ()) -> Iterator[Case]:
    """All models of tests/reference, or those of some families."""
    for source in SOURCES:
        for case in source():
            if not topics or (case.topic or family_of(case.model)) in topics:
                yield case


def mode_rows() -> list[str]:
    """Compare conditional modes and predictions of beta models."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SingularFitWarning)
        rows = [prediction_row(case) for case in shares.named()]
    names = ("model", "levels", "modes", "means", "means of a typical group", "standard errors")
    return table(names, "llrrrr", rows)


def prediction_row(case: Case) -> list[str]:
    answer, model = read(f"{case.name}.json"), case.model.fit(case.rows, case.y)
    theirs = answer["prediction"]
    new = case.rows.iloc[theirs["row_0based"]]
    _, error = model.predict_linear(new, return_std=True)
    errors = np.array(theirs["link_se"], dtype=float)
    return [
        case.name if case.answer.note is None else f"{case.name} (a)",
        " + ".join(f"{n:,} {factor}" for factor, n in model.n_levels_.items()),
        largest(modes(model, answer)),
        largest(model.predict(new) - theirs["response"]),
        largest(model.predict(new, kind="fixed") - theirs["population_response"]),
        largest(error / errors - 1) if case.answer.note is None else "",
    ]


def largest(differences: np.ndarray) -> str:
    return sized(float(np.max(np.abs(differences))))


def labels(factor: Any, reverse: bool) -> list[str]:
    """Return the levels as glmmTMB writes them; those of nested factors run the other way."""
    found = [str(label).replace(".", ":") for label in factor.labels]
    return [":".join(label.split(":")[::-1]) for label in found] if reverse else found


def modes(model: Any, answer: dict[str, Any]) -> np.ndarray:
    """Return differences of the conditional modes, in standard deviations of the effects."""
    found = []
    for f, factor in enumerate(model.fit_.layout.factors):
        theirs = shares.block(answer["conditional_modes"], factor.name)
        place = {str(each).replace(".", ":"): i for i, each in enumerate(theirs["levels"])}
        reverse = factor.name not in answer["conditional_modes"]
        rows = [place[each] for each in labels(factor, reverse)]
        expected = np.array(theirs["values"], dtype=float)[rows].T
        sd = np.sqrt(np.sum(model.fit_.lambdas[f] ** 2, axis=1))
        found.append(((model.fit_.modes(f) - expected) / sd[:, None]).ravel())
    return np.concatenate(found)


def blocks_of_reference() -> dict[str, list[str]]:
    found = [compared(case) for case in reference_cases()]
    return {
        "summary of tests/reference": summary(found),
        "models of tests/reference": details(found),
        "modes and predictions": mode_rows(),
    }


def blocks_of_folder(folder: Path) -> dict[str, list[str]]:
    found: list[Difference] = [compared(case) for case in folder_cases(folder)]
    return {
        "summary of the folder": summary(found),
        "models of the folder": [*details(found), *curve_details(list(curves(folder)))],
    }


def write(blocks: dict[str, list[str]]) -> None:
    """Replace what stands between the marks of each block in the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in blocks.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- end -->)"
        text = "\n".join(lines).strip()
        page = re.sub(
            pattern, lambda match, text=text: match[1] + text + match[2], page, flags=re.S
        )
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="of cases with data of R packages")
    parser.add_argument("--write", action="store_true", help="lay the tables into the page")
    args = parser.parse_args()
    blocks = blocks_of_reference()
    if args.folder:
        blocks |= blocks_of_folder(args.folder)
    for name, lines in blocks.items():
        print(f"<!-- {name} -->", *lines, "<!-- end -->\n", sep="\n")
    if args.write:
        write(blocks)


if __name__ == "__main__":
    main()
