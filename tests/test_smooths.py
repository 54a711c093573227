"""Smooth terms of formulas: against mgcv and glmmTMB, dense algebra, and what is typed wrong."""

import pickle
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skglmm import (
    BetaGLMMRegressor,
    DesignError,
    FormulaError,
    LMMRegressor,
    PoissonGLMMRegressor,
    SingularFitWarning,
)
from skglmm.inference.parameters.curves import curve_estimate

INDEX = np.arange(1, 121)
X = np.round(10 * ((np.sin(1.7 * INDEX) + 1) / 2) ** 1.3, 2)
Z = np.cos(2.3 * INDEX) + 0.3 * np.sin(INDEX)
NOISE = np.sin(INDEX**2)
SHIFT = 0.6 * np.sin(5 * np.arange(10))[INDEX % 10]
ROWS = pd.DataFrame(
    {
        "x": X,
        "z": Z,
        "g": [f"g{each}" for each in INDEX % 10],
        "f": pd.Categorical(np.array(list("pqr"))[INDEX // 10 % 3]),
        "my x": X,
    }
)
Y = np.sin(X / 1.5) + 0.5 * Z**2 + 0.1 * (X - 5) * Z + 0.3 * NOISE
GROUPED = np.sin(X / 1.5) + SHIFT + 0.3 * NOISE
COUNT = np.round(np.exp(0.8 * np.sin(X / 1.5) + SHIFT + 0.8 * NOISE + 0.8))
PROPORTION = 1 / (1 + np.exp(-np.sin(X / 1.5) - SHIFT - (0.3 + 0.5 * np.exp(-(Z**2))) * NOISE))
NEW = pd.DataFrame(
    {
        "x": [0.0, 2, 5, 8, 10],
        "z": [-0.9, 0.5, 0, 1, 0.2],
        "f": list("pqrpq"),
        "g": ["g0", "g1", "new", "g0", "g9"],
    }
)

# gam(formula, method=) of mgcv 1.8-41: the criterion with ML, and for REML the effective degrees
# of freedom, the curves at NEW (with `by` a category: at the rows of their level), and their
# standard errors.
MGCV = {
    "s(x)": (
        -66.6620934995,
        [6.394213495],
        [-0.2695489066, 0.8219088777, -0.3275470854, -0.7152649924, 0.4273444812],
        [0.08452415358, 0.09319090409, 0.10448293357, 0.09722892067, 0.10850043907],
    ),
    "s(x, bs='cr', k=8)": (
        -63.3718125888,
        [5.675278984],
        [-0.2718969033, 0.8248753563, -0.3403529864, -0.7287075271, 0.4228274394],
        [0.08713418178, 0.08432032169, 0.09259034554, 0.08520458230, 0.10967109420],
    ),
    "s(x, bs='cc', k=8)": (
        -73.1061367367,
        [4.903987636],
        [0.04757562572, 0.83175589777, -0.32358643023, -0.70734420398, 0.04757562572],
        [0.05492851200, 0.09497114330, 0.10196169305, 0.09286969427, 0.05492851200],
    ),
    "s(x, bs='ps', k=12)": (
        -64.5195822267,
        [5.952295986],
        [-0.2746924603, 0.8178752282, -0.3314309583, -0.7070655379, 0.4390358960],
        [0.08418616108, 0.08778528900, 0.09920730876, 0.09234875869, 0.10819288969],
    ),
    "te(x, z)": (
        -7.33883801673,
        [18.19243085],
        [0.06864935916, 0.72539608567, -0.60060230104, -0.26806293232, 0.31804473088],
        [0.16872723182, 0.07564537254, 0.09810488773, 0.07594195525, 0.16642505148],
    ),
    "f + s(x, by=f, k=6)": (
        -80.816433433,
        [4.394652630, 4.405738327, 4.424451378],
        [-0.2312948271, 0.7493903075, -0.3881476771, -0.6198950727, 0.4768186157],
        [0.1421787452, 0.1368831719, 0.1519284751, 0.1359985449, 0.1682183042],
    ),
    "s(x, by=z)": (
        -114.001094324,
        [2.0],
        [0.25766238095, -0.06682769092, 0.00000000000, 0.32422755051, 0.09536891681],
        [0.15078539451, 0.06372949757, 0.00000000000, 0.08883207357, 0.02378541085],
    ),
}
# The mixed model of s(x, k=6), made by smooth2random, with (1 | g), by glmmTMB 1.1.5: the log
# likelihood, the curve at NEW, its standard errors given the smoothness, and the deviation of g.
GLMMTMB = {
    "poisson": (
        -234.7122913603,
        [-0.09425918512, 0.88833467843, -0.61273209942, -0.66247589620, 0.36756653484],
        [0.11473592921, 0.09706935362, 0.14428367256, 0.14963135975, 0.14328140403],
        0.4428227912,
    ),
    "beta": (
        95.77345338211,
        [-0.07357692387, 0.87436266190, -0.46881323866, -0.80775559202, 0.41119686611],
        [0.08074132709, 0.08399441711, 0.08847592095, 0.08962647056, 0.10359722126],
        0.4116135073,
    ),
}


@cache
def fitted(formula, reml=True, grouped=False):
    """A fit of real responses, which tests look at and leave as it is."""
    return LMMRegressor(formula, reml=reml).fit(ROWS, GROUPED if grouped else Y)


@cache
def fitted_counts(formula="s(x, k=6) + (1 | g)"):
    return PoissonGLMMRegressor(formula).fit(ROWS, COUNT)


@cache
def fitted_shares():
    return BetaGLMMRegressor("s(x, k=6) + (1 | g)").fit(ROWS, PROPORTION)


@pytest.fixture
def model():
    return fitted("s(x) + z + (1 | g)", grouped=True)


def curve_at_new(model):
    """The curves that add to each row of NEW, and their standard errors given the smoothness."""
    found = model.curves(at=NEW, unconditional=False)
    by_curve = found[["estimate", "std_error"]].to_numpy().reshape(-1, len(NEW), 2)
    first = model.fit_.layout.curves[0].smooth
    if first.levels:
        return by_curve[[first.levels.index(f) for f in NEW["f"]], np.arange(len(NEW))].T
    return by_curve[0].T * (NEW["z"].to_numpy() if first.by else 1.0)


@pytest.mark.parametrize("formula", MGCV)
def test_curves_are_those_of_mgcv(formula):
    criterion, edf, curve, error = MGCV[formula]
    model = fitted(formula)
    value, spread = curve_at_new(model)
    loose = 1e-3 if "by=z" in formula else 1e-6  # mgcv stops before the curve is straight
    assert_allclose(model.smooth_terms()["edf"], edf, rtol=loose)
    assert_allclose(value, curve, atol=loose)
    assert_allclose(np.abs(spread), error, rtol=loose, atol=1e-9)
    assert_allclose(fitted(formula, reml=False).log_likelihood_, criterion, atol=loose / 10 + 1e-7)


@pytest.mark.parametrize("family", GLMMTMB)
def test_curves_of_counts_and_proportions_are_those_of_glmmtmb(family):
    likelihood, curve, error, deviation = GLMMTMB[family]
    model = {"poisson": fitted_counts, "beta": fitted_shares}[family]()
    value, _ = curve_at_new(model)
    assert_allclose(model.log_likelihood_, likelihood, atol=1e-6)
    assert_allclose(value, curve, atol=2e-5)
    # Its errors come from the Hessian of Laplace's likelihood, ours from the joint density.
    fit = replace(model.fit_, joint_covariance=None)
    found = curve_estimate(fit, fit.layout.curves[0])
    columns = found.curve.columns(NEW[["x"]].to_numpy())
    variance = np.sum((columns @ found.given_smoothness) * columns, axis=1)
    assert_allclose(np.sqrt(variance), error, rtol=1e-3)
    assert_allclose(model.variance_components()["sd"], [deviation], rtol=1e-4)


def test_errors_of_curves_of_counts_are_those_of_the_joint_density():
    model = fitted_counts()
    fit, design = model.fit_, model._spec.build(ROWS)
    columns, variances = [design.fixed[0]], [np.full(design.fixed[0].shape[1], np.inf)]
    for z, codes, factor, root in zip(
        design.columns, design.codes, fit.layout.factors, fit.lambdas, strict=True
    ):
        levels = np.eye(factor.n_levels)[codes]
        columns.append((levels[:, :, None] * z[:, None, :]).reshape(len(z), -1))
        variances.append(np.tile(np.diag(root @ root.T), factor.n_levels))
    whole, penalty = np.column_stack(columns), np.diag(1.0 / np.concatenate(variances))
    modes = [fit.modes(f).T.ravel() for f in range(len(fit.layout.factors))]
    joint = np.concatenate([fit.beta[0], *modes])
    for _ in range(8):  # to the mode of coefficients and effects together
        mean = np.exp(whole @ joint)
        hessian = whole.T @ (mean[:, None] * whole) + penalty
        joint = joint + np.linalg.solve(hessian, whole.T @ (COUNT - mean) - penalty @ joint)
    assert_allclose(fit.joint_covariance[:2, :2], np.linalg.inv(hessian)[:2, :2], rtol=1e-6)


def dense(model, design):
    """Covariance of all coefficients given the variances, and the columns they belong to."""
    fit = model.fit_
    lambdas = [fit.lambdas[f] for f in range(len(fit.u))]
    columns, precisions = [design.fixed[0]], [np.zeros((design.fixed[0].shape[1],) * 2)]
    for f, z in enumerate(design.columns):
        hot = np.eye(fit.u[f].shape[-1])[design.codes[f]]
        columns.append((z[:, :, None] * hot[:, None]).reshape(len(z), -1))
        inverse = np.linalg.inv(lambdas[f] @ lambdas[f].T)
        precisions.append(np.kron(inverse, np.eye(hot.shape[1])))
    whole = np.column_stack(columns)
    size = whole.shape[1]
    precision, start = whole.T @ whole / np.exp(2 * fit.beta[1][0]), 0
    for each in precisions:
        stop = start + len(each)
        precision[start:stop, start:stop] += each
        start = stop
    return np.linalg.inv(precision).reshape(size, size), whole


def test_the_covariance_given_the_smoothness_is_that_of_the_posterior(model):
    design = model._spec.build(ROWS)
    covariance, _ = dense(model, design)
    curve = model.fit_.layout.curves[0]
    f = next(f for f, factor in enumerate(model.fit_.layout.factors) if factor.is_smooth)
    before = sum(
        z.shape[1] * u.shape[-1] for z, u in zip(design.columns[:f], model.fit_.u, strict=False)
    )
    start = design.fixed[0].shape[1] + before
    places = [*curve.trends, *(start + np.array(curve.bends))]
    wanted = covariance[np.ix_(places, places)]
    assert_allclose(
        curve_estimate(model.fit_, curve).given_smoothness, wanted, rtol=1e-6, atol=1e-9
    )


def test_effective_degrees_of_freedom_are_the_trace_of_what_data_tell(model):
    design = model._spec.build(ROWS)
    covariance, whole = dense(model, design)
    share = np.diag(covariance @ whole.T @ whole) / np.exp(2 * model.fit_.beta[1][0])
    f = next(f for f, factor in enumerate(model.fit_.layout.factors) if factor.is_smooth)
    sizes = [z.shape[1] * u.shape[-1] for z, u in zip(design.columns, model.fit_.u, strict=True)]
    start = design.fixed[0].shape[1] + sum(sizes[:f])
    trend = list(model.fit_.layout.curves[0].trends)
    wanted = share[trend].sum() + share[start : start + sizes[f]].sum()
    assert_allclose(model.smooth_terms()["edf"], [wanted], rtol=1e-7)


def test_predictions_without_groups_have_the_curve(model):
    flat = NEW.assign(z=0.0)
    wanted = model.intercept_ + model.curves(at=NEW)["estimate"]
    assert_allclose(model.predict(flat, kind="fixed"), wanted, rtol=1e-10)


def test_marginal_predictions_average_over_groups_and_not_over_curves():
    model = fitted_counts()
    deviation = model.variance_components()["sd"].item()
    wanted = np.exp(model.predict_linear(NEW, kind="fixed") + 0.5 * deviation**2)
    assert_allclose(model.predict(NEW, kind="marginal"), wanted, rtol=1e-8)


def test_rows_of_unseen_groups_have_the_curve_and_a_marginal_mean():
    model = fitted_counts()
    assert_allclose(model.predict(NEW)[2], model.predict(NEW, kind="marginal")[2], rtol=1e-12)
    known = model.random_effects().set_index("level")["mode"]
    wanted = model.predict_linear(NEW, kind="fixed") + known.reindex(NEW["g"]).to_numpy()
    seen = [0, 1, 3, 4]
    assert_allclose(np.log(model.predict(NEW))[seen], wanted[seen], rtol=1e-10)


def test_intervals_of_means_have_the_uncertainty_of_the_curve(model):
    low, high = model.predict_interval(NEW, kind="fixed").T
    value, error = model.predict_linear(NEW, return_std=True, kind="fixed")
    given = model.curves(at=NEW, unconditional=False)["std_error"].to_numpy()
    assert np.all(error > 0.9 * given)
    assert_allclose(0.5 * (low + high), value, rtol=1e-8)
    covariance, _ = dense(model, model._spec.build(ROWS))
    design = model._spec.build(NEW.assign(g="g0"))
    f = next(f for f, factor in enumerate(model.fit_.layout.factors) if factor.is_smooth)
    parts = [design.fixed[0]]
    for each, (z, u) in enumerate(zip(design.columns, model.fit_.u, strict=True)):
        size = z.shape[1] * u.shape[-1]
        parts.append(np.asarray(z) if each == f else np.zeros((len(NEW), size)))
    rows = np.column_stack(parts)
    held = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    assert np.all(error >= held * (1 - 1e-9))  # that of the smoothness comes on top
    assert_allclose(error, held, rtol=0.1)


def test_curves_go_on_as_lines_beyond_the_rows(model):
    far = pd.DataFrame({"x": [-4.0, -3, -2, 12, 13, 14]})
    steps = np.diff(model.curves(at=far)["estimate"])
    assert_allclose(steps[[0, 3]], steps[[1, 4]], rtol=1e-9)
    near = model.curves(at={"x": [0.0, 10.0]})["std_error"].to_numpy()
    assert np.all(model.curves(at=far)["std_error"].to_numpy()[[2, 3]] > near)


def test_a_cyclic_curve_goes_round():
    model = fitted("s(x, bs='cc', k=8)")
    low, high = model.curves().loc[:, "x"].iloc[[0, -1]]
    found = model.curves(at={"x": [low + 1, high + 1, low, high]})["estimate"].to_numpy()
    assert_allclose(found[[0, 2]], found[[1, 3]], rtol=1e-9)


def test_the_order_of_rows_does_not_matter(model):
    order = np.argsort(np.sin(INDEX * 7.7))
    other = clone(model).fit(ROWS.iloc[order], GROUPED[order])
    assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    assert_allclose(other.predict(NEW), model.predict(NEW), rtol=1e-7)
    assert_allclose(other.smooth_terms()["edf"], model.smooth_terms()["edf"], rtol=1e-6)


def test_rows_are_predicted_one_by_one_as_together(model):
    alone = [model.predict(NEW.iloc[[i]]).item() for i in range(len(NEW))]
    assert_allclose(alone, model.predict(NEW), rtol=1e-12)


@pytest.mark.parametrize(("unit", "zero"), [(1e-9, 0.0), (1.0, 1990.0), (1e6, -3e7)])
def test_units_of_covariates_do_not_matter(unit, zero):
    model = fitted_counts()
    rows = ROWS.assign(x=X * unit + zero)
    other = clone(model).fit(rows, COUNT)
    assert_allclose(other.log_likelihood_, model.log_likelihood_, atol=1e-7)
    assert_allclose(other.predict(rows), model.predict(ROWS), rtol=1e-5)
    assert_allclose(other.smooth_terms()["edf"], model.smooth_terms()["edf"], rtol=1e-4)
    assert_allclose(other.confint().loc["sd(s(x))"], model.confint().loc["sd(s(x))"], rtol=1e-3)


def test_units_of_responses_do_not_matter(model):
    other = clone(model).fit(ROWS, 1e6 * GROUPED + 3e7)
    found = other.smooth_terms().iloc[:, 2:].to_numpy(dtype=float)
    assert_allclose(found, model.smooth_terms().iloc[:, 2:].to_numpy(dtype=float), rtol=1e-4)
    curve = model.curves(at=NEW)["estimate"]
    assert_allclose(other.curves(at=NEW)["estimate"], 1e6 * curve, rtol=1e-5, atol=1.0)


def test_a_weight_of_two_is_the_row_twice_where_the_constant_is_integrated_out():
    """Curves have a mean of 0 over rows, whatever their weights; REML does not see the constant."""
    weights = 1 + (INDEX % 3 == 0)
    twice = np.repeat(INDEX - 1, weights)
    one = LMMRegressor("s(x) + (1 | g)").fit(ROWS, GROUPED, sample_weight=weights)
    two = LMMRegressor("s(x) + (1 | g)").fit(ROWS.iloc[twice], GROUPED[twice])
    assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-9)
    assert_allclose(one.predict(NEW), two.predict(NEW), rtol=1e-6)
    assert_allclose(one.smooth_terms()["edf"], two.smooth_terms()["edf"], rtol=1e-6)
    apart = one.curves(at=NEW)["estimate"] - two.curves(at=NEW)["estimate"]
    assert np.ptp(apart) < 1e-6 < np.abs(apart).max()


def test_a_weight_of_two_is_almost_the_row_twice_with_maximum_likelihood():
    weights = 1 + (INDEX % 3 == 0)
    twice = np.repeat(INDEX - 1, weights)
    model = fitted_counts()
    one = clone(model).fit(ROWS, COUNT, sample_weight=weights)
    two = clone(model).fit(ROWS.iloc[twice], COUNT[twice])
    assert_allclose(one.log_likelihood_, two.log_likelihood_, atol=2e-2)
    assert_allclose(one.predict(NEW), two.predict(NEW), rtol=2e-3)


def test_an_offset_is_added_to_the_curve():
    rows = ROWS.assign(extra=0.1 * Z)
    named = PoissonGLMMRegressor("s(x, k=6)", offset="extra").fit(rows, COUNT)
    other = PoissonGLMMRegressor("s(x, k=6) + offset(extra)").fit(rows, COUNT)
    assert_allclose(named.log_likelihood_, other.log_likelihood_, rtol=1e-12)
    moved = LMMRegressor("s(x)").fit(ROWS, Y - 3 * Z)
    found = LMMRegressor("s(x) + offset(3 * z)").fit(ROWS, Y)
    assert_allclose(found.curves()["estimate"], moved.curves()["estimate"], atol=1e-7)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("s(f)", "s(f): a smooth is a function of numbers, and this column is a category"),
        ("s(g)", "an effect of each level (1 | f)"),
        ("s(one)", "s(one): 'one' is 1 in all rows: leave it out of the smooth"),
        ("s(few)", "k=10 is more than the 4 distinct values of 'few'; write k=4 or less"),
        ("s(x, k=2)", "k=2 of the smooth of 'x' is too small; bs='tp' needs 3"),
        ("s(x, bs='cs')", "mgcv's shrunken cubic splines, is not among the bases"),
        ("s(log(x - 5))", "a smooth needs finite numbers; 'log(x - 5)' is "),
        ("s(gap)", "column 'gap' has 1 missing (NaN) value in 120 rows, the first in row 3"),
        ("s(x, z, few)", "write t2(...), which takes more"),
        ("s(nope)", "unknown column 'nope'"),
        ("s(when)", "column 'when' holds datetime values"),
    ],
)
def test_columns_that_cannot_be_smoothed_are_refused(formula, message):
    rows = ROWS.assign(one=1.0, few=INDEX % 4, gap=np.where(INDEX == 4, np.nan, X))
    rows["when"] = pd.date_range("2020-01-01", periods=len(rows))
    with np.errstate(invalid="ignore"), pytest.raises(DesignError, match=re.escape(message)):
        LMMRegressor(formula).fit(rows, Y)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("log(s(x))", "s(x) is a part of 'log(s(x))'"),
        ("z:s(x)", "multiplied by a number f, is s(x, by=f)"),
        ("f * s(x)", "a curve for each level of a category f"),
        ("(s(x) | g)", "a curve for each level of g is s(x, g, bs='fs')"),
        ("s(g, bs='re')", "random effects of a group are written (1 | g)"),
        ("s(x, z, g, bs='fs')", "takes a covariate and a grouping column"),
        ("s(x, g, bs='fs', by=f)", "bs='fs' takes no by"),
        ("s(x, sp=1)", "s() has no argument 'sp'"),
        ("s(x, k=-1)", "k of s() is a whole number"),
        ("s(x, x2=z)", "s() has no argument 'x2'; by name it takes bs, by, k"),
        ("s(x, 10)", "10 stands where a column is expected; the number of columns of the basis is"),
        ("s(x, by=2)", "2 stands where a column is expected"),
        ("s()", "uses no column"),
        ("_s(x)", "the function is reserved; write s(x)"),
    ],
)
def test_what_is_no_smooth_is_refused_with_a_way_out(formula, message):
    with pytest.raises(FormulaError, match=re.escape(message)):
        LMMRegressor(formula).fit(ROWS, Y)


