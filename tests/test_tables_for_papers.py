"""Records as Markdown, LaTeX and HTML, models side by side, and models as formulas."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from family_cases import FAMILIES, moderate
from family_cases import name as name_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import (
    BetaGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.datasets import load_petrol
from skglmm.inference.report.symbols import column, expression, linked, number
from skglmm.inference.report.text import Table
from skglmm.inference.report.typeset import HTML, LATEX, MARKDOWN, latex_text
from skglmm.inspection import check_residuals
from skglmm.links import LINKS
from skglmm.model_selection import (
    compare,
    drop1,
    frame_table,
    likelihood_ratio_test,
    model_table,
)

X, Y = load_petrol(return_X_y=True)
RNG = np.random.default_rng(7)
N = 90
ODD = pd.DataFrame(
    {
        "a_b": RNG.normal(size=N),
        "né": np.tile(["50 % & <c>", "p|q [x]", "z"], N // 3),
        "g": np.arange(N) // 9,
        "x[1]": RNG.normal(size=N),
    }
)
EFFECTS = RNG.normal(0.0, 0.7, (2, 10))[:, ODD["g"]]
ETA = (0.5 + EFFECTS[1]) * ODD["a_b"].to_numpy() + EFFECTS[0]
FORMULA = "a_b * C(né) + `x[1]` + (a_b | g)"


@pytest.fixture(scope="module")
def odd():
    """Models of names that need escapes, of several families."""
    counts = np.where(RNG.random(N) < 0.2, 0, RNG.poisson(np.exp(ETA + 1.0)))
    classes = np.digitize(ETA + RNG.logistic(size=N), [-0.5, 0.5])
    return {
        "linear": LMMRegressor(FORMULA).fit(ODD, ETA + RNG.normal(0.0, 0.5, N)),
        "counts": PoissonGLMMRegressor("a_b + C(né) + (1 | g)", zero="a_b").fit(ODD, counts),
        "curve": PoissonGLMMRegressor("s(a_b, k=4) + (1 | g)").fit(ODD, counts),
        "ordinal": OrdinalGLMMClassifier("a_b + C(né)", scale="a_b").fit(ODD, classes),
        "unordered": MultinomialGLMMClassifier("a_b").fit(ODD, classes),
    }


@pytest.fixture(scope="module")
def petrol():
    plain = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, Y)
    mixed = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, Y)
    return plain, mixed


@pytest.fixture(scope="module")
def records(odd, petrol):
    """One of each kind."""
    plain, mixed = petrol
    linear = odd["linear"]
    return [
        *(model.summary() for model in odd.values()),
        linear.anova(),
        linear.wald_test("a_b = 0, C(né)[T.z] = 1"),
        likelihood_ratio_test(plain, mixed),
        mixed.diagnose(X, Y),
        mixed.r2(X, Y),
        mixed.bootstrap(X, Y, n_replicates=2, random_state=0),
        check_residuals(mixed, X, Y, random_state=0),
        drop1(mixed, X, Y),
        model_table(list(odd.values())),
        frame_table(linear.confint(), title="a_b & c"),
        frame_table(compare(plain, mixed)),
    ]


def balanced(latex):
    """Whether groups, mathematics and environments are closed, and letters of TeX are escaped."""
    bare = re.sub(r"\\[\\{}$&%#_]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[%#]", bare)
    text = re.sub(r"\$[^$]*\$|\\(?:begin|end|label)\{[^{}]*\}", "", bare)
    assert not re.search(r"[\^_~<>|\"]", text), text
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{([^{}]*)\}", latex):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    return True


def rows_of(latex):
    """Numbers of cells of the rows of each tabular; heads of several columns count as these."""
    for spec, body in re.findall(
        r"\\begin\{tabular\}\{((?:[^{}]|\{[^{}]*\})*)\}(.*?)\\end\{tabular\}", latex, re.DOTALL
    ):
        width = len(re.sub(r"p\{[^{}]*\}", "l", spec))
        for line in body.splitlines():
            if line.endswith(r" \\"):
                spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
                cells = len(re.findall(r"(?<!\\)&", line)) + 1 + sum(n - 1 for n in spans)
                yield width, cells


def test_latex_is_well_formed(records):
    for record in records:
        for latex in (record.to_latex(), record.to_latex(booktabs=False, floating=False)):
            assert balanced(latex)
            assert all(width == cells for width, cells in rows_of(latex))


class Reader(HTMLParser):
    """Reads the cells of tables, and whether all elements are closed."""

    def __init__(self):
        super().__init__()
        self.opened, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.opened.append(tag)
        if tag == "tr":
            self.rows.append(0)
        if tag in {"td", "th"}:
            self.rows[-1] += int(dict(attrs).get("colspan", 1))

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def test_html_is_well_formed(records):
    for record in records:
        for html in (record.to_html(), record._repr_html_()):
            reader = Reader()
            reader.feed(html)
            assert not reader.opened


def test_tables_of_markdown_have_rows_of_one_length(records):
    for record in records:
        markdown = record.to_markdown()
        for block in markdown.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("|")]
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1


def test_text_is_escaped_for_each_format():
    table = frame_table(pd.DataFrame({"n": [1]}, index=["a_b|c <5 %> [x]*"]), title="R² & #1")
    assert r"a\_b\textbar{}c \textless{}5 \%\textgreater{} {[}x{]}{*} & 1" in table.to_latex()
    assert r"\caption{R$^2$ \& \#1}" in table.to_latex()
    assert "a_b|c &lt;5 %&gt; [x]*" in table.to_html()
    assert r"| a\_b\|c \<5 %\> \[x\]\* | 1 |" in table.to_markdown()


def test_accents_stay_letters_and_signs_become_mathematics():
    assert latex_text("e\u0301 χ² ≤ 3") == r"é $\chi$$^2$ $\le$ 3"


def test_numbers_are_aligned_at_their_points():
    cells = ["1.25", "-0.5", "3", "-", "1.2e-05", "inf", "(0.1)", "", "2.5**"]
    assert LATEX.numbers(cells[:5]) == [
        "1.25",
        r"$-0.5$\phantom{0}",
        r"3\phantom{.00}",
        "\u2013",
        r"$1.2\times10^{-5}$",
    ]
    assert LATEX.numbers(["inf", "[-inf, 2.0]"]) == [r"$\infty$", r"{[}$-\infty$, 2.0{]}"]
    assert LATEX.numbers(["(0.1)", "(0.25)"])[0] == r"(0.1)\phantom{0}"
    assert LATEX.numbers(["2.5**", "1.0"])[1] == r"1.0\phantom{$^{{*}{*}}$}"
    assert HTML.numbers(["-0.5", "1.25"]) == ["\u22120.5\u2007", "1.25"]
    assert HTML.numbers(["1.2e-05"]) == ["1.2\u00d710<sup>\u22125</sup>"]
    assert MARKDOWN.numbers(["-0.5", "2.5*"]) == ["-0.5", r"2.5\*"]


def test_captions_labels_and_lines_are_options(petrol):
    record = petrol[1].anova()
    latex = record.to_latex(caption=r"Yields, $F$", label="tab:yield")
    assert r"\caption{Yields, $F$}\label{tab:yield}" in latex
    assert latex.startswith("\\begin{table}[htbp]\n\\centering\n")
    assert "toprule" not in record.to_latex(booktabs=False)
    assert record.to_latex(floating=False).startswith("\\begin{tabular}{lrrr}\n\\toprule")
    assert 'id="tab:yield"' in record.to_html(label="tab:yield")
    assert record.to_markdown(caption="").startswith("|")
    assert r"\caption" not in record.to_latex(caption="")
    with pytest.raises(ValueError, match="belong to a floating table"):
        record.to_latex(label="tab:yield", floating=False)


def test_symbols_stand_above_numbers(petrol):
    latex = petrol[1].anova().to_latex()
    assert r" & $\chi^2$ & df & $p$ \\" in latex
    assert r"EP & 481.20 & 1 & $1.2\times10^{-106}$ \\" in latex


def test_headings_indent_what_is_below():
    rows = (("A", ""), ("x", "1"), ("n", "2"))
    table = Table("", ("", "v"), rows, 1, headings=(0,), rules=(2,), spans=(("model", 1),))
    assert str(table).splitlines() == [
        "       model",
        "           v",
        "  A",
        "    x      1",
        "",
        "  n        2",
    ]


def test_models_stand_side_by_side(petrol):
    table = model_table(petrol, names=["plain", "mixed"])
    frame = table.to_frame()
    tidy = petrol[1].tidy("fixed").set_index("term")
    numbers = frame.loc[("Mean, logit scale", "EP"), "mixed"]
    columns = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    assert_allclose(numbers, tidy.loc["EP", columns].astype(float))
    limits = petrol[1].confint()
    for name in ("precision", "sd(Intercept | batch)"):
        row = frame.xs(name, level="name")["mixed"][["estimate", "conf_low", "conf_high"]]
        assert_allclose(row.to_numpy()[0], limits.loc[name])
    assert np.isnan(frame.loc[("Random effects", "sd(Intercept | batch)"), ("plain", "estimate")])
    text = re.sub(" +", " ", str(table))
    assert "EP 0.00731 [0.00475, 0.00986]" in text
    assert "Groups: batch 10" in text
    assert f"{petrol[1].aic_:.2f}" in text


def test_families_share_rows_of_the_location(odd):
    table = model_table([odd["ordinal"], odd["counts"]], exponentiate=True, random=False)
    frame = table.to_frame()
    first = frame.index.get_level_values("name")[0]
    assert first == "Intercept"  # though thresholds take its place in the first model
    ratio = frame.xs("a_b", level="name")["model 2"]["estimate"].iloc[0]
    assert_allclose(ratio, np.exp(odd["counts"].coef_[0]))
    assert "Links: model 1 logit, model 2 log" in table.notes
    assert "0|1" in frame.index.get_level_values("name")
    assert "Random effects" not in str(table)


def test_what_is_no_ratio_is_told(odd):
    table = model_table([odd["linear"], odd["counts"]], exponentiate=True)
    assert "No ratios, by their links: effects of model 1" in table.notes
    assert any("REML" in note for note in table.notes)


def test_rows_are_chosen_ordered_and_renamed(odd):
    table = model_table(
        odd["linear"],
        columns="both",
        rows=["sd(Intercept | g)", "a_b"],
        labels={"a_b": "Dose", "aic": "Akaike", "Random effects": "Spread"},
        statistics=["family", "aic", "n_obs"],
    )
    lines = [line.strip().split("  ")[0] for line in str(table).splitlines() if line.strip()]
    assert lines[2:9] == [
        "Spread", "sd(Intercept | g)", "Mean, identity scale", "Dose", "Family", "Akaike", "Rows",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="rows has 'b', which no model has; there are 'Intercept'"):
        model_table(odd["linear"], rows=["b"])
    with pytest.raises(ValueError, match="labels has 'b'"):
        model_table(odd["linear"], labels={"b": "c"})
    with pytest.raises(ValueError, match="did you mean 'aic'"):
        model_table(odd["linear"], statistics=["aics"])


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("intervals", "-5.18  [-5.65, -4.71]"),
        ("std_errors", "-5.18   (0.24)"),
        ("both", "-5.18   (0.24)  [-5.65, -4.71]"),
        ("p_values", "-5.18   (0.24)  <0.001"),
        ("stars", "-5.18***   (0.24)"),
    ],
)
def test_columns_are_chosen(petrol, columns, cells):
    spaced = re.sub(" +", " ", cells)
    assert spaced in re.sub(" +", " ", str(model_table(petrol[1:], columns=columns)))


def test_explained_variance_needs_rows(petrol):
    wanted = ["r2_marginal", "r2_conditional", "icc"]
    with pytest.raises(ValueError, match="needs the rows of fit"):
        model_table(petrol, statistics=wanted)
    outer = make_pipeline(FunctionTransformer(), petrol[1])
    table = model_table([outer], statistics=wanted, X=X, y=Y)
    shares = petrol[1].r2(X, Y).latent
    assert f"{shares.marginal:.3f}" in str(table)
    assert f"{shares.icc:.3f}" in str(table)


def test_curves_and_thresholds_have_sections(odd):
    table = model_table([odd["curve"], odd["ordinal"]])
    sections = list(table.to_frame().index.get_level_values("section").unique())
    assert sections == [
        "Location",
        "Scale, log scale",
        "Thresholds",
        "Smooth terms, edf",
        "Random effects",
    ]
    assert "s(a_b)" in table.to_frame().index.get_level_values("name")


def test_tables_without_names_are_written_in_latex():
    table = frame_table(pd.DataFrame({"estimate": [1.25, -2.5], "df": [np.inf, 3.0]}))
    rows = [line for line in table.to_latex().splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert r"$\infty$" in rows[1]


def test_frames_are_tables(petrol):
    limits = petrol[1].confint()
    table = frame_table(limits, digits=3)
    assert_array_equal(table.to_frame(), limits)
    assert "sd(Intercept | batch)     0.515     0.327      0.812" in str(table)
    with pytest.raises(TypeError, match="expected a DataFrame"):
        frame_table([1, 2])


@pytest.mark.parametrize("shown", [False, True])
def test_equations_are_well_formed(odd, shown):
    for model in odd.values():
        latex = model.equation(estimates=shown).to_latex()
        plain = re.sub(r"\\text\{(?:[^{}]|\{[^{}]*\})*\}", "", latex)
        assert plain.count("{") == plain.count("}")
        assert latex.count(r"\begin") == latex.count(r"\end")
        assert not re.search(r"(?<!\\)[%#$]", latex)
        assert all(line.count("&") - line.count(r"\&") >= 1 for line in model.equation().lines)


def test_an_equation_says_what_the_model_is(odd):
    lines = odd["linear"].equation().lines
    assert lines[0] == (
        r"y_i \mid b &\sim \text{Gaussian}(\text{mean} = \mu_{i}, \, \text{scale} = \sigma)"
    )
    assert lines[1] == r"\operatorname{Var}(y_i \mid b) &= \sigma^{2}"
    assert r"\beta_{2} \, [\text{né}_i = \text{p\textbar{}q {[}x{]}}]" in lines[2]
    assert r"\text{x{[}1{]}}_i" in lines[3]  # a column, no level of a category
    assert lines[5].startswith(r"(b_{0j}, b_{1j})^\top &\sim N(0, \, \begin{pmatrix}")
    counts = odd["counts"].equation(estimates=True).lines
    assert r"\operatorname{logit}(\pi_{i}) &=" in counts[3]
    assert f"{odd['counts'].random_effects()['group'].iloc[0]}[i]" in "".join(counts).replace(
        r"\text{g}", "g"
    )
    assert odd["ordinal"].equation().lines[0] == (
        r"\operatorname{logit}(\Pr(y_i \le k)) &= (\theta_k - \eta_{i}) / \sigma_{i}"
    )
    assert r"\log(\pi_{i,\text{2}} / \pi_{i,\text{0}})" in "".join(
        odd["unordered"].equation().lines
    )
    assert r"f_{1}(\text{a\_b}_i)" in odd["curve"].equation().lines[2]


def test_numbers_of_equations_are_the_estimates(petrol):
    lines = petrol[1].equation(estimates=True, digits=3).lines
    assert lines[0] == "y_i^* &= y_i / 100"
    assert "-5.18 + 0.0108" in lines[3]
    assert lines[-2:] == (r"\phi &= 302", r"\sigma_{b_0} &= 0.515")


def test_equations_have_formats_of_their_own(petrol):
    equation = petrol[0].equation()
    assert equation.to_latex("equation", label="eq:m").startswith(
        "\\begin{equation}\n\\label{eq:m}\n\\begin{aligned}"
    )
    assert equation.to_markdown().startswith("$$\n\\begin{aligned}")
    assert equation._repr_latex_().endswith("$$")
    assert "&amp;" in equation.to_html()


def test_columns_are_variables_and_levels_indicators():
    assert column("x:C(f)[T.a:b]") == r"\text{x}_i \, [\text{f}_i = \text{a:b}]"
    assert column("f[b]") == r"[\text{f}_i = \text{b}]"
    assert column("poly(x, 2)[1]") == r"\text{poly(x, 2){[}1{]}}_i"
    assert column("f[b]", {"f[b]"}) == r"\text{f{[}b{]}}_i"
    assert number(1.234e-7, 3) == r"1.23 \times 10^{-7}"
    assert number(302.15, 3) == "302"


def test_every_link_has_a_formula():
    assert all("operatorname" not in linked(name, "m") for name in LINKS if name != "logit")


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.variance_formula], ids=name_of)
def test_formulas_of_variances_are_the_variances(family):
    eta = moderate(family)
    pairs = zip(family.predictors, family.links, eta, strict=True)
    values = {key: link.inverse(np.asarray(e)).value for key, link, e in pairs}
    known = {key: getattr(family, key) for key in ("df", "power") if hasattr(family, key)}
    found = eval(family.variance_formula, {**known, **values})
    variance = family.variance(eta)
    assert_allclose(np.broadcast_to(found, len(variance)), variance, rtol=1e-12)
    assert expression(family.variance_formula, str)
