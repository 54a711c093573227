"""Log predictive densities, row by row and jointly, against integrals and exact answers."""

import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.integrate import trapezoid
from scipy.special import expit
from scipy.stats import beta as beta_distribution
from scipy.stats import multivariate_normal, norm
from sklearn.model_selection import GroupKFold, KFold

from skglmm import BetaGLMMRegressor, SingularFitWarning
from skglmm.covariance import Unstructured
from skglmm.families import LINKS, Beta, Log
from skglmm.fitting import fit
from skglmm.inference import Plan, joint_log_density, log_density
from skglmm.inference.density.row_density import averaged_log_density
from skglmm.inference.distribution.normal_mixture import NormalMixture
from skglmm.inference.prediction.averages import NormalShift

# --- one row at a time ----------------------------------------------------------------------------

Y = np.array([0.3, 0.5, 0.9, 1e-6, 1 - 1e-9, 0.97])
ETA = np.array([-1.5, 0.0, 1.2, 0.3, 0.3, -2.0])


def averaged(family, eta, sd, y):
    """Log densities under shifts of the first predictor."""
    return averaged_log_density(family, y, eta, NormalShift(sd, (), np.zeros((len(sd), 1, 0))))


CASES = [(link, phi, 40_001) for link in LINKS for phi in (0.5, 8.0, 300.0)]


@pytest.mark.parametrize("sd", [0.05, 0.5, 2.0, 5.0])
@pytest.mark.parametrize(("link", "phi", "n_nodes"), [*CASES, ("logit", 1e5, 200_001)])
def test_densities_agree_with_a_fine_sum_however_improbable(link, phi, n_nodes, sd):
    family = Beta((LINKS[link], Log()))
    found = averaged(family, [ETA, np.log([phi])], np.full(6, sd), Y)
    for i, (y, eta) in enumerate(zip(Y, ETA, strict=True)):

        def log_integrand(t, y=y, eta=eta):
            prepared = family.prepare(np.full(len(t), y))
            value = family.log_density(prepared, [eta + sd * t, np.log([phi])]).value
            return value - 0.5 * t**2 - 0.5 * np.log(2 * np.pi)

        coarse = np.linspace(-400, 400, 40_001)
        peak = coarse[np.argmax(log_integrand(coarse))]
        fine = np.linspace(peak - 12, peak + 12, n_nodes)
        value = log_integrand(fine)
        expected = value.max() + np.log(trapezoid(np.exp(value - value.max()), fine))
        assert found[i] == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize("phi", [1.0, 12.0, 1e4])
@pytest.mark.parametrize("sd", [30.0, 1e3, 1e6])
def test_densities_are_right_however_far_a_row_lies_from_the_data(phi, sd):
    family, y, eta = Beta((LINKS["logit"], Log())), np.array([1e-6, 0.3, 0.999]), -1.0
    found = averaged(family, [np.full(3, eta), np.log([phi])], np.full(3, sd), y)
    fine = np.linspace(-30, 30, 200_001)  # the reach of the link
    for i in range(3):
        prepared = family.prepare(np.full(len(fine), y[i]))
        value = family.log_density(prepared, [fine, np.log([phi])]).value
        value += norm.logpdf(fine, eta, sd)
        expected = value.max() + np.log(trapezoid(np.exp(value - value.max()), fine))
        assert found[i] == pytest.approx(expected, abs=1e-7)


def test_the_likeliest_shift_is_found_from_afar():
    family, y = Beta((LINKS["probit"], Log())), np.array([0.3])
    found = averaged(family, [np.array([8.0]), np.log([1e4])], np.array([5.0]), y)
    fine = np.linspace(-1, 0, 200_001)  # where the density is
    prepared = family.prepare(np.full(len(fine), 0.3))
    value = family.log_density(prepared, [fine, np.log([1e4])]).value + norm.logpdf(fine, 8.0, 5.0)
    expected = value.max() + np.log(trapezoid(np.exp(value - value.max()), fine))
    assert found[0] == pytest.approx(expected, abs=1e-6)