def test_two_smooths_of_one_variable_are_refused():
    with pytest.raises(FormulaError, match="of which the data determine the sum alone"):
        LMMRegressor("s(x) + s(x, bs='cr', k=20)").fit(ROWS, Y)
    assert LMMRegressor("s(x) + s(x)").fit(ROWS, Y).smooth_terms().shape[0] == 1


def test_a_level_that_fit_has_not_seen_has_no_curve():
    model = fitted("f + s(x, by=f, k=6)")
    with pytest.raises(DesignError, match="column 'f' has levels that fit did not see, 's'"):
        model.predict(NEW.assign(f=list("pqrps")))


def test_a_function_of_the_user_called_s_is_theirs():
    model = LMMRegressor("s(x)", context={"s": np.square}).fit(ROWS, Y)
    assert_allclose(model.predict(NEW), LMMRegressor("I(x**2)").fit(ROWS, Y).predict(NEW))
    with pytest.raises(ValueError, match="no smooth terms"):
        model.curves()


def test_columns_may_be_called_as_smooths_are():
    rows = ROWS.rename(columns={"x": "s", "z": "te"})
    model = LMMRegressor("s(s) + te").fit(rows, Y)
    assert model.coef_names_ == ["te", "s(s)"]
    wanted = fitted("s(x) + z").predict(ROWS)
    assert_allclose(model.predict(rows), wanted, rtol=1e-9)


