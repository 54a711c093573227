"""Bases of smooth terms, against mgcv and against what is known of splines."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.interpolate import CubicSpline
from scipy.linalg import cho_factor, cho_solve

from skglmm.bases import learn_basis
from skglmm.covariance import HomogeneousDiagonal, TensorPenalty
from skglmm.exceptions import DesignError

INDEX = np.arange(1, 121)
X = np.round(1900 + 120 * ((np.sin(1.7 * INDEX) + 1) / 2) ** 1.3, 1)
Z = np.cos(2.3 * INDEX) + 0.3 * np.sin(INDEX)
NOISE = np.sin(37.7 * INDEX) * np.cos(11.1 * INDEX)
Y = np.sin((X - 1900) / 18) + 0.5 * Z**2 + 0.02 * (X - 1960) * Z / 10 + 0.3 * NOISE
NEW = np.array([[1890, -2], [1900, -0.5], [1933.3, 0.1], [1977, 0.9], [2030, 1.6]])
ONE, TWO = X[:, None], np.column_stack([X, Z])

CASES = {
    "tp": (ONE, {}),
    "tp20": (ONE, {"k": 20}),
    "cr": (ONE, {"bs": "cr"}),
    "cc": (ONE, {"bs": "cc", "k": 8}),
    "ps": (ONE, {"bs": "ps", "k": 12}),
    "tp2": (TWO, {}),
    "te": (TWO, {"kind": "te"}),
    "te34": (TWO, {"kind": "te", "bs": ("tp", "ps"), "k": (6, 4)}),
    "tecc": (TWO, {"kind": "te", "bs": ("cc", "cr")}),
    "ti": (TWO, {"kind": "ti"}),
    "ti2": (TWO, {"kind": "ti", "bs": ("ps", "tp"), "k": (4, 6)}),
    "t2b": (TWO, {"kind": "t2", "bs": ("cr", "tp"), "k": (4, 6)}),
}
CURVES = ["tp", "tp20", "cr", "ps"]
# gam(y ~ s(x, ...), method=) of mgcv 1.8-41: the criterion, the scale parameter, smoothing
# parameters over the S.scale of the smooth, and predictions at NEW.
MGCV = {
    "tp ML": (
        -2.85245112176,
        0.0445600941848,
        [547.022373879],
        [-0.5041510925, 0.09977184504, 1.133812663, -0.5340677891, 1.262821643],
    ),
    "tp REML": (
        0.287932432616,
        0.0452327994787,
        [528.915933753],
        [-0.5048451999, 0.09952861621, 1.133748955, -0.5342235864, 1.261664573],
    ),
    "tp20 ML": (
        -2.08746750625,
        0.0448378562628,
        [631.765688816],
        [-0.5013932647, 0.1008871496, 1.127830099, -0.5263959167, 1.26892369],
    ),
    "tp20 REML": (
        0.758516208162,
        0.0454324988941,
        [596.287869157],
        [-0.5027770972, 0.1004118789, 1.127485658, -0.5264270504, 1.266748769],
    ),
    "cr ML": (
        -5.99941007976,
        0.0444752188189,
        [494.896779961],
        [-0.5086049766, 0.09887236338, 1.146279685, -0.5416676064, 1.259187303],
    ),
    "cr REML": (
        -1.14238015062,
        0.0452622356877,
        [502.291700859],
        [-0.5083015479, 0.09897886103, 1.146231632, -0.5415570714, 1.259761819],
    ),
    "cc ML": (
        18.5234438489,
        0.0669566909369,
        [277.853761833],
        [0.287064233, 0.4023274961, 1.153259966, -0.546189516, 0.6055046016],
    ),
    "cc REML": (
        21.34788558,
        0.0675548713794,
        [281.1810985],
        [0.2867972739, 0.402277701, 1.153197899, -0.5461327923, 0.6058242533],
    ),
    "ps ML": (
        -5.28203429854,
        0.0445559502276,
        [0.201668925402],
        [-0.5317000062, 0.0973480123, 1.142156309, -0.5367207618, 1.287990825],
    ),
    "ps REML": (
        -1.65421104837,
        0.0451195014032,
        [0.185592727245],
        [-0.5336889503, 0.09672832464, 1.142176124, -0.5371371193, 1.28442804],
    ),
    "tp2 ML": (
        -1.95144523337,
        0.0436392588424,
        [9.86494941334],
        [-0.2906020744, 0.1124069515, 1.106546734, -0.4764247418, 1.221163819],
    ),
    "tp2 REML": (
        5.20369750499,
        0.0446816654611,
        [9.69532366723],
        [-0.2902525069, 0.1124838257, 1.10644702, -0.4763920031, 1.221691193],
    ),
    "te ML": (
        -120.485693118,
        0.00368555868641,
        [0.00929582293497, 0.461986611001],
        [-1.384761494, 0.1614339427, 0.8960208867, -0.3480288212, 2.425027642],
    ),
    "te REML": (
        -110.706086103,
        0.00382566843566,
        [0.00965651255218, 0.467553081692],
        [-1.373838036, 0.1613628671, 0.8959386688, -0.348024644, 2.42443171],
    ),
    "te34 ML": (
        -261.365384166,
        0.000233927289399,
        [0.00329806351377, 0.0334035955307],
        [1.503816209, 0.1929533812, 0.9669763996, -0.4681544213, 2.331254561],
    ),
    "te34 REML": (
        -246.132643252,
        0.000243530529188,
        [0.00343360936326, 0.034593340589],
        [1.504395333, 0.192953681, 0.9669830625, -0.468149541, 2.331276299],
    ),
    "tecc ML": (
        -48.1794310197,
        0.0162238962114,
        [0.25605322641, 1.16744919173],
        [1.199787976, 0.2792884973, 0.8719405452, -0.2892609474, 2.039164667],
    ),
    "tecc REML": (
        -43.2502419987,
        0.016523339784,
        [0.259774742134, 1.1770096029],
        [1.199896006, 0.2792798349, 0.8718957417, -0.2892246237, 2.038773326],
    ),
    "ti ML": (
        101.355593266,
        0.307875767908,
        [51.220223413, 48.7216691242],
        [0.9715289948, 0.4309444618, 0.4074517801, 0.4083666224, 0.9067762378],
    ),
    "ti REML": (
        103.435204957,
        0.311526940652,
        [45.8568997995, 35.0696680405],
        [0.9662428187, 0.4342051297, 0.4128215917, 0.4027221975, 0.9800926302],
    ),
    "ti2 ML": (
        101.709447098,
        0.31755767622,
        [99936.5216702, 183402032.842],
        [0.7050644776, 0.4205331141, 0.3524947114, 0.4207407801, 0.4359090183],
    ),
    "ti2 REML": (
        104.123371873,
        0.322711603523,
        [84727.7324437, 129447338.239],
        [0.7249076715, 0.4232437464, 0.3516964295, 0.4241947024, 0.4244059069],
    ),
    "t2b ML": (
        -197.910812599,
        0.000917279910824,
        [0.703977812561, 0.0321415757058, 0.00281332536416],
        [0.9197339462, 0.1588674201, 0.9377083995, -0.4557857278, 2.342370339],
    ),
    "t2b REML": (
        -188.012079705,
        0.000949295144858,
        [0.693204423255, 0.0320641307332, 0.00291149241145],
        [0.9185748287, 0.1589257767, 0.9376853871, -0.4558460909, 2.341980141],
    ),
}


@pytest.fixture(scope="module")
def learned():
    """A basis by the name of its case, learned once."""
    found = {}

    def get(name, **options):
        key = (name, *options.items())
        if key not in found:
            rows, chosen = CASES[name]
            found[key] = learn_basis(rows, **chosen, columns=("x", "z")[: rows.shape[1]], **options)
        return found[key]

    return get


def variances(basis, raw, scale):
    """Of bends, by mgcv's smoothing parameters."""
    sds = np.sqrt(np.array(basis.penalty_units) * scale / raw)
    found, start = [], 0
    for each in basis.covariances:
        theta = sds[start : start + each.n_params]
        start += each.n_params
        found.append(np.diag(each.factor(theta)) ** 2)
    return np.concatenate(found)


