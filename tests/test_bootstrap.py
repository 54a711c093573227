"""Replicates that do not depend on workers, and the parametric bootstrap."""

import json
import pickle
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skglmm import BetaGLMMRegressor, LMMRegressor
from skglmm import inference as infer
from skglmm.datasets import load_petrol, make_dragons
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.runtime.replicates import replicate, seeds
from skglmm.exceptions import DesignError, SingularFitWarning
from skglmm.inference.uncertainty import bootstrap as _bootstrap
from skglmm.inference.uncertainty.bootstrap import Refit

REFERENCE = Path(__file__).parent / "reference"
NAMES = ("Intercept", "EP", "precision", "sd(Intercept | batch)")


@pytest.fixture(scope="module")
def petrol():
    return load_petrol(return_X_y=True)


@pytest.fixture(scope="module")
def model(petrol):
    return BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(*petrol)


@pytest.fixture(scope="module")
def sloped():
    """Correlated intercepts and slopes whose columns are centered and scaled inside."""
    rng = np.random.default_rng(4)
    g, x = np.repeat(np.arange(12), 8), 50 + 10 * rng.normal(size=96)
    eta = 0.04 * (x - 50) + rng.normal(0, 0.7, 12)[g] + 0.05 * rng.normal(size=12)[g] * (x - 50)
    mean = 1 / (1 + np.exp(-eta))
    y = rng.beta(12 * mean, 12 * (1 - mean))
    X = pd.DataFrame({"x": x, "g": g.astype(str)})
    return X, y, BetaGLMMRegressor("x + (x | g)", precision="1 + x").fit(X, y)


def draw(scale, rng):
    return scale * rng.normal(size=3)


# --- replicates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_replicates_do_not_depend_on_workers_and_backends(backend):
    alone = replicate(partial(draw, 2.0), seeds(3, 20))
    with joblib.parallel_config(backend=backend):
        shared = replicate(partial(draw, 2.0), seeds(3, 20), n_jobs=2)
    assert_array_equal(shared, alone)


def test_the_first_replicates_do_not_depend_on_how_many_there_are():
    few, many = (replicate(partial(draw, 1.0), seeds(3, n)) for n in (4, 30))
    assert_array_equal(many[:4], few)
    assert len(np.unique(many)) == 90


def test_seeds_take_all_that_scikit_learn_takes():
    def first(state):
        return np.random.default_rng(seeds(state, 1)[0]).integers(2**62)

    for kind in (np.random.default_rng, np.random.RandomState):
        assert first(kind(1)) == first(kind(1)) != first(kind(2))
        source = kind(1)
        assert first(source) != first(source)
    assert first(None) != first(None)
    assert first(np.int64(7)) == first(7)
    with pytest.raises(ValueError, match="cannot be used to seed"):
        seeds("seven", 2)


class Bar:
    """What replicates use of tqdm's bar."""

    seen = ()

    def __init__(self, total, unit, delay):
        assert (unit, delay) == ("refit", 2.0)
        Bar.seen = (total,)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n):
        Bar.seen += (n,)


def test_a_bar_counts_the_replicates_where_tqdm_is_installed(monkeypatch):
    package, auto = ModuleType("tqdm"), ModuleType("tqdm.auto")
    package.__spec__, package.__path__, auto.tqdm = object(), [], Bar
    monkeypatch.setitem(sys.modules, "tqdm", package)
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    replicate(partial(draw, 1.0), seeds(0, 10))
    assert Bar.seen[0] == 10 == sum(Bar.seen[1:])
    assert len(Bar.seen) > 5


def test_no_bar_where_tqdm_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert len(replicate(partial(draw, 1.0), seeds(0, 10))) == 10


# --- simulated responses -------------------------------------------------------------------------


