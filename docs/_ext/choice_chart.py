"""Draw the chart of docs/choose.md: from what one response is to the estimator for it.

python docs/_ext/choice_chart.py    writes docs/_static/choice.svg

The page includes the drawing as it is, so that its colors are those of the theme, light or dark,
and its boxes are links.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["KINDS", "chart"]

TARGET = Path(__file__).parents[1] / "_static" / "choice.svg"
STEP, GAP, TOP = 34, 12, 8  # of rows, between kinds, above the first
ROOT, KIND, CASE, BOX, END = 4, 158, 344, 608, 940  # left ends of the columns, and the right one
WIDTHS = {"root": 116, "kind": 158}


@dataclass(frozen=True)
class Kind:
    """What y may be: a name, a color, the page that shows it, and estimators by case."""

    name: tuple[str, ...]
    color: str
    page: str
    cases: tuple[tuple[str, str, str], ...]


KINDS = (
    Kind(
        ("a real number",),
        "#0072B2",
        "workflows/plot_real.html",
        (
            ("as a rule", "LMMRegressor", ""),
            ("a few are far from the others", "StudentTGLMMRegressor", ""),
        ),
    ),
    Kind(
        ("a positive", "number"),
        "#009E73",
        "workflows/plot_positive.html",
        (
            ("scatter grows as the mean", "GammaGLMMRegressor", ""),
            ("its logarithm is normal", "LognormalGLMMRegressor", ""),
            ("a few are very large", "InverseGaussianGLMMRegressor", ""),
            ("some are 0, as sums of no parts", "TweedieGLMMRegressor", ""),
            ("some are 0, for other reasons", "GammaGLMMRegressor", 'zero="1"'),
        ),
    ),
    Kind(
        ("a count",),
        "#D55E00",
        "workflows/plot_counts.html",
        (
            ("to begin with", "PoissonGLMMRegressor", ""),
            ("counts vary more than that", "NegativeBinomialGLMMRegressor", ""),
            ("counts vary less than that", "ConwayMaxwellPoissonGLMMRegressor", ""),
            ("still more zeros", "NegativeBinomialGLMMRegressor", 'zero="1"'),
        ),
    ),
    Kind(
        ("successes in", "some trials"),
        "#CC79A7",
        "workflows/plot_trials.html",
        (
            ("to begin with", "BinomialGLMMRegressor", 'trials="n"'),
            ("rows differ by more than chance", "BetaBinomialGLMMRegressor", 'trials="n"'),
        ),
    ),
    Kind(
        ("a label",),
        "#E69F00",
        "workflows/plot_yes_or_no.html",
        (
            ("one of two", "BinomialGLMMClassifier", ""),
            ("one of several, in an order", "OrdinalGLMMClassifier", ""),
            ("one of several, without an order", "MultinomialGLMMClassifier", ""),
        ),
    ),
    Kind(
        ("a share between", "two bounds"),
        "#56B4E9",
        "tutorial/index.html",
        (
            ("never on a bound", "BetaGLMMRegressor", ""),
            ("some are exactly 0", "ZeroInflatedBetaGLMMRegressor", ""),
            ("some are exactly 1", "OneInflatedBetaGLMMRegressor", ""),
            ("some are 0 and some are 1", "OrderedBetaGLMMRegressor", ""),
        ),
    ),
)


def curve(x: float, y: float, to_x: float, to_y: float, color: str) -> str:
    """Draw a line from one box to another."""
    middle = (x + to_x) / 2
    return (
        f'<path d="M{x:g} {y:g}C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}" '
        f'fill="none" stroke="{color}" stroke-width="2"/>'
    )


def box(x: float, y: float, width: float, height: float, color: str) -> str:
    """Draw a box whose left side is in the middle of a height."""
    return (
        f'<rect x="{x:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="6" '
        f'stroke="{color}" stroke-width="2"/>'
    )


def words(x: float, y: float, lines: tuple[str, ...], weight: str = "") -> str:
    """Write lines of text about a height."""
    start = y + 5 - 9 * (len(lines) - 1)
    style = f' font-weight="{weight}"' if weight else ""
    return "".join(
        f'<text x="{x:g}" y="{start + 18 * k:g}"{style}>{escape(line)}</text>'
        for k, line in enumerate(lines)
    )


def link(to: str, content: str) -> str:
    """Make something lead to a page."""
    return f'<a href="{escape(to)}">{content}</a>'


def row(y: float, case: tuple[str, str, str], color: str) -> str:
    """Write when, and draw the box of an estimator."""
    when, name, option = case
    label = f"<text x='{BOX + 10:g}' y='{y + 5:g}' class='choice-code'>{name}"
    if option:
        label += f'<tspan class="choice-option" dx="7">{escape(option)}</tspan>'
    drawn = box(BOX, y, END - BOX, STEP - 6, color) + label + "</text>"
    return words(CASE + 6, y, (when,)) + link(f"api/generated/skglmm.{name}.html", drawn)


def chart() -> str:
    """Return the drawing."""
    drawn, centers, y = [], [], float(TOP)
    for kind in KINDS:
        center = y + STEP * len(kind.cases) / 2
        centers.append(center)
        for k, case in enumerate(kind.cases):
            at = y + STEP * (k + 0.5)
            drawn.append(curve(KIND + WIDTHS["kind"], center, CASE, at, kind.color))
            drawn.append(row(at, case, kind.color))
        height = 30 + 18 * (len(kind.name) - 1)
        shape = box(KIND, center, WIDTHS["kind"], height, kind.color)
        drawn.append(link(kind.page, shape + words(KIND + 10, center, kind.name, "bold")))
        y += STEP * len(kind.cases) + GAP
    height = y - GAP + TOP
    middle = height / 2
    root = [curve(ROOT + WIDTHS["root"], middle, KIND, c, "#888888") for c in centers]
    root.append(box(ROOT, middle, WIDTHS["root"], 48, "#888888"))
    root.append(words(ROOT + 10, middle, ("What is one", "value of y?"), "bold"))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {END + 4} {height:g}" role="group" '
        'aria-label="From what one response is to an estimator; the table below says the same">'
    )
    return head + "\n" + "\n".join(root + drawn) + "\n</svg>\n"


if __name__ == "__main__":
    TARGET.write_text(chart(), encoding="utf-8")