def test_an_outlying_row_costs_the_others_nothing():
    rng = np.random.default_rng(9)
    n, family = 4000, Beta((LINKS["logit"], Log()))
    eta, sd, y = rng.normal(size=n), rng.uniform(0.1, 1.0, n), rng.uniform(0.1, 0.9, n)
    ordinary = averaged(family, [eta, np.log([9.0])], sd, y)
    sd[7] = 3e3
    tracemalloc.start()
    found = averaged(family, [eta, np.log([9.0])], sd, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_allclose(np.delete(found, 7), np.delete(ordinary, 7), atol=1e-8)
    assert peak < 300e6


@pytest.mark.parametrize("sd", [1e3, 1e6, 1e150])
def test_probabilities_have_answers_however_wide_the_spread(sd):
    mixture = NormalMixture.of(Beta(), [np.array([0.0]), np.log([9.0])], np.array([sd]))
    assert mixture.n_nodes < 5000
    assert mixture.cdf(np.array([0.5]))[0] == pytest.approx(0.5, abs=1e-3)


def test_without_spread_it_is_the_density_of_the_family():
    family = Beta((LINKS["logit"], Log()))
    found = averaged(family, [ETA, np.log([8.0])], np.zeros(6), Y)
    mean = expit(ETA)
    assert_allclose(found, beta_distribution.logpdf(Y, 8 * mean, 8 * (1 - mean)), rtol=1e-9)


# --- a normal response, whose densities are exact -------------------------------------------------

N, OLD_LEVELS = 120, 12
RNG = np.random.default_rng(12)
X, ONE = RNG.normal(size=N), np.ones(N)
G = np.r_[np.arange(OLD_LEVELS), RNG.integers(0, OLD_LEVELS, 68), RNG.integers(0, 16, 40)]
H = np.r_[np.arange(OLD_LEVELS) % 5, RNG.integers(0, 5, 108)]
OLD = np.arange(N) < 80
LAYOUTS = {
    "one factor": (Term("g", G, (ONE, X), Unstructured(2)),),
    "crossed": (Term("h", H, (ONE,), Unstructured(1)), Term("g", G, (ONE, X), Unstructured(2))),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def normal(request):
    terms = LAYOUTS[request.param]
    whole = design([[ONE, X], [ONE]], *terms)
    rng = np.random.default_rng(2)
    y = 0.4 * X + rng.normal(0, 0.7, N)
    for term in terms:
        effects = rng.normal(0, 0.8, (len(term.columns), 20))
        y = y + sum(z * effects[c, term.codes] for c, z in enumerate(term.columns))
    part = whole.take(OLD)
    known = [
        replace(factor, labels=factor.labels[: codes.max() + 1])
        for factor, codes in zip(part.layout.factors, part.codes, strict=True)
    ]
    part = replace(part, layout=replace(part.layout, factors=tuple(known)))
    return fit(Gaussian(), part, y[OLD]), whole, y


def covariance(fitted, whole):
    """Covariance of all responses given the estimates."""
    total = np.exp(-fitted.beta[1][0]) * np.eye(N)
    for f, factor in enumerate(whole.layout.factors):
        loadings = np.zeros((N, factor.n_levels, factor.n_columns))
        loadings[np.arange(N), whole.codes[f]] = whole.columns[f] @ fitted.lambdas[f]
        total += loadings.reshape(N, -1) @ loadings.reshape(N, -1).T
    return total


def held_out(fitted, whole, y):
    """Mean and covariance of the new responses given the old ones."""
    total, mean = covariance(fitted, whole), whole.fixed[0] @ fitted.beta[0]
    gain = total[np.ix_(~OLD, OLD)] @ np.linalg.inv(total[np.ix_(OLD, OLD)])
    center = mean[~OLD] + gain @ (y[OLD] - mean[OLD])
    return center, total[np.ix_(~OLD, ~OLD)] - gain @ total[np.ix_(OLD, ~OLD)]


def test_joint_densities_of_new_and_known_levels_are_exact(normal):
    fitted, whole, y = normal
    plan = Plan.of(whole.layout, "conditional", "marginal")
    found = joint_log_density(fitted, whole.take(~OLD), plan, y[~OLD])
    expected = multivariate_normal(*held_out(fitted, whole, y)).logpdf(y[~OLD])
    assert found.sum() == pytest.approx(expected, abs=1e-8)


def test_joint_densities_of_groups_that_count_as_new_are_exact(normal):
    fitted, whole, y = normal
    found = joint_log_density(fitted, whole, Plan.of(whole.layout, "marginal", "marginal"), y)
    mean = whole.fixed[0] @ fitted.beta[0]
    expected = multivariate_normal(mean, covariance(fitted, whole)).logpdf(y)
    assert found.sum() == pytest.approx(expected, abs=1e-8)


def test_densities_of_single_rows_are_exact(normal):
    fitted, whole, y = normal
    new = whole.take(~OLD)
    known = [len(u[0]) for u in fitted.u]
    codes = tuple(np.where(c < n, c, -1) for c, n in zip(new.codes, known, strict=True))
    plan = Plan.of(whole.layout, "conditional", "marginal")
    found = log_density(fitted, replace(new, codes=codes), plan, y[~OLD])
    center, spread = held_out(fitted, whole, y)
    assert_allclose(found, norm(center, np.sqrt(np.diag(spread))).logpdf(y[~OLD]), atol=1e-7)


def test_unseen_levels_without_an_effect_add_none(normal):
    fitted, whole, y = normal
    plan = Plan.of(whole.layout, "conditional", "fixed")
    found = joint_log_density(fitted, whole.take(~OLD), plan, y[~OLD])
    muted = [
        np.where((c < u.shape[-1])[:, None], z, 0.0)
        for c, u, z in zip(whole.codes, fitted.u, whole.columns, strict=True)
    ]
    quiet = replace(whole, columns=tuple(muted))
    expected = multivariate_normal(*held_out(fitted, quiet, y)).logpdf(y[~OLD])
    assert found.sum() == pytest.approx(expected, abs=1e-8)


def test_rows_of_one_new_level_share_the_density_of_their_block():
    terms = LAYOUTS["one factor"]
    whole = design([[ONE, X], [ONE]], *terms)
    y = RNG.normal(size=N)
    fitted = fit(Gaussian(), whole, y + whole.codes[0] % 3)
    plan = Plan.of(whole.layout, "marginal", "marginal")
    shares = joint_log_density(fitted, whole, plan, y)
    blocks = covariance(fitted, whole)
    mean = whole.fixed[0] @ fitted.beta[0]
    for level in range(16):
        rows = np.flatnonzero(level == G)
        own = multivariate_normal(mean[rows], blocks[np.ix_(rows, rows)]).logpdf(y[rows])
        assert_allclose(shares[rows], own / len(rows), atol=1e-9)


def test_rows_of_known_levels_of_crossed_factors_are_one_block(normal):
    fitted, whole, y = normal
    some = np.array([81, 84, 88])  # no two share a level, and all levels are known
    rows = whole.take(some)
    assert all(len(set(codes)) == 3 for codes in rows.codes)
    assert all(codes.max() < u.shape[-1] for codes, u in zip(rows.codes, fitted.u, strict=True))
    plan = Plan.of(whole.layout, "conditional", "marginal")
    shares = joint_log_density(fitted, rows, plan, y[some])
    assert (np.ptp(shares) < 1e-12) == (len(rows.codes) == 2)


# --- a beta response ------------------------------------------------------------------------------


def simulate(rng, sds=(0.7, 0.5), n_groups=40, n_rows=12, phi=8.0):
    """Data of the experiment that field workers know: slopes and intercepts differ by group."""
    group = np.repeat(np.arange(n_groups), n_rows)
    frame = pd.DataFrame({"x": rng.normal(size=len(group)), "g": group})
    b = rng.normal(0, 1, (n_groups, 2)) * sds
    eta = (0.3 + 0.5 * frame["x"] + b[group, 0] + b[group, 1] * frame["x"]).to_numpy()
    return frame, rng.beta(phi * expit(eta), phi * expit(-eta)).clip(1e-6, 1 - 1e-6)


@pytest.mark.parametrize(
    ("n_rows", "error"), [(12, 2e-2), pytest.param(80, 3e-3, marks=pytest.mark.slow)]
)
def test_joint_densities_of_a_new_group_equal_numerical_integration(n_rows, error):
    frame, y = simulate(np.random.default_rng(3), n_rows=n_rows, phi=20.0)
    new = (frame["g"] == 7).to_numpy()
    model = BetaGLMMRegressor("x + (x | g)").fit(frame[~new], y[~new])
    found = model.log_density(frame[new], y[new], joint=True).sum()
    root, phi = model.fit_.lambdas[0], np.exp(model.precision_coef_[0])
    eta = model.predict_linear(frame[new], kind="fixed")
    z = np.column_stack([np.ones(new.sum()), frame["x"][new]])

    line = np.linspace(-6, 6, 161)  # a smooth function: sums converge exponentially
    u = np.stack(np.meshgrid(line, line)).reshape(2, -1)
    mean = expit(eta[:, None] + z @ root @ u)
    log_density = beta_distribution.logpdf(y[new][:, None], phi * mean, phi * (1 - mean)).sum(
        axis=0
    )
    total = np.exp(log_density - found + norm.logpdf(u).sum(axis=0)).sum() * 0.075**2
    assert abs(np.log(total)) < error  # of Laplace's approximation


def test_joint_densities_approach_the_integral_as_a_group_grows():
    errors = []
    for n_rows in (4, 16, 64):
        frame, y = simulate(np.random.default_rng(1), (0.7, 0.0), 30, n_rows, phi=5.0)
        new = (frame["g"] == 2).to_numpy()
        model = BetaGLMMRegressor("x + (1 | g)").fit(frame[~new], y[~new])
        found = model.log_density(frame[new], y[new], joint=True).sum()
        phi, sd = np.exp(model.precision_coef_[0]), model.fit_.lambdas[0][0, 0]
        t = np.linspace(-8, 8, 4001)
        mean = expit(model.predict_linear(frame[new], kind="fixed")[:, None] + sd * t)
        value = beta_distribution.logpdf(y[new][:, None], phi * mean, phi * (1 - mean)).sum(axis=0)
        exact = trapezoid(np.exp(value - found + norm.logpdf(t)), t)
        errors.append(abs(np.log(exact)))
    assert errors[0] < 2e-2
    assert errors[2] < errors[0] / 4


@pytest.mark.parametrize("joint", [False, True])
def test_densities_are_in_units_of_y(joint):
    frame, y = simulate(np.random.default_rng(5))
    unit = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    percent = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100)).fit(frame, 100 * y)
    found = percent.log_density(frame, 100 * y, joint=joint)
    assert_allclose(found, unit.log_density(frame, y, joint=joint) - np.log(100), atol=1e-5)


