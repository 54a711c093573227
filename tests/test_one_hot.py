"""Effects by index against the same effects as dense columns of zeros and ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal

from skglmm.covariance import Autoregressive, Diagonal, Unstructured
from skglmm.design import OneHot
from skglmm.engine import AdaptiveQuadrature, ProfiledGaussian, bind
from skglmm.exceptions import DesignError
from skglmm.families import Beta
from skglmm.families import Gaussian as Normal
from skglmm.fitting import Options, Study, fit
from skglmm.inference import (
    Plan,
    condition,
    estimate_frame,
    group_coefficients,
    joint_log_density,
    mean_interval,
    natural,
    predict,
    residual_checks,
    sample,
    tidy,
    update,
)
from skglmm.linalg import Pattern, cholesky, congruence, full_matrices, inverse, left_product
from skglmm.linalg.batched import solve_lower, solve_lower_at, solve_upper, solve_upper_at
from skglmm.links import Identity, Log

N, FEW, MANY = 240, 5, 12  # rows, and effects of a level
X, ONE, ROWS = np.sin(np.arange(240)), np.ones(240), np.arange(240)
GROUP = np.random.default_rng(1).integers(0, 30, N)
RESPONSE = np.random.default_rng(2).beta(2.0, 3.0, N)
NORMAL = Gaussian(links=(Identity(), Log()))
CROSSED = Term("h", ROWS % 7, (ONE, X), Unstructured(2))
BOTH = Term("h", ROWS % 7, (ONE, ONE), Unstructured(2), (0, 1))


def indexed(size, codes, name="g", values=None, predictor=0, step=7):
    """A term of effects by index, and the same with dense columns."""
    z = OneHot(np.asarray(ROWS * step % 13 % size, dtype=np.intp), size, values)
    feeds = (predictor,) * size
    return [
        Term(name, codes, columns, Autoregressive(size), feeds)
        for columns in (z, tuple(z.toarray().T))
    ]


def models_of(*columns):
    """The designs by index and dense, of terms that are pairs or the same in both."""
    pairs = [each if isinstance(each, list) else [each, each] for each in columns]
    return [design(([ONE, X], [ONE, X]), *terms) for terms in zip(*pairs, strict=True)]


NESTED = Term("h", ROWS // 2 * 5 // 6, (ONE,), Unstructured(1))
MODELS = {
    "many levels": models_of(indexed(FEW, GROUP)),
    "large blocks": models_of(indexed(MANY, GROUP)),
    "one level": models_of(indexed(MANY, ONE)),
    "a numeric column": models_of(indexed(FEW, GROUP, values=X)),
    "crossed": models_of(indexed(FEW, GROUP), CROSSED),
    "large and crossed": models_of(indexed(MANY, GROUP), CROSSED),
    "one level beside others": models_of(indexed(MANY, ONE), NESTED),
    "two predictors": models_of(indexed(FEW, GROUP), BOTH),
    "the other predictor": models_of(indexed(FEW, GROUP, predictor=1), BOTH),
    "nested": models_of(indexed(FEW, ROWS // 2), NESTED),
    "nested, large": models_of(indexed(13, ROWS // 2, step=1), NESTED),
    "by index twice": models_of(indexed(9, GROUP), indexed(4, ROWS % 7, "h", step=5)),
    "on one factor": models_of(indexed(FEW, GROUP), Term("g", GROUP, (ONE,), Unstructured(1))),
}
SOME = ["many levels", "large blocks", "a numeric column", "large and crossed"]


def responses(model, seed=7):
    """Linear predictors of the mean with random effects."""
    rng = np.random.default_rng(seed)
    eta = 0.2 + 0.4 * X
    for z, codes, factor in zip(model.columns, model.codes, model.layout.factors, strict=True):
        effects = 0.8 * rng.standard_normal((factor.n_columns, factor.n_levels))
        eta = eta + np.einsum("nc,cn->n", z, effects[:, codes])
    return rng, eta


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("family", "rows"), [(NORMAL, 100), (Beta(), 10_000)], ids=repr)
def test_likelihood_and_gradient_are_those_of_dense_columns(name, family, rows):
    found, known = (bind(each, RESPONSE, None, family, rows) for each in MODELS[name])
    vector = np.random.default_rng(3).uniform(0.2, 0.6, known.shape.n_params)
    here, there = found.evaluate(vector), known.evaluate(vector)
    assert_allclose(here.value, there.value, rtol=1e-11)
    assert_allclose(here.gradient, there.gradient, rtol=1e-9, atol=1e-9)
    if name in ("many levels", "a numeric column", "large blocks"):
        pairs = (found, here), (known, there)
        mine, theirs = (each.cluster_gradients(at.mode, GROUP) for each, at in pairs)
        assert_allclose(mine, theirs, rtol=1e-8, atol=1e-8)


def test_the_gradient_is_that_of_differences():
    problem = bind(MODELS["large and crossed"][0], RESPONSE, None, Beta())
    vector = np.random.default_rng(5).uniform(0.2, 0.6, problem.shape.n_params)
    steps = 1e-5 * np.eye(len(vector))
    ends = [(problem.evaluate(vector + e).value, problem.evaluate(vector - e).value) for e in steps]
    slopes = [(high - low) / 2e-5 for high, low in ends]
    assert_allclose(problem.evaluate(vector).gradient, slopes, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("integrated", [(), (0,)], ids=["ML", "REML"])
@pytest.mark.parametrize("name", [*SOME, "one level", "one level beside others", "by index twice"])
def test_linear_mixed_models_are_those_of_dense_columns(name, integrated):
    rng, eta = responses(MODELS[name][1])
    y, approximation = eta + 0.4 * rng.normal(size=N), ProfiledGaussian(integrated=integrated)
    plain = [design(([ONE, X], [ONE]), *terms_of(each)) for each in MODELS[name]]
    found, known = (fit(Normal(), each, y, approximation=approximation) for each in plain)
    assert found.converged
    assert_allclose(found.log_likelihood, known.log_likelihood, rtol=1e-9)
    assert_allclose(found.beta[0], known.beta[0], rtol=1e-5)
    values, others = ([each.value for each in natural(each)] for each in (found, known))
    assert_allclose(values, others, rtol=1e-4, atol=1e-5)


def terms_of(model):
    """The terms of a design as they were given."""
    for factor, codes, z in zip(model.layout.factors, model.codes, model.columns, strict=True):
        columns = z if isinstance(z, OneHot) else tuple(z.T)
        yield Term(factor.name, codes, columns, factor.covariance, factor.predictors)


def test_the_likelihood_of_one_block_is_that_of_the_dense_normal_distribution():
    size, rng = 40, np.random.default_rng(4)
    index = np.concatenate([np.arange(size), rng.integers(0, size, N - size)]).astype(np.intp)
    term = Term("all", ONE, OneHot(index, size), Autoregressive(size))
    model = design(([ONE, X], [ONE]), term)
    y = rng.normal(size=N) + np.cumsum(rng.normal(size=size))[index] / 3.0
    found = fit(Normal(), model, y, approximation=ProfiledGaussian())
    shared = (found.lambdas[0] @ found.lambdas[0].T)[np.ix_(index, index)]
    total = shared + np.exp(2.0 * found.beta[1][0]) * np.eye(N)
    mean = found.beta[0][0] + found.beta[0][1] * X
    known = multivariate_normal(mean, total).logpdf(y)
    assert_allclose(found.log_likelihood, known, rtol=1e-10)
    modes = shared @ cho_solve(cho_factor(total), y - mean)
    assert_allclose(found.modes(0)[index, 0], modes, rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module", params=SOME)
def fits(request):
    rng, eta = responses(MODELS[request.param][1])
    mean = 1.0 / (1.0 + np.exp(-eta))
    y = rng.beta(15 * mean, 15 * (1 - mean)).clip(1e-4, 1 - 1e-4)
    options = Options(averages=True)
    plain = [design(([ONE, X], [ONE]), *terms_of(each)) for each in MODELS[request.param]]
    return y, [(fit(Beta(), each, y, options=options), each) for each in plain]


@pytest.mark.parametrize("kind", ["conditional", "posterior", "marginal"])
def test_predictions_and_their_limits_are_those_of_dense_columns(fits, kind):
    y, pairs = fits
    for of in (limits, densities, samples):
        found, known = (of(*pair, Plan.of(pair[0].layout, kind, "marginal"), y) for pair in pairs)
        assert_allclose(found, known, rtol=1e-5, atol=1e-6)


def limits(found, model, plan, y):
    return np.stack(list(vars(mean_interval(found, model, plan, 0.9)).values()))


def densities(found, model, plan, y):
    return joint_log_density(found, model, plan, y)


def samples(found, model, plan, y):
    return sample(found, model, plan, 2, np.random.default_rng(0), new_effects=False)


def test_new_rows_and_groups_are_those_of_dense_columns(fits):
    y, pairs = fits
    means, errors = [], []
    for found, model in pairs:
        part = model.take(np.arange(50))
        after = condition(found, part, update(found, part, y[:50], None))
        plan = Plan.of(after.layout, "conditional", "marginal")
        means.append(predict(after, part, plan, spread=True).std)
        errors.append(group_coefficients(found).std_error)
    assert_allclose(*means, rtol=1e-5)
    assert_allclose(*errors, rtol=1e-4)


def test_tables_show_what_effects_by_index_have_in_common(fits):
    found = fits[1][0][0]
    names = [each.name for each in natural(found)]
    table = estimate_frame(tidy(found))
    shown = table.loc[(table["effect"] == "random") & (table["group"] == "g"), "term"]
    assert [name.replace(" | g", "") for name in names if "| g)" in name] == list(shown)


def test_residual_checks_ask_for_no_slopes_of_effects_by_index(fits):
    y, (pair, _) = fits
    study = Study.of(Beta(), pair[1], y).like(pair[0])
    here = study.problem.evaluate(study.vector(pair[0]))
    found = residual_checks(study, here.mode, np.random.default_rng(0))
    assert len(found.tests) > 3


def test_quadrature_takes_a_few_effects_by_index():
    found, known = (
        bind(each, RESPONSE, None, Beta()).approximated(AdaptiveQuadrature(3), each.layout)
        for each in models_of(indexed(2, GROUP))
    )
    vector = np.array([0.1, 0.2, 0.5, 0.1, 0.4, 0.3])
    here, there = found.evaluate(vector), known.evaluate(vector)
    assert_allclose(here.value, there.value, rtol=1e-11)
    assert_allclose(here.gradient, there.gradient, rtol=1e-9, atol=1e-9)


def test_independent_effects_without_rows_are_refused_by_name():
    z = OneHot(np.asarray(ROWS % 3, dtype=np.intp), 4)
    model = design(([ONE, X], [ONE]), Term("g", GROUP, z, Diagonal(4)))
    with pytest.raises(DesignError, match="no row has these random effects of g: z3"):
        fit(Beta(), model, RESPONSE)


def test_columns_by_index_are_taken_and_turned_like_dense_ones():
    z = OneHot(np.asarray(ROWS % 3, dtype=np.intp), 3, X)
    assert_array_equal(z[10:20].toarray(), z.toarray()[10:20])
    assert_array_equal(z.times(2.0).toarray(), 2.0 * z.toarray())
    assert z.times(1.0) is z


@pytest.mark.parametrize(("size", "n"), [(3, 5), (9, 1), (9, 4), (9, 100), (70, 2)])
def test_large_blocks_are_solved_like_small_ones(size, n):
    rng = np.random.default_rng(size)
    root, wide = rng.normal(size=(n, size, size + 2)), rng.normal(size=(size, 4, n))
    whole = np.moveaxis(root @ np.swapaxes(root, 1, 2), 0, -1)
    lower = cholesky(whole)
    assert_allclose(np.einsum("abl,cbl->acl", lower, lower), whole, rtol=1e-9, atol=1e-9)
    back = np.einsum("abl,bcl->acl", lower, solve_lower(lower[:, :, None], wide))
    assert_allclose(back, wide, atol=1e-7)
    back = np.einsum("bal,bcl->acl", lower, solve_upper(lower[:, :, None], wide))
    assert_allclose(back, wide, atol=1e-7)
    unit = np.einsum("abl,bcl->acl", whole, inverse(lower))
    assert_allclose(unit, full_matrices(np.ones((size, n))), atol=1e-5)
    places, right = rng.integers(0, n, 11), rng.normal(size=(size, 11))
    for solve, turned in ((solve_lower_at, lower), (solve_upper_at, np.swapaxes(lower, 0, 1))):
        found = solve(lower, places, right)
        assert_allclose(np.einsum("abm,bm->am", turned[:, :, places], found), right, atol=1e-7)
    broken = whole.copy()
    broken[0, 0, -1] = np.nan
    assert cholesky(broken) is None
    assert cholesky(-whole) is None


@pytest.mark.parametrize(("size", "n"), [(3, 5), (9, 2), (9, 100), (70, 1)])
def test_products_of_diagonals_and_of_triangles_are_those_of_matrices(size, n):
    rng = np.random.default_rng(size)
    lower, diagonals = np.tril(rng.normal(size=(size, size))), rng.normal(size=(size, n))
    known = np.einsum("ca,cl,cb->abl", lower, diagonals, lower)
    assert_allclose(congruence(lower, diagonals, lower), known, atol=1e-10)
    assert_allclose(congruence(lower, full_matrices(diagonals), lower), known, atol=1e-10)
    known = np.einsum("ca,cl,cb->abl", lower, np.abs(diagonals), lower)
    assert_allclose(congruence(lower, np.abs(diagonals), lower), known, atol=1e-10)
    assert congruence(lower, np.zeros((size, size, 0)), lower).shape == (size, size, 0)
    wide = rng.normal(size=(size, 3, n))
    assert_allclose(left_product(lower[1:], wide), left_product(lower, wide)[1:], atol=1e-10)
    assert_allclose(left_product(lower, wide), np.einsum("ab,bcl->acl", lower, wide), atol=1e-10)


@pytest.mark.parametrize("full", [True, False])
def test_patterns_of_many_columns_are_those_of_few(full):
    levels, columns = (part.ravel() for part in np.meshgrid(np.arange(4), np.arange(3)))
    kept = slice(None) if full else np.arange(12) % 5 != 1
    pattern = Pattern(levels[kept], columns[kept], 4, 3)
    values = np.random.default_rng(0).normal(size=(10, len(pattern.levels)))
    dense = np.zeros((10, 4, 3))
    dense[:, pattern.levels, pattern.columns] = values
    out, crossed = np.zeros((3, 3)), np.eye(3) + 0.3
    pattern.subtract_gram(values, out)
    assert_allclose(np.triu(out), -np.triu(np.einsum("klc,kld->cd", dense, dense)))
    moved = (dense @ crossed)[:, pattern.levels, pattern.columns]
    assert_allclose(pattern.times(values, crossed), moved)
    squares = np.einsum("alc,cd,bld->ab", dense, crossed, dense)
    assert_allclose(pattern.sums_of_squares(values, crossed), squares)
    known = np.einsum("alc,blc->abl", dense, dense)
    assert_allclose(pattern.products_by_level(values, values), known)