def test_responses_are_those_of_the_sample_in_the_units_of_the_user(sloped):
    X, y, model = sloped
    study, fit = study_of(model, X, y), model.fit_
    design = model._spec.build(X)
    plan = infer.Plan.of(fit.layout, "conditional", "marginal")
    simulated = infer.simulate_responses(fit, study, np.random.default_rng(8))
    draws = infer.sample(fit, design, plan, 1, np.random.default_rng(8), new_effects=True)[:, 0]
    assert_allclose(simulated, draws, rtol=1e-9)


def test_a_row_of_weight_two_is_simulated_as_two_rows(petrol):
    X, y = petrol
    weights = np.resize([1.0, 2.0, 3.0], len(y))
    rows = np.repeat(np.arange(len(y)), weights.astype(int))
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y, weights)
    longer = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X.iloc[rows], y[rows])
    found = model.bootstrap(X, y, 3, sample_weight=weights, random_state=1)
    expected = longer.bootstrap(X.iloc[rows], y[rows], 3, random_state=1)
    assert_allclose(found.log_likelihoods, expected.log_likelihoods, rtol=1e-6)
    assert_allclose(found.replicates, expected.replicates, rtol=1e-3)  # two optimizers' ends


def test_weights_that_are_no_whole_numbers_are_refused(petrol):
    X, y = petrol
    weights = np.resize([1.0, 2.5], len(y))
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y, weights)
    with pytest.raises(ValueError, match=r"16 of 32 are not, the first is sample_weight\[1\]=2.5"):
        model.bootstrap(X, y, 3, sample_weight=weights)


# --- the bootstrap of a model --------------------------------------------------------------------


def test_refits_do_not_depend_on_workers_and_backends(petrol, model):
    alone = model.bootstrap(*petrol, 12, random_state=5)
    for backend, options in (("loky", {"max_nbytes": 500}), ("threading", {})):
        with joblib.parallel_config(backend=backend, **options):
            shared = model.bootstrap(*petrol, 12, random_state=5, n_jobs=2)
        assert_array_equal(shared.replicates, alone.replicates)
        assert_array_equal(shared.log_likelihoods, alone.log_likelihoods)


def test_refits_find_what_fits_to_the_same_responses_find(petrol, model):
    X, y = petrol
    found = model.bootstrap(X, y, 3, random_state=2)
    study = study_of(model, X, y)
    for seed, row, value in zip(seeds(2, 3), found.replicates, found.log_likelihoods, strict=True):
        drawn = infer.simulate_responses(model.fit_, study, np.random.default_rng(seed))
        again = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, 100 * drawn)
        assert_allclose(value, again.log_likelihood_, atol=1e-6)
        assert_allclose(row, again.confint()["estimate"], rtol=1e-3)  # of flat directions


def test_standard_errors_agree_with_those_of_the_curvature(petrol, model):
    # 100 replicates know a standard deviation to 7 %; the bootstrap adds the bias of the spread.
    found = model.bootstrap(*petrol, 100, random_state=0).to_frame()
    expected = [*np.sqrt(np.diag(model.vcov()))[:2]]
    assert_allclose(found["std_error"].iloc[:2], expected, rtol=0.2)
    assert (found["n_used"] == 100).all()
    assert found.loc["sd(Intercept | batch)", "bias"] < 0  # maximum likelihood


def test_intervals_are_those_of_the_record(petrol, model):
    record = model.bootstrap(*petrol, 30, random_state=3)
    for kind in ("percentile", "basic"):
        expected = record.interval(0.8, kind)
        found = model.confint(
            *petrol, level=0.8, method="bootstrap", n_replicates=30, kind=kind, random_state=3
        )
        assert_array_equal(found["conf_low"], expected.low)
        assert_array_equal(found["conf_high"], expected.high)
        assert ((found["conf_low"] < found["estimate"]) & (found["estimate"] < 9e9)).all()
    one = model.confint(
        *petrol,
        level=0.8,
        method="bootstrap",
        n_replicates=30,
        kind="basic",
        parameters="precision",
        random_state=3,
    )
    assert_array_equal(one.iloc[0], found.loc["precision"])