def restricted_unit(basis, rows, trends, name):
    """How much larger -log L of REML is with these trends than with mgcv's coefficients of them.

    Those are of length one; its columns of thin plate splines have a root mean square of one.
    """
    columns = basis.spline.columns(rows)
    if name.startswith("tp"):
        columns = columns / np.sqrt(np.mean(columns**2, axis=0))
    coefficients = np.linalg.lstsq(columns, trends, rcond=None)[0]
    return 0.5 * np.linalg.slogdet(coefficients.T @ coefficients)[1]


def likelihood(y, fixed, total):
    """-log L of normal responses at the best coefficients, these, and residuals over `total`."""
    root = cho_factor(total)
    cross = fixed.T @ cho_solve(root, fixed)
    beta = np.linalg.solve(cross, fixed.T @ cho_solve(root, y))
    rest = y - fixed @ beta
    white = cho_solve(root, rest)
    found = 0.5 * (len(y) * np.log(2 * np.pi) + rest @ white) + np.log(np.diag(root[0])).sum()
    unit = 0.5 * (np.linalg.slogdet(cross)[1] - fixed.shape[1] * np.log(2 * np.pi))
    return found, found + unit, beta, white


@pytest.mark.parametrize("method", ["ML", "REML"])
@pytest.mark.parametrize("name", CASES)
def test_criteria_and_predictions_are_those_of_mgcv(name, method, learned):
    score, scale, raw, fit = MGCV[f"{name} {method}"]
    rows = CASES[name][0]
    new = NEW[:, : rows.shape[1]]
    # mgcv centers the bends of t2 after the fit, and its likelihood is that before.
    options = {"centered": False} if name == "t2b" and method == "ML" else {}
    basis = learned(name, **options)
    one = [np.ones((len(rows), 1))][: basis.trend_names("xz"[: rows.shape[1]])[:1] != ("1",)]
    trends, bends = basis.trends(rows), basis.bends(rows)
    fixed, n = np.column_stack([*one, trends]), len(rows)
    variance = variances(basis, raw, scale)
    total = scale * np.eye(n) + (bends * variance) @ bends.T
    found, restricted, beta, white = likelihood(Y, fixed, total)
    if method == "REML":
        found = restricted
        found -= restricted_unit(basis, rows, trends, name) if trends.size else 0.0
    assert_allclose(found, score, atol=1e-6)
    ahead = np.column_stack([*(np.ones((len(new), 1)) for _ in one), basis.trends(new)])
    found = ahead @ beta + basis.bends(new) @ (variance * (bends.T @ white))
    assert_allclose(found, fit, atol=1e-8)


