"""Processes that own rows: the fit of one process to the last bit, and what can go wrong."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from test_cluster import simulated

from skglmm import BetaGLMMRegressor, LMMRegressor, OrdinalGLMMClassifier, PoissonGLMMRegressor
from skglmm.engine import binding
from skglmm.estimators.runtime import processes
from skglmm.estimators.runtime.processes import process_count
from skglmm.parts import Crew, Here, Owned, crew

N = 1_500


@pytest.fixture(scope="module")
def rows():
    return simulated()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Let small data be worth processes, and have several shards."""
    monkeypatch.setattr(processes, "PROCESS_ROWS", 1)
    monkeypatch.setattr(binding.bind, "__defaults__", (200, None, 1))


@pytest.fixture(scope="module")
def two():
    with Crew(1) as others:
        others.start()
        yield others


def own(two, parts=range(1, 6), counts=(2, 3)):
    return Owned.of(two, [np.full(2, float(part)) for part in parts], counts)


def started(monkeypatch):
    """Return a list of the processes that are started."""
    found, start = [], subprocess.Popen

    def popen(*args, **kwargs):
        found.append(start(*args, **kwargs))
        return found[-1]

    monkeypatch.setattr(crew.subprocess, "Popen", popen)
    return found


def assert_identical(one, other):
    assert one.log_likelihood_ == other.log_likelihood_
    for mine, theirs in zip(
        (*one.fit_.beta, *one.fit_.theta, *one.fit_.u, one.fit_.covariance),
        (*other.fit_.beta, *other.fit_.theta, *other.fit_.u, other.fit_.covariance),
        strict=True,
    ):
        assert_array_equal(mine, theirs)


MODELS = {
    "slopes": BetaGLMMRegressor("x * kind + (x | g)"),
    "crossed": BetaGLMMRegressor("x + (1 | g) + (1 | k)", precision="x"),
    "nested": BetaGLMMRegressor("x + (1 | area/g)"),
    "restricted": BetaGLMMRegressor("x + kind + (1 | g)", reml=True),
    "no groups": BetaGLMMRegressor("x + kind"),
    "posterior": BetaGLMMRegressor("x + (1 | g)", predict_kind="posterior"),
    "scale": LMMRegressor("x + (1 | g)", scale="kind"),
    "linear": LMMRegressor("x + (1 | g)"),
    "priors": BetaGLMMRegressor("x + kind + (x | g)", priors="weak"),
}


QUICK = ("crossed", "nested", "restricted", "linear")  # the others take as long again


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS],
)
def test_fits_are_those_of_one_process(rows, name, monkeypatch):
    X, y = rows
    alone = clone(MODELS[name]).fit(X, y)
    seen = started(monkeypatch)
    shared = clone(MODELS[name]).set_params(n_jobs=3).fit(X, y)
    assert len(seen) == (0 if name == "linear" else 2)
    assert all(process.returncode is not None for process in seen)
    assert_identical(shared, alone)
    assert_allclose(shared.predict(X), alone.predict(X), rtol=0)
    again = pickle.loads(pickle.dumps(shared))
    assert_array_equal(again.predict(X), alone.predict(X))


def test_matrices_of_many_crossed_effects_do_not_travel(rows, monkeypatch):
    X, y = rows
    alone = clone(MODELS["crossed"]).fit(X, y)
    monkeypatch.setattr(sys.modules["skglmm.fitting.fit"], "SHARED_CROSSED", 5)
    monkeypatch.setattr(Owned, "of", None)
    assert_identical(clone(MODELS["crossed"]).set_params(n_jobs=2).fit(X, y), alone)