def test_a_fit_without_inference_has_a_bootstrap(petrol, model):
    quick = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100), inference=False).fit(*petrol)
    found, expected = (m.bootstrap(*petrol, 3, random_state=0) for m in (quick, model))
    assert_allclose(found.replicates, expected.replicates, rtol=1e-3)  # two optimizers' ends


def test_wrong_wishes_are_refused(petrol, model):
    with pytest.raises(ValueError, match=r"kind='basik' is unknown.*did you mean 'basic'"):
        model.confint(*petrol, method="bootstrap", kind="basik")
    with pytest.raises(ValueError, match="n_replicates=0"):
        model.confint(*petrol, method="bootstrap", n_replicates=0)
    with pytest.raises(ValueError, match="y or its weights are not those of fit"):
        model.bootstrap(petrol[0], petrol[1] + 0.1)
    with pytest.raises(ValueError, match="n_replicates=0"):
        model.bootstrap(*petrol, 0)


def test_a_standard_deviation_of_zero_stays_among_the_quantiles():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "g": np.tile(list("abcdef"), 10)})
    y = np.sort(rng.beta(3, 3, size=60))  # groups more alike than chance makes them
    with pytest.warns(SingularFitWarning):
        model = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    record = model.bootstrap(X, y, 60, random_state=0)
    found = record.interval(0.9)
    assert found.low[-1] == 0.0 == found.estimate[-1] < found.high[-1]
    assert np.mean(record.replicates[:, -1] == 0) > 0.3  # about half of them
    assert_array_equal(record.singular, record.replicates[:, -1] == 0)
    assert_array_equal(record.singular, np.isneginf(record.working[:, -1]))
    with pytest.warns(UserWarning, match="has no basic interval, as its estimate is on the bound"):
        mirrored = model.confint(
            X, y, method="bootstrap", kind="basic", n_replicates=60, level=0.9, random_state=0
        )
    assert mirrored.iloc[-1, 1:].isna().all()
    assert mirrored.iloc[:-1].notna().all(axis=None)


def test_columns_that_are_left_out_have_no_interval(petrol):
    X, y = petrol
    X = X.assign(twice=2 * X["EP"])
    with pytest.warns(UserWarning, match="twice"):
        model = BetaGLMMRegressor("EP + twice + (1 | batch)", bounds=(0, 100)).fit(X, y)
    record = model.bootstrap(X, y, 20, random_state=0)
    assert np.isnan(record.replicates[:, 2]).all()
    assert np.isfinite(np.delete(record.replicates, 2, axis=1)).all()
    assert record.notes == ()
    assert np.isnan([record.interval(0.5, kind).low[2] for kind in ("basic", "percentile")]).all()


# --- failures ------------------------------------------------------------------------------------


def test_refits_that_do_not_converge_are_counted_and_left_out(petrol):
    hasty = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(*petrol)
    hasty.tol, hasty.max_iter = 1e-15, 1  # Newton's last steps save some of them
    with pytest.warns(ConvergenceWarning, match=r"of 20 refits \d+ did not converge") as caught:
        record = hasty.bootstrap(*petrol, 20, random_state=0)
    n_stopped = int((~record.converged).sum())
    assert 0 < n_stopped < 20
    assert f"of 20 refits {n_stopped} did" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert np.isfinite(record.replicates).all()
    assert (record.to_frame()["n_used"] == 20 - n_stopped).all()
    ends = record.interval(0.999)
    assert_array_equal(ends.low, record.replicates[record.converged].min(axis=0))


def test_without_any_refit_there_are_no_intervals(petrol, model, monkeypatch):
    def never(study, fit, options):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(_bootstrap, "refit", never)
    with pytest.warns(ConvergenceWarning, match="of 5 refits 5 failed"):
        record = model.bootstrap(*petrol, 5, random_state=0)
    for kind in ("percentile", "basic"):
        assert np.isnan([record.interval(0.5, kind).low, record.interval(0.5, kind).high]).all()
    assert (record.to_frame()["n_used"] == 0).all()
    assert "-" in str(record)