def test_names_in_back_quotes_are_names():
    model = LMMRegressor("s(`my x`) + (1 | g)").fit(ROWS, GROUPED)
    other = fitted("s(x) + (1 | g)", grouped=True)
    assert_allclose(model.predict(ROWS), other.predict(ROWS), rtol=1e-10)
    found = model.curves(at={"my x": [1.0, 2.0]})
    assert_allclose(found["my x"], [1.0, 2.0])
    assert_allclose(found["estimate"], other.curves(at={"x": [1.0, 2.0]})["estimate"])


def test_a_smooth_may_be_of_an_expression():
    model = LMMRegressor("s(log(x + 1))").fit(ROWS, Y)
    other = LMMRegressor("s(x)").fit(ROWS.assign(x=np.log(X + 1)), Y)
    assert_allclose(model.predict(ROWS), other.predict(ROWS.assign(x=np.log(X + 1))), rtol=1e-9)
    assert "log(x + 1)" in model.curves(n_points=3)


def test_other_tables_and_arrays_are_taken():
    model = fitted("s(x) + z")
    polars = clone(model).fit(pl.from_pandas(ROWS[["x", "z"]]), Y)
    arrays = LMMRegressor("s(x0) + x1").fit(np.column_stack([X, Z]), Y)
    assert_allclose(polars.predict(pl.from_pandas(NEW[["x", "z"]])), model.predict(NEW))
    assert_allclose(arrays.predict(NEW[["x", "z"]].to_numpy()), model.predict(NEW))
    for kind in ("float32", "Float64", "object"):
        other = clone(model).fit(ROWS.assign(x=X.astype(np.float32)).astype({"x": kind}), Y)
        assert_allclose(other.predict(NEW), model.predict(NEW), rtol=1e-5)


