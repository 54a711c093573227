"""Small and degenerate designs, and what has to hold of every fit to them."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.inspection import check_residuals

MASSES = {
    BetaGLMMRegressor: (),
    ZeroInflatedBetaGLMMRegressor: (0.0,),
    OneInflatedBetaGLMMRegressor: (1.0,),
    OrderedBetaGLMMRegressor: (0.0, 1.0),
    ZeroOneInflatedBetaGLMMRegressor: (0.0, 1.0),
    ExtendedBetaGLMMRegressor: (0.0, 1.0),
}
PARTS = {
    ZeroInflatedBetaGLMMRegressor: ("zero",),
    OneInflatedBetaGLMMRegressor: ("one",),
    ZeroOneInflatedBetaGLMMRegressor: ("zero", "one"),
}
FORMULAS = ("x", "c", "x + (1 | g)", "x + c + (1 | g)", "x + (x | g)", "c + (0 + x | g)")
PRECISIONS = ("1", "1", "x", "c")
OTHERS = (*PRECISIONS, "1 + (1 | g)")  # formulas of the probabilities of bounds
SHAPES = ("beta", "beta", "slopes", "constant", "constant category", "separated", "two values")
WEIGHTS = ("none", "none", "spread", "counts", "heavy")
SIZES = ((4, 12), (5, 22), (20, 60), (60, 160))
SAME = 1e-6  # log-likelihood units, where weights are 1 on average
ROUNDED = 2e-6  # of a row at the ceiling of a precision, e^20: a difference of numbers near 1e10
LEVELS = (0.02, 0.2, 0.5, 0.95)

Choose = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Case:
    """An estimator with its rows, and a seed for what is done to them."""

    estimator: type
    formulas: dict[str, str]
    X: pd.DataFrame = field(repr=False)
    y: np.ndarray = field(repr=False)
    weights: np.ndarray | None = field(repr=False)
    seed: int

    def changed(self, **changes: Any) -> "Case":
        return replace(self, **changes)

    def take(self, rows: np.ndarray) -> "Case":
        weights = None if self.weights is None else self.weights[rows]
        return self.changed(X=self.X.iloc[rows], y=self.y[rows], weights=weights)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Outcome:
    """A fitted model, or None where it was refused, with what was said."""

    model: Any
    told: tuple[str, ...]

    @property
    def converged(self) -> bool:
        return self.model is not None and bool(self.model.converged_)


def draw_case(choose: Choose, seed: int) -> Case:
    """Return a case from choices, and random numbers from a seed."""
    estimator, rng = choose(list(MASSES)), np.random.default_rng(seed)
    low, high = choose(SIZES[:2] if estimator is ExtendedBetaGLMMRegressor else SIZES)
    n = int(rng.integers(low, high + 1))
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n) + choose((0.0, 0.0, 50.0)),
            "c": rng.choice(list("ab"), n),
            "g": rng.choice(list("pqrs"), n),
        }
    )
    formulas = {"formula": choose(FORMULAS), "precision": choose(PRECISIONS)}
    formulas |= {part: choose(OTHERS) for part in PARTS.get(estimator, ())}
    y = _responses(choose(SHAPES), X, rng)
    for mass in MASSES[estimator]:
        y[rng.uniform(size=n) < choose((0.0, 0.2, 0.6))] = mass
    return Case(estimator, formulas, X, y, _weights(choose(WEIGHTS), n, rng), seed)


def random_case(seed: int) -> Case:
    """Return the case of a seed."""
    rng = np.random.default_rng([seed, 7])
    return draw_case(lambda options: options[rng.integers(len(options))], seed)


def _responses(shape: str, X: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    n, is_a = len(X), (X["c"] == "a").to_numpy()
    if shape == "constant":
        return np.full(n, 0.3)
    if shape == "two values":
        return rng.choice([0.2, 0.7], n)
    if shape == "separated":
        return np.where(is_a, 1e-3, 0.9) * rng.uniform(0.99, 1.0, n)
    if shape == "constant category":
        return np.where(is_a, 0.4, rng.beta(1.5, 1.5, n))
    if shape == "slopes":
        slope = X["g"].map(dict(zip("pqrs", 3.0 * rng.normal(size=4), strict=True)))
        mean = 1.0 / (1.0 + np.exp(-slope * (X["x"] - X["x"].mean())))
        mean = np.clip(mean.to_numpy(dtype=float), 0.01, 0.99)
        return np.clip(rng.beta(5.0 * mean, 5.0 * (1.0 - mean)), 1e-6, 1.0 - 1e-6)
    return rng.beta(1.5, 1.5, n)


def _weights(kind: str, n: int, rng: np.random.Generator) -> np.ndarray | None:
    if kind == "spread":
        return np.asarray(10.0 ** rng.uniform(-2, 4, n))
    if kind == "counts":
        return rng.integers(0, 4, n).astype(float) + (np.arange(n) == 0)
    return np.full(n, 1e4) if kind == "heavy" else None


def fitted(case: Case) -> Outcome:
    """Fit; refusals are ValueErrors, anything else is an error."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            model = case.estimator(**case.formulas).fit(case.X, case.y, case.weights)
        except ValueError as refusal:
            return Outcome(None, (str(refusal),))
    return Outcome(model, tuple(str(each.message) for each in told))