@pytest.mark.parametrize("joint", [False, True])
def test_a_weight_of_two_is_the_row_twice(joint):
    frame, y = simulate(np.random.default_rng(5))
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    rows, twice = frame.head(30).assign(g=frame["g"] + 36), np.arange(30) % 3 == 0
    weights = np.where(twice, 2.0, 1.0)
    weighted = model.log_density(rows, y[:30], joint, sample_weight=weights)
    repeated = np.repeat(np.arange(30), weights.astype(int))
    full = model.log_density(rows.iloc[repeated], y[repeated], joint)
    assert weighted.sum() == pytest.approx(full.sum(), abs=1e-8)
    none = model.log_density(rows, y[:30], joint, sample_weight=np.where(twice, 0.0, 1.0))
    assert_array_equal(none[twice], 0.0)
    without = model.log_density(rows[~twice], y[:30][~twice], joint)
    assert_allclose(none[~twice], without, atol=1e-9)


def test_new_groups_and_kinds_mean_what_they_mean_for_predictions():
    frame, y = simulate(np.random.default_rng(6))
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    rows = frame.head(24).assign(g=np.repeat([0, 99], 12))
    y = y[:24]
    by_choice = {}
    for choice in ("marginal", "fixed", "nan"):
        model.set_params(new_groups=choice)
        by_choice[choice] = model.log_density(rows, y), model.log_density(rows, y, joint=True)
    for found in by_choice["nan"]:
        assert_array_equal(np.isnan(found), np.repeat([False, True], 12))
    for row_wise, joint in zip(by_choice["nan"], by_choice["marginal"], strict=True):
        assert_allclose(row_wise[:12], joint[:12])
    fixed = model.log_density(rows, y, kind="fixed")
    assert_allclose(by_choice["fixed"][0][12:], fixed[12:])
    assert by_choice["fixed"][1][12:].sum() == pytest.approx(fixed[12:].sum())
    assert_allclose(model.log_density(rows, y, True, kind="fixed").sum(), fixed.sum())
    marginal = model.log_density(rows.drop(columns="g"), y, kind="marginal")
    assert_allclose(marginal[12:], by_choice["marginal"][0][12:])
    assert model.log_density(rows, y, True, kind="marginal").sum() != marginal.sum()
    with pytest.raises(ValueError, match="levels of 'g'"):
        model.set_params(new_groups="error").log_density(rows, y)