def test_a_fit_survives_pickling_and_a_clone_has_none(model):
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(NEW), model.predict(NEW))
    assert_array_equal(again.curves()["conf_low"], model.curves()["conf_low"])
    assert not hasattr(clone(model), "fit_")
    assert len(pickle.dumps(model)) < 60_000  # no rows


def test_fitting_again_learns_the_knots_again():
    part = ROWS.iloc[:80]
    model = clone(fitted("s(x) + (1 | g)", grouped=True)).fit(ROWS, GROUPED)
    again = model.fit(part, GROUPED[:80])
    fresh = LMMRegressor("s(x) + (1 | g)").fit(part, GROUPED[:80])
    assert_array_equal(again.predict(NEW), fresh.predict(NEW))


def test_without_inference_there_are_curves_to_predict_by_and_no_bands():
    model = LMMRegressor("s(x)", inference=False).fit(ROWS, Y)
    assert_allclose(model.predict(NEW), fitted("s(x)").predict(NEW), rtol=1e-4)
    assert model.smooth_terms()["edf"].isna().all()
    with pytest.raises(ValueError, match="fit with inference=True"):
        model.curves()


def test_curves_are_asked_for_by_name():
    model = fitted("f + s(x, by=f, k=6)")
    found = model.curves("s(x):f[q]", n_points=4)
    assert found.shape[0] == 4
    assert set(found["name"]) == {"s(x):f[q]"}
    with pytest.raises(ValueError, match=re.escape("'s(z)' is none of the curves")):
        model.curves("s(z)")
    with pytest.raises(ValueError, match=re.escape("at= has no 'x'")):
        model.curves(at={"z": [1.0]})
    with pytest.raises(ValueError, match="'x' that are no numbers"):
        model.curves(at={"x": ["a"]})