def test_counts_and_classes_with_weights(rows):
    X, y = rows
    weights = X["k"] / X["k"].mean()
    counts, classes = np.floor(9 * y), np.floor(3 * y)
    for model, answers in [
        (PoissonGLMMRegressor("x + (1 | g)"), counts),
        (OrdinalGLMMClassifier("x + (1 | g)", n_quadrature=3), classes),
    ]:
        alone = clone(model).fit(X, answers, sample_weight=weights)
        shared = clone(model).set_params(n_jobs=2).fit(X, answers, sample_weight=weights)
        assert_identical(shared, alone)


def test_parts_are_mapped_summed_and_picked_in_their_order(two):
    parts = own(two)
    assert len(parts) == 5
    assert_array_equal(parts.total(), [15.0, 15.0])
    assert [part[0] for part in parts.map(np.multiply, parts)] == [1, 4, 9, 16, 25]
    assert_array_equal(parts.map(np.add, Here(list(np.ones((5, 2))))).total(), [20.0, 20.0])
    some = parts.some([0, 2, 4])
    assert [part[0] for part in some] == [1, 3, 5]
    assert len(some.some([1, 2])) == 2
    assert [part[0] for part in some.some([1, 2])] == [3, 5]
    assert parts.kept() is parts
    assert_array_equal(parts.lazily(np.negative).total(), [-15.0, -15.0])
    assert parts.n_threads == 2


def put(part, out, more, times):
    out += times * part * more


def pieces(part, n_parts):
    return [part * j for j in range(n_parts)]


def test_shares_are_added_in_place_and_pieces_exchanged(two):
    parts = own(two)
    out = np.ones(2)
    assert parts.accumulate(put, out, Here(list(np.ones((5, 2)))), times=2.0) is out
    assert_array_equal(out, [31.0, 31.0])
    joined = parts.exchange(pieces, sum, 3)
    assert [part[0] for part in joined] == [0.0, 15.0, 30.0]
    assert len(joined) == 3


def test_arrays_keep_the_order_of_their_axes(two):
    whole = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    parts = Owned.of(two, [whole[:2], whole[2:]], (1, 1))
    assert list(parts.map(is_in_fortran_order)) == [False, True]


def is_in_fortran_order(part):
    return bool(part.flags.f_contiguous)


def test_parts_that_nobody_wants_are_forgotten(two):
    parts = own(two)
    key = parts._key
    del parts
    own(two).map(np.negative)
    with pytest.raises(KeyError):
        list(two.ask("bring", key))


def refuse(part):
    if part[0] > 4:
        msg = "too much"
        raise ArithmeticError(msg)
    return part


def test_errors_are_raised_where_the_result_is_asked_for_and_spoil_nothing_else(two):
    parts = own(two)
    spoiled = parts.map(refuse).map(np.negative).some([3, 4])
    for _ in range(2):
        with pytest.raises(ArithmeticError, match="too much") as raised:
            spoiled.total()
    assert "in refuse" in "".join(raised.value.__notes__)
    assert_array_equal(parts.total(), [15.0, 15.0])
    first = own(two, parts=range(5, 10))
    with pytest.raises(ArithmeticError):
        first.map(refuse)
    assert_array_equal(first.total(), [35.0, 35.0])