def test_one_row_of_a_group_is_jointly_what_it_is_alone():
    frame, y = simulate(np.random.default_rng(7), phi=30.0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    rows = frame.head(12).assign(g=np.arange(100, 112))
    alone, joint = (model.log_density(rows, y[:12], joint=joint) for joint in (False, True))
    assert_allclose(joint, alone, atol=0.02)  # of Laplace's approximation
    assert np.abs(joint - alone).max() > 1e-6


def test_inference_does_not_change_a_density():
    frame, y = simulate(np.random.default_rng(8))
    known, quick = (
        BetaGLMMRegressor("x + (1 | g)", inference=choice).fit(frame, y) for choice in (True, False)
    )
    for joint in (False, True):
        assert_allclose(
            known.log_density(frame, y, joint), quick.log_density(frame, y, joint), atol=1e-4
        )


# --- choosing a structure -------------------------------------------------------------------------

STRUCTURES = ("x", "x + (1 | g)", "x + (x | g)")


def scores(frame, y, splitter, **how):
    """Mean log density of held-out rows, for each structure."""
    found, groups = [], frame["g"] if isinstance(splitter, GroupKFold) else None
    for text in STRUCTURES:
        total = 0.0
        for train, test in splitter.split(frame, y, groups):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SingularFitWarning)
                model = BetaGLMMRegressor(text, inference=False).fit(frame.iloc[train], y[train])
            total += model.log_density(frame.iloc[test], y[test], **how).sum()
        found.append(total / len(y))
    return found


def test_the_joint_density_of_held_out_groups_ranks_structures():
    frame, y = simulate(np.random.default_rng(11))
    none, intercept, slope = scores(frame, y, GroupKFold(5), joint=True)
    assert none + 0.05 < intercept
    assert intercept + 0.03 < slope


@pytest.mark.slow
def test_the_joint_density_ranks_structures_in_every_data_set():
    best = {"joint": [], "row by row": [], "known groups": []}
    for seed in range(40):
        frame, y = simulate(np.random.default_rng(seed))
        best["joint"].append(np.argsort(scores(frame, y, GroupKFold(5), joint=True)))
        best["row by row"].append(np.argsort(scores(frame, y, GroupKFold(5))))
        folds = KFold(5, shuffle=True, random_state=seed)
        best["known groups"].append(np.argsort(scores(frame, y, folds)))
    ranked = {name: np.mean(np.all(np.array(o) == [0, 1, 2], axis=1)) for name, o in best.items()}
    assert ranked["joint"] == 1.0
    assert ranked["known groups"] > 0.95
    assert ranked["row by row"] < 0.9