def test_curves_of_levels_are_effects_of_their_group():
    slope = 0.1 * np.cos(3 * (INDEX % 10)) * (X - 5) + np.sin(0.6 * X + INDEX % 10)
    model = LMMRegressor("s(x, k=6) + s(x, g, bs='fs', k=5)").fit(ROWS, GROUPED + slope)
    assert list(model.smooth_terms()["name"]) == ["s(x)"]
    assert list(model.variance_components()["effect"]) == ["s(x)", "s(x)[level]", "s(x)[x]"]
    new = NEW.assign(g="new")
    assert_allclose(model.predict(new), model.predict(NEW, kind="fixed"), rtol=1e-10)


def test_curves_of_levels_that_are_alike_are_told_by_their_name():
    message = r"the standard deviation of s\(x\) between levels of g is 0"
    with pytest.warns(SingularFitWarning, match=message):
        LMMRegressor("s(x, k=6) + s(x, g, bs='fs', k=5)").fit(ROWS, GROUPED + Z)


def test_a_straight_line_has_no_bends():
    noise = np.random.default_rng(1).normal(size=len(ROWS))
    model = LMMRegressor("s(x)").fit(ROWS, 2 * X + 1 + 1e-3 * noise)
    assert_allclose(model.smooth_terms()["edf"], [1.0], atol=1e-3)
    ends = model.curves(at={"x": [0.0, 10.0]})["estimate"]
    assert_allclose(np.diff(ends), [20.0], rtol=1e-3)


def test_simultaneous_bands_are_wider_and_the_same_for_one_seed(model):
    alone, whole = model.curves(), model.curves(simultaneous=True)
    ratio = (whole["conf_high"] - whole["estimate"]) / (alone["conf_high"] - alone["estimate"])
    assert_allclose(ratio, ratio.iloc[0])
    assert 1.2 < ratio.iloc[0] < 2.0
    assert_array_equal(whole["conf_low"], model.curves(simultaneous=True)["conf_low"])


def test_levels_of_groups_are_not_given_beside_their_curves():
    for formula, groups in (("(1 | g) + s(x, g, bs='fs', k=4)", None), ("s(x, g, bs='fs')", "g")):
        with pytest.raises(DesignError, match=r"determine their sum alone. Take \(1 \| g\) out"):
            LMMRegressor(formula, groups=groups).fit(ROWS, GROUPED)