def test_refits_that_fail_are_counted_and_left_out(petrol, model, monkeypatch):
    calls, refit = [], _bootstrap.refit

    def sometimes(study, fit, options):
        calls.append(1)
        if len(calls) == 2:
            msg = "the likelihood is not finite"
            raise DesignError(msg)
        return refit(study, fit, options)

    monkeypatch.setattr(_bootstrap, "refit", sometimes)
    words = r"of 5 refits 1 failed \(the first with 'DesignError: .* not finite'\); intervals"
    with pytest.warns(ConvergenceWarning, match=words):
        record = model.bootstrap(*petrol, 5, random_state=0)
    assert_array_equal(np.isnan(record.replicates).all(axis=1), np.arange(5) == 1)
    assert list(record.to_frame()["n_used"]) == [4] * 4


def test_too_few_refits_for_a_level_are_told(petrol, model):
    with pytest.warns(UserWarning, match="20 refits are too few for the level 0.95.*=39 is the l"):
        few = model.confint(*petrol, method="bootstrap", n_replicates=20, random_state=0)
    replicates = model.bootstrap(*petrol, 20, random_state=0).replicates
    assert_array_equal(few["conf_low"], replicates.min(axis=0))
    model.confint(*petrol, method="bootstrap", n_replicates=39, random_state=0)


# --- the record ----------------------------------------------------------------------------------


def record_of(sloped, values, **changes):
    """A bootstrap of the sloped model with given replicates of its last three parameters."""
    fit = sloped[2].fit_
    n_others = len(list(infer.natural(fit))) - 3
    ends = np.log, np.log, np.arctanh
    refits = []
    for row in values:
        with np.errstate(divide="ignore"):
            working = [end(value) for end, value in zip(ends, row, strict=True)]
        both = (np.append(np.zeros(n_others), row), np.append(np.zeros(n_others), working))
        refits.append(Refit(*both, 1.0, True, False))
    record = infer.Bootstrap.of(fit, refits)
    return record.subset(range(n_others, n_others + 3))


def test_intervals_are_order_statistics_or_these_mirrored_at_the_estimate(sloped):
    rng = np.random.default_rng(0)
    grid = np.arange(1, 40) / 40  # 5 % and 95 % of 39 are the second and the last but one
    values = np.stack([rng.permutation(grid) for _ in range(3)], axis=1)
    record = record_of(sloped, values)
    plain, basic = record.interval(0.9), record.interval(0.9, "basic")
    assert_allclose(plain.low, 2 / 40)
    assert_allclose(plain.high, 38 / 40)
    sds = plain.estimate[:2]
    assert_allclose(basic.low[:2], sds**2 / (38 / 40))
    assert_allclose(basic.high[:2], sds**2 / (2 / 40))
    center = 2 * np.arctanh(plain.estimate[2])
    assert_allclose(basic.low[2], np.tanh(center - np.arctanh(38 / 40)))
    assert_allclose(basic.high[2], np.tanh(center - np.arctanh(2 / 40)))
    assert record.interval_notes(0.9, "basic") == ()


def test_ends_between_two_order_statistics_are_interpolated(sloped):
    values = np.repeat(np.arange(1, 11)[:, None] / 11, 3, axis=1)
    assert_allclose(record_of(sloped, values).interval(0.75).low, 0.125)  # place 1.375 of 11


def test_nothing_is_interpolated_between_an_infinite_and_a_finite_value():
    assert _bootstrap._quantile(np.array([1.0, -np.inf, 0.0]), 0.3) == -np.inf  # at 1.2 of 3
    assert _bootstrap._quantile(np.array([1.0, np.inf, 0.0]), 0.7) == np.inf
    assert_allclose(_bootstrap._quantile(np.array([1.0, np.inf, 0.0]), 0.3), 0.2)