def test_curves_of_levels_have_the_likelihood_of_mgcv():
    """gam(y ~ s(x, g, bs = "fs", k = 6, xt = list(bs = "cr")), method = "ML")."""
    score, scale, raw = (
        49.4524891945,
        0.0506796091919,
        [364.342828858, 0.0918620700589, 0.105494487291],
    )
    levels = INDEX % 5
    y = Y + 0.2 * levels + (levels - 2) * (X - 1960) / 60
    basis = learn_basis(ONE, bs="cr", k=6, centered=False, orthogonal=True)
    trends, bends = basis.trends(ONE), basis.bends(ONE)
    assert_allclose(trends.T @ bends, 0.0, atol=1e-9 * np.abs(trends).sum())
    # Which two combinations of 1 and x vary independently is what LAPACK makes it there: the
    # nearest one to the first column, and what is orthogonal to that.
    flat = np.linalg.qr(trends)[0]
    a, b = flat.T @ basis.spline.columns(ONE)[:, 0]
    flat = np.sqrt(len(y)) * flat @ np.array([[a, -b], [b, a]]) / np.hypot(a, b)
    parts = [bends, flat[:, 1:], flat[:, :1]]
    units = [basis.penalty_units[0], 1.0, 1.0]
    same = levels[:, None] == levels
    total = scale * np.eye(len(y))
    for part, unit, smoothing in zip(parts, units, raw, strict=True):
        total += scale * unit / smoothing * same * (part @ part.T)
    assert_allclose(likelihood(y, np.ones((len(y), 1)), total)[0], score, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_standard_deviations_are_those_of_the_curve_around_its_trend(name, learned):
    rows = CASES[name][0]
    basis = learned(name)
    bends, start = basis.bends(rows), 0
    assert sum(each.size for each in basis.covariances) == bends.shape[1]
    for each in basis.covariances:
        own = bends[:, start : start + each.size]
        start += each.size
        assert_allclose(np.sum(own**2) / len(rows), 1.0)
        assert_allclose(np.diag(each.factor(np.ones(each.n_params))), 1.0)
    assert len(basis.penalty_units) == sum(each.n_params for each in basis.covariances)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("ti")])