class OddError(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def odd(part):
    if part[0] > 4:
        raise OddError(1, 2)
    return part


def test_errors_that_cannot_be_pickled_come_as_text(two):
    with pytest.raises(RuntimeError, match="OddError: 1 and 2"):
        own(two).map(odd).total()


def warn(part):
    if part[0] == 5:
        warnings.warn("five", UserWarning, stacklevel=1)
        sys.stdout.write("what is printed does not get between the answers\n")
    return part


def test_warnings_come_with_the_answers(two):
    with pytest.warns(UserWarning, match="five"):
        own(two).map(warn).total()


def test_functions_of_the_moment_and_large_parts_are_sent(two):
    large = Owned.of(two, [np.ones(300_000), np.ones(300_000)], (1, 1))
    factor = 3
    assert large.map(lambda part: part * factor).total().sum() == 1.8e6


def test_a_process_that_dies_is_told_and_leaves_nothing_behind(rows, monkeypatch):
    X, y = rows
    seen = started(monkeypatch)
    n_asked, ask = [], Crew.ask

    def dying(self, *args):
        n_asked.append(1)
        if len(n_asked) == 20:
            seen[0].kill()
        return ask(self, *args)

    monkeypatch.setattr(Crew, "ask", dying)
    model = BetaGLMMRegressor("x + (1 | g)", n_jobs=2)
    with pytest.raises(RuntimeError, match=r"n_jobs=2 started.*exit code.*n_jobs=None"):
        model.fit(X, y)
    assert not hasattr(model, "fit_")
    assert seen[0].returncode is not None


def test_an_interrupt_ends_the_processes(rows, monkeypatch):
    X, y = rows
    seen = started(monkeypatch)
    n_asked, ask = [], Crew.ask

    def interrupted(self, *args):
        n_asked.append(1)
        if len(n_asked) == 20:
            raise KeyboardInterrupt
        return ask(self, *args)

    monkeypatch.setattr(Crew, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        BetaGLMMRegressor("x + (1 | g)", n_jobs=2).fit(X, y)
    assert seen[0].returncode is not None


def wait(part):
    time.sleep(60)
    return part


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_busy_process_ignores_interrupts_and_is_ended_with_the_crew(monkeypatch):
    monkeypatch.setattr(crew, "GRACE", 0.2)
    with Crew(1) as others:
        parts = Owned.of(others, [np.ones(1)], (0, 1))
        assert parts.total() == 1
        (process,) = others._processes
        parts.map(wait)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
    assert process.returncode not in {None, 0}


SCRIPT = """
    import warnings
    import numpy as np, pandas as pd
    from dataclasses import dataclass
    from skglmm import BetaGLMMRegressor, GLMMRegressor
    from skglmm.engine import binding
    from skglmm.estimators.runtime import processes
    from skglmm.families import Beta
    from skglmm.links import Logit

    print("once")
    processes.PROCESS_ROWS = 1
    binding.bind.__defaults__ = (200, None, 1)

    @dataclass(frozen=True)
    class Mine(Logit):
        pass

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=900), "g": rng.integers(0, 30, 900)})
    mean = 1 / (1 + np.exp(-rng.normal(size=30)[X["g"]]))
    y = rng.beta(8 * mean, 8 - 8 * mean)
    for n_jobs in (None, 2):
        model = GLMMRegressor("x + (1 | g)", family=Beta().with_link(Mine()), n_jobs=n_jobs)
        print(f"{model.fit(X, y).log_likelihood_!r}")
"""


def test_a_script_needs_no_guard_and_may_define_a_link(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=300, check=False
    )
    assert not done.stderr
    once, alone, shared = done.stdout.split()
    assert once == "once"
    assert alone == shared


def count():
    processes.PROCESS_ROWS = 1
    return process_count(2, 10)


def test_workers_of_joblib_start_no_processes():
    assert count() == 2
    for backend in ("loky", "multiprocessing", "threading"):
        workers = joblib.Parallel(n_jobs=2, backend=backend)
        assert workers(joblib.delayed(count)() for _ in range(2)) == [1, 1]
    with joblib.parallel_config("threading", n_jobs=2):
        assert process_count(None, 10) == 1
    with joblib.parallel_config("loky", n_jobs=2):
        assert process_count(None, 10) == 2


def test_few_rows_one_job_and_other_builds_of_python_have_one_process(monkeypatch):
    assert process_count(None, 10) == process_count(1, 10) == 1
    monkeypatch.setattr(processes, "PROCESS_ROWS", 11)
    assert process_count(2, 10) == 1
    monkeypatch.setattr(processes, "PROCESS_ROWS", 10)
    assert process_count(2, 10) == 2
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert process_count(2, 10) == 1
    monkeypatch.undo()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert process_count(2, 10**7) == 1