def test_refits_on_the_boundary_count_and_undefined_correlations_do_not(sloped):
    values = np.tile([[0.5, 0.5, 0.5]], (40, 1))
    values[:30] = [0.5, 0.0, np.nan]
    values[30:33, 2] = -1.0
    record = record_of(sloped, values)
    plain, basic = record.interval(0.9), record.interval(0.9, "basic")
    assert_allclose(plain.low, [0.5, 0.0, -1.0])
    assert_allclose(plain.high, 0.5)
    assert basic.high[1] == np.inf
    assert basic.high[2] == 1.0
    (note,) = record.notes
    assert "corr(Intercept, x | g) is undefined in 30 of 40 refits" in note.text
    texts = [note.text for note in record.interval_notes(0.9, "basic")]
    assert ["sd(x | g) is open" in texts[0], "corr(Intercept, x | g) is open" in texts[1]] == [1, 1]
    assert list(record.to_frame()["n_used"]) == [40, 40, 10]
    assert record.subset([0]).notes == ()


def test_refits_keep_zeros_and_correlations_of_one_apart_from_failures():
    frame = make_dragons(random_state=0)
    formula = "bodyLength + (bodyLength | mountainRange)"
    model = BetaGLMMRegressor(formula, bounds=(0, 100), boundary=1e-4)
    y = frame.pop("testScore")
    record = model.fit(frame, y).bootstrap(frame, y, 20, random_state=0)
    correlations = record.replicates[
        :, record.names.index("corr(Intercept, bodyLength | mountainRange)")
    ]
    assert record.singular.any()
    assert_array_equal(np.abs(correlations[record.singular]), 1.0)
    assert np.isinf(record.working[record.singular]).any(axis=1).all()
    assert record.converged.all()


def test_the_record_prints_itself_and_can_be_stored(petrol, model):
    record = model.bootstrap(*petrol, 20, random_state=0)
    lines = str(record).splitlines()
    assert lines[0] == "Parametric bootstrap, 20 simulated responses"
    assert lines[1].split() == ["estimate", "bias", "std.", "error", "refits"]
    assert [line.split()[0] for line in lines[2:5]] == list(NAMES[:3])
    assert lines[-1] == "* 0 of 20 refits are singular"
    assert ">sd(Intercept | batch)</" in record._repr_html_()
    again = pickle.loads(pickle.dumps(record))
    assert_array_equal(again.interval().low, record.interval().low)


# --- REML against lme4's bootMer -----------------------------------------------------------------


@pytest.mark.parametrize("n_replicates", [80, pytest.param(2000, marks=pytest.mark.slow)])
def test_replicates_of_a_restricted_fit_are_distributed_as_those_of_lme4(n_replicates):
    known = json.loads((REFERENCE / "bootstrap.json").read_text(encoding="utf-8"))
    rows = pd.read_csv(REFERENCE / "simulated_crossed.csv")
    rows = rows[rows["item"].isin(sorted(rows["item"].unique())[:4])]
    y = np.log(rows["y"] / (1 - rows["y"])).to_numpy()
    model = LMMRegressor("x + (x | subject)").fit(rows, y)
    record = model.bootstrap(rows, y, n_replicates, random_state=0)
    assert list(record.names) == known["names"]
    assert_allclose(record.estimate, known["estimate"], rtol=1e-3)
    both = 1 / n_replicates + 1 / known["n_replicates"]
    for replicates, mean, sd, quantiles in zip(
        record.replicates.T, known["mean"], known["sd"], known["quantiles"], strict=True
    ):
        column = replicates[~np.isnan(replicates)]
        assert abs(column.mean() - mean) < 4 * sd * np.sqrt(both)
        assert abs(column.std() / sd - 1) < 5 * np.sqrt(both / 2)  # tails are longer than normal
        for p, quantile in zip([0.025, 0.25, 0.75, 0.975], quantiles, strict=True):
            assert abs(np.mean(column <= quantile) - p) < 4 * np.sqrt(p * (1 - p) * both)
