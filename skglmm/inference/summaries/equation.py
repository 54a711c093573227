r"""A model as the formulas that papers write down.

.. math::

   y_i \mid b \sim \text{Beta}(\text{mean} = \mu_i, \text{precision} = \phi), \quad
   \operatorname{logit}(\mu_i) = \beta_0 + \beta_1 x_i + b_{0, g[i]}, \quad
   b_0 \sim N(0, \sigma_0^2)
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from skglmm.arrays import Bools
from skglmm.design import Factor, SmoothCurve
from skglmm.families import Role
from skglmm.fitting import Fit
from skglmm.inference.parameters.natural import (
    constant,
    derived,
    is_constant,
    variances,
)
from skglmm.inference.report.symbols import (
    column,
    expression,
    linked,
    number,
    subscripted,
    symbol,
    words,
)

__all__ = ["Equation", "equation"]

GREEK = (r"\beta", r"\gamma", r"\delta", r"\zeta", r"\xi")  # coefficients of predictors
LATIN = "bcdefghjklmopqrs"  # effects of grouping factors
MOST_EFFECTS = 4  # of which the covariance is written out
PER_LINE = 4  # terms
_INTERCEPT = "Intercept"


@dataclass(frozen=True, repr=False)
class Equation:
    r"""A model as LaTeX; notebooks show it as formulas.

    Parameters
    ----------
    lines : tuple of str
        With an ``&`` each, where they are aligned; they need the package amsmath.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> print(model.equation().lines[3])
    \operatorname{logit}(\mu_{i}) &= \beta_{0} + \beta_{1} \, \text{EP}_i + b_{0,\text{batch}[i]}
    """

    lines: tuple[str, ...]

    def __str__(self) -> str:
        return self.to_latex()

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"$$\n{self._aligned()}\n$$"

    def _aligned(self) -> str:
        return "\\begin{aligned}\n" + " \\\\\n".join(self.lines) + "\n\\end{aligned}"

    def to_latex(self, environment: str = "align*", label: str | None = None) -> str:
        r"""Return the formulas for a document that loads amsmath.

        Parameters
        ----------
        environment : str, default="align*"
            Of lines with ``&``; "equation" numbers all of them together.
        label : str, default=None
            What ``\eqref`` refers to, of "equation" and "align".

        Returns
        -------
        str
        """
        named = f"\\label{{{label}}}\n" if label else ""
        whole = environment.startswith("equation")
        inside = self._aligned() if whole else " \\\\\n".join(self.lines)
        return f"\\begin{{{environment}}}\n{named}{inside}\n\\end{{{environment}}}\n"

    def to_markdown(self) -> str:
        """Return the formulas between dollar signs, as Markdown with mathematics reads them.

        Returns
        -------
        str
        """
        return f"{self._repr_latex_()}\n"

    def to_html(self) -> str:
        """Return the formulas as MathJax and KaTeX read them in a page that loads one of them.

        Returns
        -------
        str
        """
        return f"<div>\\[{escape(self._aligned())}\\]</div>\n"


def equation(
    fit: Fit,
    plain: Collection[str] = (),
    *,
    estimates: bool = False,
    digits: int = 3,
    bounds: tuple[float, float] | None = None,
) -> Equation:
    """Return the model of a fit as formulas.

    Parameters
    ----------
    fit : Fit
    plain : collection of str
        Columns that are no levels of a category, whatever their names look like.
    estimates : bool
        Whether coefficients are numbers.
    digits : int
        Significant ones.
    bounds : tuple of float or None
        Between which responses are that have the distribution once these are 0 and 1.
    """
    writer = _Writer(fit, plain, estimates, digits, bounds)
    return Equation(tuple(writer.lines()))


@dataclass(frozen=True)
class _Writer:
    """What lines of a fit are written with."""

    fit: Fit
    plain: Collection[str]
    estimates: bool
    digits: int
    bounds: tuple[float, float] | None

    def lines(self) -> Iterator[str]:
        """Yield the lines: distribution, predictors, random effects, numbers, priors."""
        yield from self._distribution()
        for k in self.fit.family.estimated:
            if not is_constant(self.fit, k) and k not in self.fit.layout.numbers:
                yield from self._predictor(k)
        for letter, factor in self._lettered():
            yield from self._effects(factor, letter)
        yield from self._curves()
        if self.estimates:
            yield from self._numbers()
        for name, density in self.fit.priors.entries:
            yield rf"{words(name)} &\sim {words('weak' if density is None else str(density))}"

    def _lettered(self) -> Iterator[tuple[str, Factor]]:
        """Yield the grouping factors with the letters of their effects."""
        for f, factor in enumerate(self.fit.layout.grouping_factors):
            yield LATIN[f % len(LATIN)], factor

    def _distribution(self) -> Iterator[str]:
        family = self.fit.family
        if self.bounds:
            low, width = self.bounds[0], self.bounds[1] - self.bounds[0]
            above = f"(y_i {'-' if low > 0 else '+'} {abs(low):g})" if low else "y_i"
            yield f"{self._y} &= {above} / {width:g}"
        if family.is_unordered:
            classes = [self._reference(), *(self._of_row(k) for k in family.locations)]
            yield rf"{self._response} &\sim {words('Categorical')}({_listed(classes)})"
        elif self.fit.layout.numbers:
            yield self._cut()
        else:
            pairs = [
                f"{words(name.replace('_', ' '))} = {self._of_row(k)}"
                for k, name in enumerate(family.predictors)
            ]
            title = words(re.sub("(?<=[a-z])(?=[A-Z])", " ", family.title.partition(" (")[0]))
            yield rf"{self._response} &\sim {title}({_listed(pairs)})"
        if family.variance_formula:
            variance = expression(family.variance_formula, self._parameter)
            yield rf"\operatorname{{Var}}({self._response}) &= {variance}"

    @property
    def _response(self) -> str:
        given = [letter for letter, _ in self._lettered()]
        return rf"{self._y} \mid {', '.join(given)}" if given else self._y

    @property
    def _y(self) -> str:
        return "y_i^*" if self.bounds else "y_i"

    def _cut(self) -> str:
        """Probabilities of ordered classes, by thresholds and perhaps a scale."""
        family, numbers = self.fit.family, self.fit.layout.numbers
        given = self._response.replace("y_i", r"y_i \le k")
        place = linked(family.links[family.location].name, rf"\Pr({given})")
        level = rf"\theta_k - {self._of_row(family.location)}"
        scales = [k for k in family.estimated if k != family.location and k not in numbers]
        return f"{place} &= " + (f"({level}) / {self._of_row(scales[0])}" if scales else level)

    def _parameter(self, name: str) -> str:
        """A parameter of a row by its name; a number that a family knows."""
        names = self.fit.family.predictors
        if name in names:
            return self._of_row(names.index(name))
        return f"{getattr(self.fit.family, name):g}"

    def _of_row(self, k: int) -> str:
        family, parameter = self.fit.family, self.fit.family.parameters[k]
        if family.is_unordered:
            return subscripted(r"\pi", "i", words(parameter.name))
        constant = is_constant(self.fit, k) and parameter.role is not Role.SIZE
        return symbol(parameter.name) if constant else subscripted(symbol(parameter.name), "i")

    def _reference(self) -> str:
        """The probability of the class that others are compared with."""
        names = {parameter.name for parameter in self.fit.family.parameters}
        first = next(part for part in self.fit.family.parts if part not in names)
        return subscripted(r"\pi", "i", words(first))

    def _predictor(self, k: int) -> Iterator[str]:
        """The linear predictor of a parameter, in lines of a few terms."""
        family, name = self.fit.family, self.fit.layout.predictors[k]
        left = linked(family.links[k].name, self._of_row(k))
        if family.is_unordered:
            left = rf"\log({self._of_row(k)} / {self._reference()})"
        elif k == family.location and self.fit.layout.numbers:
            left = self._of_row(k)
        terms = [*self._fixed(k, name), *self._random(k)]
        rows = [terms[i : i + PER_LINE] for i in range(0, len(terms), PER_LINE)] or [["0"]]
        for place, row in enumerate(rows):
            text = "".join(row)
            if place == 0:
                text = f"-{text[3:]}" if text.startswith(" - ") else text.removeprefix(" + ")
                yield f"{left} &= {text}"
            else:
                yield rf"&\quad{text}"

    def _fixed(self, k: int, name: str) -> Iterator[str]:
        fit, letter = self.fit, self._letter(k)
        trends = {j for curve in fit.layout.curves if curve.predictor == k for j in curve.trends}
        first = int(fit.layout.coefficients[k][:1] != (_INTERCEPT,))
        own = words(name) if fit.family.is_unordered else ""
        for j, label in enumerate(fit.layout.coefficients[k]):
            if j in trends or j in fit.aliased[k]:
                continue
            sign, size = self._signed(fit.beta[k][j], subscripted(letter, own, str(j + first)))
            x = "" if label == _INTERCEPT else rf" \, {column(label, self.plain)}"
            yield f" {sign} {size}{x}"
        for text in fit.layout.offsets[k] if fit.layout.offsets else ():
            yield f" + {column(text, {text})}"
        for place, curve in enumerate(fit.layout.curves):
            if curve.predictor == k:
                yield f" + {self._curve(curve, place)}"

    def _curve(self, curve: SmoothCurve, place: int) -> str:
        """A curve at the covariates of a row; of one level, or times a number, where it has by."""
        smooth, inside = curve.smooth, ", ".join(map(column, curve.smooth.covariates))
        value = f"{subscripted('f', str(place + 1))}({inside})"
        if not smooth.by:
            return value
        by = column(smooth.by, {smooth.by})
        level = words(str(smooth.levels[curve.place])) if smooth.levels else ""
        return rf"[{by} = {level}] \, {value}" if level else rf"{by} \, {value}"

    def _letter(self, k: int) -> str:
        """Greek letter of the coefficients of a predictor."""
        if k in self.fit.family.locations:
            return GREEK[0]
        others = [j for j in self.fit.family.estimated if j not in self.fit.family.locations]
        varied = [j for j in others if not is_constant(self.fit, j)]
        return GREEK[1 + varied.index(k) % (len(GREEK) - 1)]

    def _signed(self, value: float, letter: str) -> tuple[str, str]:
        if not self.estimates:
            return "+", letter
        if not np.isfinite(value):
            return "-" if value < 0 else "+", r"\infty"
        return "-" if value < 0 else "+", number(abs(value), self.digits)

    def _random(self, k: int) -> Iterator[str]:
        """Effects of groups that are added to a predictor."""
        for letter, factor in self._lettered():
            group = words(factor.name)
            if k not in factor.predictors:
                continue
            if factor.is_one_hot:
                level = f"{group}[i]" if factor.n_levels > 1 else ""
                yield f" + {subscripted(letter, f'{words(factor.joint_name)}[i]', level)}"
                continue
            parts: set[str] = set()
            for j, (own, name) in enumerate(zip(factor.predictors, factor.columns, strict=True)):
                part = _whole_curve(factor.parts[j]) if factor.parts else ""
                if own != k or part in parts - {""}:
                    continue
                parts.add(part)
                bare = self._bare(k, part or name)
                place = words(bare) if part else str(j)
                x = "" if bare == _INTERCEPT or part else rf" \, {column(bare, self.plain)}"
                yield f" + {subscripted(letter, place, f'{group}[i]')}{x}"

    def _bare(self, k: int, label: str) -> str:
        """The name of an effect without that of its predictor."""
        head = self.fit.layout.label(k, "\0").partition("\0")[0]
        return label.removeprefix(head).removesuffix(")") if head else label

    def _effects(self, factor: Factor, letter: str) -> Iterator[str]:
        """The distribution of the effects of a grouping factor."""
        count, q = factor.n_levels, factor.n_columns
        simple = self._is_simple(factor)
        if q == 1 and simple:
            vector, spread = f"{letter}_{{0j}}", f"{_spread(letter, 0)}^2"
        else:
            vector = rf"\mathbf{{{letter}}}" + ("_j" if count > 1 else "")
            spread = rf"\Sigma_{{{letter}}}"
            if simple and q <= MOST_EFFECTS:
                entries = [rf"{letter}_{{{j}j}}" for j in range(q)]
                vector = rf"({', '.join(entries)})^\top"
                spread = _matrix(letter, factor.covariance.pairs)
        where = rf"\quad j = 1, \ldots, {count} \text{{ of }} {words(factor.name)}"
        where = where if factor.name and count > 1 else ""
        title = "curves" if factor.parts else factor.covariance.title
        structure = "" if simple else rf" \quad {words(f'({title})')}"
        yield rf"{vector} &\sim N(0, \, {spread}){structure}{',' + where if where else ''}"

    def _is_simple(self, factor: Factor) -> bool:
        """Whether each effect has its own variance, and each pair its own correlation, or none."""
        if factor.is_one_hot or factor.parts:
            return False
        pairs = factor.covariance.pairs
        free = factor.n_columns + int(np.count_nonzero(np.tril(pairs, -1)))
        return factor.covariance.n_params == free

    def _letters_of_spreads(self) -> dict[str, str]:
        """Letters of standard deviations and correlations that a line above has, by their names."""
        found: dict[str, str] = {}
        for letter, factor in self._lettered():
            if not self._is_simple(factor):
                continue
            names = factor.effect_names
            for i in range(factor.n_columns):
                found[names.sd(i)] = _spread(letter, i)
                for j in range(i):
                    found[names.correlation(j, i)] = _correlation(letter, j, i)
        return found

    def _curves(self) -> Iterator[str]:
        for place, curve in enumerate(self.fit.layout.curves):
            name = subscripted("f", str(place + 1))
            yield rf"{name} &: {words(f'{curve.name}, a penalized curve')}"

    def _numbers(self) -> Iterator[str]:
        """Estimates of what no line has a number of."""
        fit = self.fit
        numbers, shown = fit.layout.numbers, fit.family.estimated
        found = [
            (symbol(fit.layout.predictors[k]), constant(fit, k).value)
            for k in shown
            if is_constant(fit, k) and k not in numbers
        ]
        cuts = {fit.layout.predictors[k]: constant(fit, k).value for k in numbers}
        extra = {each.name: each.value for each in derived(fit)}
        block = {name: value for name, value in (cuts | extra).items() if numbers}
        found += [(rf"\theta_{{{words(name)}}}", value) for name, value in block.items()]
        found += [
            (words(name.replace("_", " ")), value) for name, value in extra.items() if not numbers
        ]
        letters = self._letters_of_spreads()
        found += [(letters.get(p.name, words(p.name)), p.value) for p in variances(fit)]
        for name, value in found:
            text = number(value, self.digits) if np.isfinite(value) else words("not estimated")
            yield f"{name} &= {text}"


def _matrix(letter: str, pairs: Bools) -> str:
    """A covariance matrix in standard deviations and correlations."""
    q = len(pairs)

    def entry(i: int, j: int) -> str:
        if i == j:
            return f"{_spread(letter, i)}^2"
        low, high = sorted((i, j))
        product = f"{_spread(letter, low)} {_spread(letter, high)}"
        return f"{_correlation(letter, low, high)} {product}" if pairs[i, j] else "0"

    rows = " \\\\ ".join(" & ".join(entry(i, j) for j in range(q)) for i in range(q))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def _spread(letter: str, i: int) -> str:
    return rf"\sigma_{{{letter}_{i}}}"


def _correlation(letter: str, i: int, j: int) -> str:
    return rf"\rho_{{{letter}_{{{i}{j}}}}}"


def _whole_curve(part: str) -> str:
    """The name of a curve of which a part has a variance, ``s(x)[level]``."""
    return f"{part.partition(')[')[0].removesuffix(')')})" if part else ""


def _listed(parts: Sequence[str]) -> str:
    return r", \, ".join(parts)
