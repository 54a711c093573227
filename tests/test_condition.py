"""Effects updated by new rows, against the mode finder on all rows and exact answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from skglmm import BetaGLMMRegressor
from skglmm.covariance import Unstructured
from skglmm.engine import Params, bind, effect_information, find_mode, prior_hessian
from skglmm.fitting import fit
from skglmm.inference import condition, update
from skglmm.inference.parameters.delta import posterior_blocks

N = 300
RNG = np.random.default_rng(8)
X = RNG.normal(size=N)
G, H, K = RNG.integers(0, 25, N), RNG.integers(0, 8, N), RNG.integers(0, 4, N)
ONE = np.ones(N)
TERMS = {
    "one factor": (Term("g", G, (ONE, X), Unstructured(2)),),
    "crossed": (Term("h", H, (ONE, X), Unstructured(2)), Term("g", G, (ONE,), Unstructured(1))),
    "nested": (Term("h", G // 5, (ONE,), Unstructured(1)), Term("g", G, (ONE,), Unstructured(1))),
    "three factors": (
        Term("k", K, (ONE, X), Unstructured(2)),
        Term("g", G, (ONE,), Unstructured(1)),
        Term("h", H, (ONE, X), Unstructured(2)),
    ),
}
OLD = (G % 4 != 3) & (H != 7)  # what is left out has new levels of g and h, and known ones


def known_first(codes):
    """Number levels so that those of the old rows come first."""
    levels = np.concatenate([np.unique(codes[OLD]), np.setdiff1d(codes, codes[OLD])])
    return np.argsort(levels)[np.searchsorted(np.sort(levels), codes)]


def old_rows(whole, kept):
    """The design of the kept rows, which knows their levels alone."""
    part = whole.take(kept)
    factors = [
        replace(factor, labels=factor.labels[: codes.max() + 1])
        for factor, codes in zip(part.layout.factors, part.codes, strict=True)
    ]
    return replace(part, layout=replace(part.layout, factors=tuple(factors)))


@pytest.fixture(scope="module", params=TERMS)
def study(request):
    rng = np.random.default_rng(4)
    terms = TERMS[request.param]
    y = 0.5 * X + rng.normal(0, 0.6, N)
    for term in terms:
        effects = rng.normal(0, 0.7, (len(term.columns), 40))
        y = y + sum(z * effects[c, term.codes] for c, z in enumerate(term.columns))
    whole = design(
        [[ONE, X], [ONE]], *(replace(term, codes=known_first(term.codes)) for term in terms)
    )
    return fit(Gaussian(), old_rows(whole, OLD), y[OLD]), whole, y


def test_a_normal_response_is_updated_exactly(study):
    before, whole, y = study
    after = condition(before, whole.take(~OLD), update(before, whole.take(~OLD), y[~OLD], None))
    at_once = update(before, whole, y, None, forget=True)
    together = condition(before, whole, at_once)
    for f, factor in enumerate(whole.layout.factors):
        assert after.u[f].shape == (factor.n_columns, factor.n_levels)
        assert_allclose(after.u[f], together.u[f], atol=1e-9)
        every = np.arange(factor.n_levels)
        blocks = (posterior_blocks(each, f, f, every, every) for each in (after, together))
        assert_allclose(*blocks, atol=1e-10)
        assert_allclose(
            after.effect_information.blocks[f], together.effect_information.blocks[f], atol=1e-9
        )
    assert after.log_likelihood == before.log_likelihood


def test_rows_of_two_updates_are_those_of_one(study):
    before, whole, y = study
    first, second = ~OLD & (X < 0), ~OLD & (X >= 0)
    stepwise = before
    for rows in (first, second):
        found = update(stepwise, whole.take(rows), y[rows], None)
        stepwise = condition(stepwise, whole.take(rows), found)
    at_once = condition(before, whole.take(~OLD), update(before, whole.take(~OLD), y[~OLD], None))
    for f in range(len(whole.codes)):
        assert_allclose(stepwise.u[f], at_once.u[f], atol=1e-9)


def test_the_modes_move_with_the_parameters_as_differences_say(study):
    before, whole, y = study
    found = condition(before, whole, update(before, whole, y, None, forget=True))
    vector, sizes = Params(before.beta, before.theta).pack(), [len(b) for b in before.beta]
    ends = np.cumsum([*sizes, *(len(t) for t in before.theta)])[:-1]
    for j, step in enumerate(1e-5 * np.eye(len(vector))):
        moved = []
        for sign in (1, -1):
            pieces = tuple(np.split(vector + sign * step, ends))
            at = replace(before, beta=pieces[: len(sizes)], theta=pieces[len(sizes) :])
            got = update(at, whole, y, None, forget=True)
            moved.append(got.problem.in_layout_order(got.problem.join(got.mode.point.u)))
        for f, moves in enumerate(found.mode_jacobian):
            assert_allclose(moves[j], (moved[0][f] - moved[1][f]) / 2e-5, atol=1e-6)


def test_modes_after_an_update_move_as_those_of_all_rows(study):
    before, whole, y = study
    new = whole.take(~OLD)
    after = condition(before, new, update(before, new, y[~OLD], None))
    together = condition(before, whole, update(before, whole, y, None, forget=True))
    n_beta = len(before.beta[0])  # the precision of a prior that was updated is held fixed
    for f in range(len(whole.codes)):
        assert_allclose(
            after.mode_jacobian[f][:n_beta], together.mode_jacobian[f][:n_beta], atol=1e-8
        )


def test_what_a_fit_remembers_is_its_hessian(study):
    before, whole, y = study
    old = old_rows(whole, OLD)
    pairs = zip(old.columns, before.bases, strict=True)
    standard = replace(old, columns=tuple(z @ basis for z, basis in pairs))
    problem = bind(standard, y[OLD], None, Gaussian(), shard_rows=20)
    zeros = problem.zero()
    mode = find_mode(problem, Params(before.beta, before.theta), zeros)
    again = effect_information(problem, mode)
    for f in range(len(old.codes)):
        assert_allclose(again.blocks[f], before.effect_information.blocks[f], rtol=1e-6, atol=1e-8)
    for key, coupling in again.pairs.items():
        assert_array_equal(coupling.left, before.effect_information.pairs[key].left)
        assert_allclose(
            coupling.values, before.effect_information.pairs[key].values, rtol=1e-6, atol=1e-8
        )
    found = update(before, old, y[OLD], None)
    assert_allclose(
        prior_hessian(found.problem).half_logdet, mode.system.half_logdet, rtol=0, atol=1e-6
    )


def test_a_prior_is_the_same_in_many_shards(study):
    before, whole, y = study
    new = whole.take(~OLD)
    at_once = update(before, new, y[~OLD], None)
    n_levels = [factor.n_levels for factor in whole.layout.factors]
    pairs = zip(new.columns, before.bases, strict=True)
    standard = replace(new, columns=tuple(z @ basis for z, basis in pairs))
    earlier = at_once.earlier
    assert [part.shape[1] for part in earlier.mean] == n_levels
    problem = bind(standard, y[~OLD], None, Gaussian(), shard_rows=10, earlier=earlier)
    assert len(problem.shards) > 3
    mode = find_mode(problem, Params(before.beta, before.theta), problem.zero())
    assert_allclose(mode.point.value, at_once.mode.point.value, rtol=1e-10)
    assert_allclose(mode.system.half_logdet, at_once.mode.system.half_logdet, rtol=1e-10)
    u = tuple(RNG.normal(size=size) for size in problem.sizes)
    products = (each.join(each.prior.times(each.split(u))) for each in (problem, at_once.problem))
    for split, whole_product in zip(*products, strict=True):
        assert_allclose(split, whole_product, atol=1e-10)


# --- the estimator --------------------------------------------------------------------------------


def simulate(rng, n_groups=30, n_rows=12):
    frame = pd.DataFrame({"x": rng.normal(size=n_groups * n_rows)})
    frame["g"] = np.repeat([f"g{i:02d}" for i in range(n_groups)], n_rows)
    frame["site"] = rng.choice(list("abcde"), len(frame))
    b = rng.normal(0, [0.8, 0.4], (n_groups, 2))[np.repeat(np.arange(n_groups), n_rows)]
    site = frame["site"].map(dict(zip("abcde", rng.normal(0, 0.6, 5), strict=True)))
    eta = (0.3 + 0.5 * frame["x"] + b[:, 0] + b[:, 1] * frame["x"] + site).to_numpy()
    return frame, 100 * rng.beta(8 * expit(eta), 8 * expit(-eta)).clip(1e-9, 1 - 1e-9)


@pytest.fixture(scope="module")
def held_out():
    frame, y = simulate(np.random.default_rng(5))
    new = frame["g"].isin(["g03", "g11", "g29"]).to_numpy()
    model = BetaGLMMRegressor("x + (x | g)", bounds=(0, 100))
    return model.fit(frame[~new], y[~new]), frame, y, new


def test_new_groups_get_the_modes_of_all_rows_together(held_out):
    model, frame, y, new = held_out
    updated = model.condition(frame[new], y[new])
    together = model.condition(frame, y, forget=True)
    assert type(updated) is BetaGLMMRegressor
    assert updated.n_levels_ == {"g": 30}
    assert model.n_levels_ == {"g": 27}
    assert_allclose(updated.predict(frame), together.predict(frame), atol=1e-6)
    for kind in ("conditional", "fixed", "marginal"):
        assert_allclose(
            updated.predict_interval(frame, kind=kind),
            together.predict_interval(frame, kind=kind),
            atol=1e-5,
        )
    assert_allclose(updated.predict(frame[~new]), model.predict(frame[~new]), atol=1e-6)
    shown = updated.random_effects().set_index("level")["mode"]
    assert {"g03", "g11", "g29"} <= set(shown.index)
    assert updated.log_likelihood_ == model.log_likelihood_


def test_a_few_rows_move_the_prediction_of_a_new_group_towards_them(held_out):
    model, frame, y, _ = held_out
    widths, errors = [], []
    rows = np.flatnonzero(frame["g"].to_numpy() == "g11")
    last = frame.iloc[rows[-2:]]
    for n in (0, 3, 10):
        now = model if n == 0 else model.condition(frame.iloc[rows[:n]], y[rows[:n]])
        widths.append(np.diff(now.predict_interval(last)).mean())
        errors.append(np.abs(now.predict(last) - y[rows[-2:]]).mean())
    assert widths[0] > 1.5 * widths[1] > 1.5 * widths[2] / 1.2
    assert widths[1] > widths[2]


def test_weights_count_rows_of_an_update(held_out):
    model, frame, y, new = held_out
    twice = model.condition(
        pd.concat([frame[new], frame[new]]), np.concatenate([y[new], y[new]])
    ).predict(frame[new])
    weighted = model.condition(frame[new], y[new], sample_weight=np.full(new.sum(), 2.0))
    assert_allclose(weighted.predict(frame[new]), twice, atol=1e-7)
    none = np.where(frame["g"][new] == "g03", 0.0, 1.0)
    assert model.condition(frame[new], y[new], sample_weight=none).n_levels_ == {"g": 29}
    impossible = np.where(none == 0.0, 7.0, y[new])  # which is not read, as in fit
    assert model.condition(frame[new], impossible, sample_weight=none).n_levels_ == {"g": 29}


@pytest.mark.parametrize("text", ["x + (1 | g) + (1 | site)", "x + (1 | site/g)", "x + (x || g)"])
def test_every_structure_takes_new_levels(text):
    frame, y = simulate(np.random.default_rng(6))
    new = frame["g"].isin(["g03", "g11"]).to_numpy() | (frame["site"] == "c").to_numpy()
    model = BetaGLMMRegressor(text, bounds=(0, 100)).fit(frame[~new], y[~new])
    updated = model.condition(frame[new], y[new])
    together = model.condition(frame, y, forget=True)
    exact = together.predict(frame)  # known levels: a normal approximation of their old rows
    error, move = (np.std(each.predict(frame) - exact) for each in (updated, model))
    assert error < 0.15 * move
    assert_array_equal(list(updated.n_levels_.values()), list(together.n_levels_.values()))
    assert np.all(updated.predict_interval(frame, "response") > 0)


def counted():
    """Rows whose groups have numbers, a model of the first ten, and which rows are new."""
    frame, y = simulate(np.random.default_rng(5), n_groups=12)
    frame = frame.assign(g=frame["g"].str[1:].astype(int))
    new = (frame["g"] >= 10).to_numpy()
    return (
        frame,
        y,
        BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100)).fit(frame[~new], y[~new]),
        new,
    )


def test_whole_numbers_remain_whole_when_new_ones_come_as_floats():
    frame, y, model, new = counted()
    rows = frame[new].astype({"g": float})
    updated = model.condition(rows, y[new])
    assert_allclose(updated.predict(rows), model.condition(frame[new], y[new]).predict(frame[new]))
    assert list(updated.random_effects()["level"]) == [str(level) for level in range(12)]


@pytest.mark.parametrize("label", [10.5, np.inf])
def test_labels_that_fit_would_refuse_are_no_new_levels(label):
    frame, y, model, new = counted()
    with pytest.raises(ValueError, match="'g' held whole numbers in fit and holds"):
        model.condition(frame[new].assign(g=label), y[new])


def test_dates_with_and_without_a_time_zone_are_not_mixed():
    frame, y, _, new = counted()
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(frame["g"], unit="D")
    frame = frame.assign(g=days)
    model = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100)).fit(frame[~new], y[~new])
    assert model.condition(frame[new], y[new]).n_levels_ == {"g": 12}
    with pytest.raises(ValueError, match=r"'g' held datetime64.* values in fit and holds .*UTC"):
        model.condition(frame[new].assign(g=days[new].dt.tz_localize("UTC")), y[new])


def test_a_model_without_random_effects_is_conditioned_on_nothing():
    frame, y = simulate(np.random.default_rng(6))
    model = BetaGLMMRegressor("x", bounds=(0, 100)).fit(frame, y)
    assert_allclose(model.condition(frame.head(5), y[:5]).predict(frame), model.predict(frame))


def test_an_update_without_inference_predicts_too(held_out):
    _, frame, y, new = held_out
    model = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100), inference=False)
    updated = model.fit(frame[~new], y[~new]).condition(frame[new], y[new])
    assert updated.fit_.mode_jacobian is None
    assert np.all(np.isfinite(updated.predict(frame)))


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (lambda X, y: (X.drop(columns="g"), y), "unknown column 'g'"),
        (lambda X, y: (X.assign(g=1), y), "was text in fit and is number now"),
        (lambda X, y: (X, np.where(np.arange(len(y)) == 1, 101.0, y)), "between the bounds"),
        (lambda X, y: (X, np.where(np.arange(len(y)) == 1, 100.0, y)), "exactly on a bound"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    ],
)
def test_wrong_rows_are_refused(held_out, change, fragment):
    model, frame, y, new = held_out
    rows = change(frame[new], y[new])
    for method in (model.condition, model.log_density):
        with pytest.raises(ValueError, match=fragment):
            method(*rows) if method == model.condition else method(*rows, joint=True)


def test_rows_that_no_effects_can_explain_are_told_of(held_out):
    model, frame, y, new = held_out
    far = frame[new].assign(x=2000.0)  # in other units
    with pytest.raises(ValueError, match=r"no mode .* far outside the range .* other units"):
        model.condition(far, y[new])
    with pytest.warns(ConvergenceWarning, match=r"no mode .* other units"):
        found = model.log_density(far, y[new], joint=True)
    assert np.isnan(found).all()