def test_trends_and_bends_have_no_mean(name, learned):
    rows, basis = CASES[name][0], learned(name)
    assert_allclose(basis.trends(rows).mean(axis=0), 0.0, atol=1e-12)
    assert_allclose(basis.bends(rows).mean(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_trends_are_what_the_columns_span_without_a_penalty(name, learned):
    rows = CASES[name][0]
    for centered in (True, False):
        basis = learned(name, centered=centered)
        trends = basis.trends(rows)
        columns = np.column_stack([basis.spline.columns(rows), np.ones(len(rows))])
        weights = np.linalg.lstsq(columns, trends, rcond=None)[0]
        assert_allclose(columns @ weights, trends, atol=1e-8 * np.abs(trends).max(initial=1.0))
        both = np.column_stack([trends, basis.bends(rows)])
        assert np.linalg.matrix_rank(both / np.linalg.norm(both, axis=0)) == both.shape[1]


def test_trends_have_the_names_and_units_of_users(learned):
    assert learned("tp").trend_names(["x"]) == ("x",)
    assert learned("tp", centered=False).trend_names(["x"]) == ("1", "x")
    assert learned("tp2").trend_names(["x", "z"]) == ("x", "z")
    assert learned("te").trend_names(["x", "z"]) == ("x", "z", "x:z")
    assert learned("ti").trend_names(["x", "z"]) == ("x:z",)
    assert learned("cc").trend_names(["x"]) == ()
    assert learned("t2b").bend_names(["x", "z"]) == ("x:z", "z", "x")
    assert_allclose(learned("cr").trends(np.array([[2100.0]])), 2100.0 - X.mean())
    surface = learned("te").trends(NEW)
    assert_allclose(surface[:, :2], NEW - TWO.mean(axis=0))
    product = np.prod(NEW - TWO.mean(axis=0), axis=1)
    mean = np.prod(TWO - TWO.mean(axis=0), axis=1).mean()
    assert_allclose(surface[:, 2], product - mean)


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_straight_beyond_the_data(name, learned):
    basis = learned(name)
    low, high = X.min(), X.max()
    for start, sign in ((low, -1.0), (high, 1.0)):
        edge = 0.001 * (high - low)  # of P-splines
        values = basis.bends(start + sign * (edge + np.array([[0.0], [10.0], [20.0], [400.0]])))
        slope = (values[1] - values[0]) / 10.0
        assert_allclose(values[2:] - values[0], np.outer([20.0, 400.0], slope), atol=1e-9)
        inside = basis.bends(start + sign * (edge + np.array([[-1e-5], [1e-5]])))
        assert_allclose(sign * (inside[1] - inside[0]) / 2e-5, sign * slope, rtol=1e-4, atol=1e-6)


def test_cyclic_curves_repeat(learned):
    basis = learned("cc")
    period = X.max() - X.min()
    rows = np.linspace(X.min(), X.max(), 7)[:, None]
    values = basis.bends(rows)
    assert_allclose(values[0], values[-1], atol=1e-12)
    for turns in (-2, 1, 5):
        assert_allclose(basis.bends(rows + turns * period), values, atol=1e-9)
    h = 1e-4
    beside = basis.bends(np.array([[X.min() + h], [X.min()], [X.max() - h]]))
    assert_allclose(beside[0] - beside[1], beside[1] - beside[2], atol=1e-8)


@pytest.mark.parametrize("name", ["tp", "cr"])
def test_a_unit_of_penalty_is_the_integral_of_the_squared_second_derivative(name, learned):
    basis = learned(name)
    fine = np.linspace(X.min(), X.max(), 20001)
    curve = CubicSpline(fine, basis.bends(fine[:, None]))(fine, 2)
    products = curve.T @ curve * (fine[1] - fine[0])
    expected = np.eye(products.shape[1]) / basis.penalty_units[0]
    assert_allclose(products, expected, atol=2e-3 * expected[0, 0])


@pytest.mark.parametrize("name", CASES)
def test_a_basis_survives_pickling_and_holds_no_rows(name):
    rows, options = CASES[name]
    many = np.tile(rows, (100, 1))
    basis = learn_basis(many, **options)
    text = pickle.dumps(basis)
    assert len(text) < 50_000  # of which a column of the rows has 96,000 bytes
    again = pickle.loads(text)
    assert_allclose(again.bends(rows), basis.bends(rows), rtol=0)
    assert_allclose(again.trends(rows), basis.trends(rows), rtol=0)
    assert again.penalty_units == basis.penalty_units
    assert again.covariances == basis.covariances


@pytest.mark.parametrize("name", CASES)
def test_rows_are_evaluated_one_by_one_and_learned_in_any_order(name, learned):
    rows, options = CASES[name]
    basis, order = learned(name), np.argsort(np.sin(3.0 * INDEX))
    alone = np.concatenate([basis.bends(row[None]) for row in rows[:20]])
    assert_allclose(alone, basis.bends(rows)[:20], atol=1e-10)
    other = learn_basis(rows[order], **options)
    kernel = basis.bends(rows) @ basis.bends(rows).T
    assert_allclose(other.bends(rows) @ other.bends(rows).T, kernel, atol=1e-7)
    assert_allclose(other.penalty_units, basis.penalty_units, rtol=1e-7)


@pytest.mark.parametrize(("unit", "shift"), [(1e-9, 0.0), (1e12, 0.0), (1.0, 1e5)])
@pytest.mark.parametrize("name", [name for name in CASES if name != "tp2"])
def test_curves_do_not_depend_on_units(name, unit, shift, learned):
    rows, options = CASES[name]
    basis, other = learned(name), learn_basis(unit * rows + shift, **options)
    bends, others = basis.bends(rows), other.bends(unit * rows + shift)
    assert_allclose(others @ others.T, bends @ bends.T, atol=1e-6)
    assert_allclose(other.bends(unit * rows[:1] + shift), others[:1], atol=1e-10)


def test_surfaces_have_bends_in_small_units():
    """How many of the leading eigenvalues belong to a surface depends on units, as in mgcv."""
    rows = np.column_stack([np.sin(INDEX), Z])
    for unit in (1e-9, 1e9):
        basis = learn_basis(unit * rows)
        bends = basis.bends(unit * rows)
        assert_allclose(np.sum(bends**2) / len(rows), 1.0)
        assert np.linalg.matrix_rank(bends) == 27


def test_values_that_almost_coincide_are_smoothed_as_others_are(learned):
    rows = np.concatenate([X, X * (1 + 2e-16), X[:20] + 1e-11])[:, None]
    basis = learn_basis(rows)
    points, loads = basis.spline.points, np.linspace(-0.1, 1.1, 50)[:, None]
    places = basis.spline.center + basis.spline.unit * loads
    many = np.concatenate([places, rows])
    assert_allclose(basis.bends(many)[:50], basis.bends(places), atol=1e-10)
    assert len(np.unique(points)) == len(points)
    assert np.abs(np.diff(basis.bends(np.sort(rows, axis=0)), axis=0)).max() < 1.0


def test_many_points_are_thinned_the_same_way_each_time():
    rows = np.random.default_rng(0).uniform(size=(2500, 1))
    basis = learn_basis(rows)
    assert len(basis.spline.points) == 2000
    fewer = learn_basis(rows[:1999])
    assert_allclose(fewer.penalty_units, basis.penalty_units, rtol=0.05)
    again = learn_basis(rows[::-1])
    assert_allclose(again.bends(rows[:50]) ** 2, basis.bends(rows[:50]) ** 2, atol=1e-8)


def test_the_leading_eigenvectors_are_those_of_the_dense_decomposition():
    rows = np.random.default_rng(1).uniform(size=(500, 2))
    points = learn_basis(rows, k=12)
    few = learn_basis(rows, k=400)  # whose eigenvalues are all found
    assert points.bends(rows).shape == (500, 9)
    values, vectors = np.linalg.eigh(_distances(few.spline.points * few.spline.unit))
    leading = vectors[:, np.argsort(-np.abs(values))[:12]]
    loads = points.spline.loads
    assert_allclose(leading @ (leading.T @ loads), loads, atol=1e-8)


def _distances(points):
    r = np.linalg.norm(points[:, None] - points, axis=2)
    return r**2 * np.log(np.where(r > 0, r, 1.0)) / (8 * np.pi)


def test_two_penalties_are_shared_by_independent_bends(learned):
    for name, flat in (("te", (2, 2)), ("tecc", (1, 2)), ("ti", (1, 1))):
        basis = learned(name)
        (covariance,) = basis.covariances
        assert isinstance(covariance, TensorPenalty)
        assert covariance.margins == ("x", "z")
        first, second = basis.spline.penalties
        weights, units = basis.weights, basis.penalty_units
        shares = np.array(covariance.shares)
        assert_allclose(weights.T @ first @ weights * units[0], np.diag(shares), atol=1e-8)
        assert_allclose(weights.T @ second @ weights * units[1], np.diag(1 - shares), atol=1e-8)
        sizes = [margin.kernel.shape for margin in basis.spline.margins]
        bent = [size - free for size, free in sizes]
        assert [free for _, free in sizes] == list(flat)
        assert np.count_nonzero(shares == 0.0) == flat[0] * bent[1]
        assert np.count_nonzero(shares == 1.0) == flat[1] * bent[0]


def test_cyclic_interactions_have_no_trend():
    basis = learn_basis(TWO, "ti", bs="cc", k=6)
    assert basis.trends(TWO).shape == (120, 0)
    assert basis.bends(TWO).shape == (120, 16)
    shares = np.array(basis.covariances[0].shares)
    assert np.all((shares > 0) & (shares < 1))


def test_parts_of_three_variables():
    rows = np.column_stack([TWO, np.sin(0.7 * INDEX)])
    basis = learn_basis(rows, "t2", k=4, columns=("x", "z", "w"))
    assert basis.trend_names("xzw") == ("x", "z", "w", "x:z", "x:w", "z:w", "x:z:w")
    assert basis.bend_names("xzw") == ("x:z:w", "z:w", "x:w", "w", "x:z", "z", "x")
    assert basis.covariances == tuple(HomogeneousDiagonal(8) for _ in range(7))
    assert basis.bends(rows).shape == (120, 56)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ONE[:7], {}, "k=10 is more than the 7 distinct values of 'age'; write k=7 or less"),
        (np.array([[1.0], [2.0]] * 9), {}, "write age without a smooth, or C"),
        (TWO[:9], {}, "k=30 is more than the 9 distinct points of 'age' and 'size'"),
        (TWO, {"kind": "te", "k": (4, 200)}, "k=200 is more than the 120 .* of 'size'"),
        (ONE, {"k": 2}, "k=2 of the smooth of 'age' is too small; bs='tp' needs 3"),
        (ONE, {"k": 3, "bs": "cc"}, "needs 4"),
        (ONE, {"k": 5.0}, "a whole one; got k=5.0"),
        (np.ones((9, 1)), {}, "'age' is 1 in all rows"),
        (np.array([[1.0], [np.nan]]), {}, "'age' is nan in row 1"),
        (ONE, {"bs": "TP"}, "unknown basis bs='TP'. Do you mean 'tp'"),
        (ONE, {"bs": "gp"}, "mgcv's Gaussian processes, is not among the bases"),
        (TWO, {"bs": "cr"}, "one variable, not 2: 'age' and 'size'; write bs='tp', or te"),
        (ONE, {"kind": "te"}, r"te is of several variables; write s\(age, bs='cr'\)"),
        (TWO, {"kind": "te", "k": (4, 5, 6)}, "has 3 values, for 2 margins"),
        (ONE, {"bs": ("cr", "cr")}, r"s\(...\) takes one value"),
        (np.column_stack([X, 2 * X]), {}, "lie on a line"),
        (ONE, {"kind": "tt"}, "there are s, te, ti, t2"),
    ],
)
def test_refusals_say_what_to_do(rows, options, message):
    names = ("age", "size")[: rows.shape[1]]
    with pytest.raises(DesignError, match=message):
        learn_basis(rows, **options, columns=names)


@pytest.mark.parametrize("kind", ["te", "ti"])
def test_products_of_three_variables_are_refused_with_a_way_out(kind):
    rows = np.column_stack([TWO, NOISE])
    with pytest.raises(DesignError, match="'a', 'b' and 'c'; t2 is a smooth of more"):
        learn_basis(rows, kind, columns=("a", "b", "c"))
