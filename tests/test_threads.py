"""Linear algebra in one thread, wherever users come in."""

import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.estimators.runtime.replicates import replicate, seeds
from skglmm.estimators.runtime.threads import SingleThreaded, one_thread, single_threaded
from skglmm.inspection import PredictionDisplay, check_residuals


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture
def _two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield
        assert max(blas_threads()) == 2


pytestmark = pytest.mark.usefixtures("_two_threads")


class Watched(SingleThreaded):
    """A class whose methods tell the threads that they have."""

    @property
    def cheap(self):
        return max(blas_threads())

    def outer(self, n_deep=2):
        """Ask once more."""
        return self.outer(n_deep - 1) if n_deep else max(blas_threads())

    @classmethod
    def made(cls):
        return cls, max(blas_threads())

    @staticmethod
    def refuse():
        raise ValueError(max(blas_threads()))

    def _private(self):
        return max(blas_threads())


def test_threads_that_overlap_keep_to_one_and_give_the_others_back():
    before, first, second = blas_threads(), one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert max(blas_threads()) == 1
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_public_methods_of_all_kinds_have_one_thread_and_others_stay_as_they_are():
    class Derived(Watched):
        def more(self):
            return max(blas_threads())

    watched = Derived()
    assert watched.outer() == watched.more() == 1
    assert Derived.made() == (Derived, 1)
    assert watched.cheap == watched._private() == 2


def test_an_error_gives_the_threads_back():
    @single_threaded
    def refuse():
        assert max(blas_threads()) == 1
        raise KeyError

    with pytest.raises(KeyError):
        refuse()
    with pytest.raises(ValueError, match="1"):
        Watched().refuse()
    assert max(blas_threads()) == 2


def test_methods_in_several_threads_at_once_leave_the_threads_as_they_were():
    barrier = Barrier(3)

    @single_threaded
    def meet():
        barrier.wait(timeout=30)
        return max(blas_threads())

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: meet(), range(3))) == [1, 1, 1]
    assert max(blas_threads()) == 2


def test_the_thread_that_leaves_last_gives_back_what_another_took():
    first_is_in, second_is_in, first_is_out = Event(), Event(), Event()

    @single_threaded
    def enter_first():
        first_is_in.set()
        second_is_in.wait(timeout=30)

    @single_threaded
    def leave_last():
        second_is_in.set()
        first_is_out.wait(timeout=30)

    with ThreadPoolExecutor(2) as pool:  # whose threads live on
        first = pool.submit(enter_first)
        first_is_in.wait(timeout=30)
        second = pool.submit(leave_last)
        first.result(timeout=30)
        assert max(blas_threads()) == 1
        first_is_out.set()
        second.result(timeout=30)
        assert max(blas_threads()) == 2


def test_signatures_documentation_and_sources_are_those_of_the_methods():
    assert str(inspect.signature(Watched.outer)) == "(self, n_deep=2)"
    assert Watched.outer.__doc__ == "Ask once more."
    assert Watched.outer.__qualname__ == "Watched.outer"
    assert "sample_weight" in inspect.signature(BetaGLMMRegressor.fit).parameters
    assert "def fit(self, X" in inspect.getsource(BetaGLMMRegressor.fit)


def threads_of(rng):
    del rng
    return max(blas_threads())


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_replicates_have_one_thread_in_every_worker(n_jobs):
    assert replicate(threads_of, seeds(0, 4), n_jobs) == [1] * 4


def test_fits_predictions_checks_and_pictures_have_one_thread():
    seen = []

    def spy(column):
        seen.append(max(blas_threads()))
        return column

    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("spy(EP) + (1 | batch)", bounds=(0, 100), context={"spy": spy})
    model = clone(model).fit(X, y)
    model.predict(X)
    model.r2(X, y)
    model.condition(X, y)
    check_residuals(model, X, y, random_state=0)
    PredictionDisplay.from_estimator(model, X, feature="EP")
    assert len(seen) > 5
    assert set(seen) == {1}


def test_methods_of_fitted_estimators_can_be_pickled():
    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    predict = pickle.loads(pickle.dumps(model.predict))
    assert np.array_equal(predict(X), model.predict(X))