def heard(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, tuple[str, ...]]:
    """Return an answer with what was said of it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answer = call(*args, **kwargs)
    return answer, tuple(str(each.message) for each in told)


def quietly(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return heard(call, *args, **kwargs)[0]


def agree(one: Outcome, two: Outcome, case: Case) -> None:
    """Two fits to what is the same are both refused, both given up, or have one likelihood."""
    assert (one.model is None) == (two.model is None), (one.told, two.told)
    if one.model is None:
        return
    difference = one.model.log_likelihood_ - two.model.log_likelihood_
    said = (difference, one.model.fit_.message, two.model.fit_.message)
    assert one.converged == two.converged, said
    if one.converged:
        n = len(case.y)
        mass = n if case.weights is None else max(1.0, float(case.weights.sum()))
        close = ROUNDED * mass if one.model.fit_.capped else SAME * max(1.0, mass / n)
        assert abs(difference) <= close, said


def new_rows(case: Case) -> pd.DataFrame:
    """Rows of known groups, of new ones, and beyond the range of the covariate."""
    some = case.X.head(4)
    spread = float(np.ptp(case.X["x"]))
    return pd.concat([some, some.assign(g="new"), some.assign(x=some["x"] + spread, g="far")])


def numbers_are_finite_or_told(case: Case, one: Outcome) -> None:
    model, rows = one.model, new_rows(case)
    assert one.converged or any("did not converge" in each for each in one.told)
    assert np.isfinite(model.log_likelihood_)
    assert all(np.isfinite(beta).all() for beta in model.fit_.beta)
    assert np.isfinite(model.tidy()["std_error"].dropna()).all()
    notes = " ".join((*one.told, str(model.summary())))
    words = ("not determine", "converge", "separated", "bound", "infinit", "singular", "ceiling")
    explained = any(word in notes for word in words)
    assert not model.tidy()["std_error"].isna().any() or explained
    for kind in ("conditional", "marginal", "fixed"):
        for call in (model.predict, model.predict_interval, model.predict_boundary_frame):
            found, told = heard(call, rows, kind=kind)
            values = np.asarray(found, dtype=float)
            assert not np.isinf(values).any(), (call.__name__, kind)
            assert not np.isnan(values).any() or told or explained, (call.__name__, kind)
            assert told or call != model.predict or not np.isnan(values).any(), kind
    frame, told = heard(model.predict_frame, rows)
    assert np.isfinite(frame).all(axis=None) or told or explained


def order_does_not_matter(case: Case, one: Outcome) -> None:
    agree(one, fitted(case.take(case.rng().permutation(len(case.y)))), case)


def labels_do_not_matter(case: Case, one: Outcome) -> None:
    """New names for columns, and for levels whose order stays or, of groups, turns round."""
    names = {"x": "the x", "c": "class", "g": "yield"}
    spelled = {}
    for key, text in case.formulas.items():
        spelled[key] = "".join(f"`{names[each]}`" if each in names else each for each in text)
    turned = dict(zip("pqrs", "zyxw", strict=True))
    X = case.X.assign(g=case.X["g"].map(turned), c=case.X["c"].map({"a": "k 1", "b": "k 2"}))
    agree(one, fitted(case.changed(formulas=spelled, X=X.rename(columns=names))), case)


def units_do_not_matter(case: Case, one: Outcome) -> None:
    for unit in (1e-6, 1e3, 1e6):
        agree(one, fitted(case.changed(X=case.X.assign(x=unit * case.X["x"]))), case)


def a_weight_of_two_is_a_row_twice(case: Case, _: Outcome) -> None:
    weights = np.ones(len(case.y)) if case.weights is None else case.weights
    twice = case.take(np.tile(np.arange(len(case.y)), 2))
    agree(fitted(case.changed(weights=2.0 * weights)), fitted(twice), twice)


def holds(point: Any, lower: Any, upper: Any) -> bool:
    """Whether limits hold their point, but for rounding; NaN limits come in pairs."""
    point, lower, upper = (np.asarray(each, dtype=float) for each in (point, lower, upper))
    known = ~np.isnan(lower) & ~np.isnan(upper)
    slack = 1e-12 + 1e-9 * np.abs(point)
    inside = (point >= lower - slack) & (point <= upper + slack)
    return bool((inside | ~known).all() and (np.isnan(point) <= ~known).all())


def points_lie_in_their_intervals(case: Case, one: Outcome) -> None:
    model, rows = one.model, new_rows(case)
    for kind in ("conditional", "marginal", "fixed"):
        mean = quietly(model.predict, rows, kind=kind)
        for level in LEVELS:
            limits = quietly(model.predict_interval, rows, level=level, kind=kind)
            assert holds(mean, *limits.T), (kind, level)
            found = quietly(model.predict_boundary_frame, rows, level, kind)
            for part in ("lower", "interior", "upper"):
                limits = found[f"{part}_ci_lower"], found[f"{part}_ci_upper"]
                assert holds(found[part], *limits), (kind, level, part)
    for level in LEVELS:
        found = quietly(model.confint, level=level)
        assert holds(found["estimate"], found["conf_low"], found["conf_high"]), level


def a_part_of_predictions_is_that_of_all(case: Case, one: Outcome) -> None:
    rows = new_rows(case).reset_index(drop=True)
    some = case.rng().permutation(len(rows))[: len(rows) // 2]
    whole = quietly(one.model.predict_frame, rows)
    assert_allclose(whole["mean"], quietly(one.model.predict, rows), rtol=1e-9, atol=1e-12)
    part = quietly(one.model.predict_frame, rows.iloc[some])
    assert_allclose(part, whole.iloc[some], rtol=1e-6, atol=1e-7)
    for kind in ("conditional", "marginal", "fixed"):
        for call, exact in ((one.model.predict, 1e-8), (one.model.predict_interval, 1e-6)):
            whole, part = (quietly(call, each, kind=kind) for each in (rows, rows.iloc[some]))
            assert_allclose(part, whole[some], rtol=exact, atol=1e-10)


def draws_lie_in_the_support(case: Case, one: Outcome) -> None:
    rows = pd.concat([case.X, new_rows(case)])
    for effects in ("conditional", "new"):
        draws, told = heard(
            one.model.sample_y, rows, n_samples=3, random_state=0, random_effects=effects
        )
        masses = np.isin(draws, MASSES[case.estimator])
        assert (((draws > 0) & (draws < 1)) | masses | np.isnan(draws)).all()
        assert not np.isnan(draws).any() or told
        absent = set(MASSES[case.estimator]) & {0.0, 1.0} - set(np.unique(case.y))
        if case.estimator in PARTS:
            assert not np.isin(draws, list(absent)).any(), absent


def rows_are_known_again(case: Case, one: Outcome) -> None:
    """Whether or not the fit converged, its rows are those of fit; others are not."""
    for call in (one.model.diagnose, one.model.r2, partial(check_residuals, one.model)):
        quietly(call, case.X, case.y, sample_weight=case.weights)
    other = np.where(case.y == case.y[0], 0.5 * case.y + 0.21, case.y)
    try:
        quietly(one.model.diagnose, case.X, other, case.weights)
    except ValueError:
        return
    msg = "another response passed for that of fit"
    raise AssertionError(msg)


def shares_are_shares(case: Case, one: Outcome) -> None:
    found = quietly(one.model.r2, case.X, case.y, case.weights).to_frame()
    shares, parts = found[["marginal", "conditional", "icc"]], found.filter(like="var_")
    assert ((shares >= 0.0) & (shares <= 1.0) | shares.isna()).all(axis=None), found
    assert (parts >= 0.0).all(axis=None), found
    infinite = np.isinf(parts).any(axis=1) | (parts.sum(axis=1) == 0.0)
    lonely = parts[["var_random", "var_residual"]].sum(axis=1) == 0.0
    told = infinite | lonely
    assert (shares.notna().all(axis=1) | told).all(), found


PROPERTIES = (
    numbers_are_finite_or_told,
    order_does_not_matter,
    labels_do_not_matter,
    units_do_not_matter,
    a_weight_of_two_is_a_row_twice,
    points_lie_in_their_intervals,
    a_part_of_predictions_is_that_of_all,
    draws_lie_in_the_support,
    rows_are_known_again,
    shares_are_shares,
)
