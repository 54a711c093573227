"""How systems of random effects are solved, as parameters of an estimator say it."""

from numbers import Integral
from typing import Any

from sklearn.utils import check_random_state

from skglmm.engine import Solver

__all__ = ["read_solver", "refuse_on_cluster"]

KINDS = ("auto", "direct", "iterative")


def read_solver(solver: Any, random_state: Any) -> Solver:
    """Return the solver that parameters ask for.

    Parameters
    ----------
    solver : {"auto", "direct", "iterative"}
    random_state : int, RandomState or None

    Raises
    ------
    ValueError
        If there is no such solver, or no such source of random numbers.
    """
    if solver not in KINDS:
        msg = f"solver={solver!r} is unknown, expected one of {', '.join(map(repr, KINDS))}"
        raise ValueError(msg)
    legacy = check_random_state(random_state)  # refuses what is none, in scikit-learn's words
    is_seed = isinstance(random_state, Integral)
    return Solver(solver, int(random_state) if is_seed else int(legacy.randint(2**31)))


def refuse_on_cluster(solver: Any) -> None:
    """Refuse iterations over rows that are not here."""
    if solver == "iterative":
        msg = (
            "solver='iterative' needs the rows in memory, and these are on the workers of a "
            "cluster; pass X.compute() and y.compute(), or leave solver='auto'"
        )
        raise ValueError(msg)
