"""Keywords that other programs have for what is written in another way here."""

from collections.abc import Collection
from difflib import get_close_matches
from inspect import Parameter, signature

__all__ = ["refuse_keywords"]

_CODINGS = "codings stand in the formula, as in C(f, contr.sum)"
_DROP = "leave these rows out of X and y before fit"
_EFFECTS = "random effects stand in the formula, 'x + (x | g)', or in groups={'g': '1 + x'}"
_SEARCH = "there are tol and max_iter, and starting values are computed"
_WEIGHTS = "weights of rows go to fit, fit(X, y, sample_weight=w)"
_HERE = {
    "REML": "it is written reml=True or reml=False",
    "class_weight": (
        "it would move the probabilities away from those of the data. Where one error costs more "
        "than the other, move the threshold, as with "
        "sklearn.model_selection.TunedThresholdClassifierCV; where a sample has other shares of "
        "the classes than its population, pass sample_weight to fit"
    ),
    "contrasts": _CODINGS,
    "control": _SEARCH,
    "data": "data go to fit, with the response as its second argument: fit(data, data['y'])",
    "exog_re": _EFFECTS,
    "family": (
        "its class says which distribution y has, such as PoissonGLMMRegressor for counts; "
        "GLMMRegressor takes a family"
    ),
    "dispformula": "this distribution has no dispersion; diagnose(X, y) names wider ones",
    "missing": _DROP,
    "nAGQ": "n_quadrature is of models of classes, counts and trials",
    "na_action": _DROP,
    "random": _EFFECTS,
    "re_formula": _EFFECTS,
    "start": _SEARCH,
    "subset": _DROP,
    "vc_formula": _EFFECTS,
    "weights": _WEIGHTS,
    "ziformula": "zero= is of models of counts, positive amounts, trials and shares with zeros",
}
# Keywords, and the parameters that are the same, of which an estimator has one at most.
_SAME = {
    "dispformula": ("precision", "dispersion", "scale"),
    "exog_infl": ("zero",),
    "exog_precision": ("precision",),
    "group": ("groups",),
    "nAGQ": ("n_quadrature",),
    "ziformula": ("zero",),
}


def refuse_keywords(cls: type, given: Collection[str]) -> None:
    """Refuse keywords that an estimator does not have, and say what there is in their place.

    Parameters
    ----------
    cls : type
        Of the estimator; one that takes any keywords refuses none.
    given : collection of str

    Raises
    ------
    TypeError
        When a keyword is no parameter of the class.
    """
    if all(name in getattr(cls, "__dataclass_fields__", ()) for name in given):
        return
    parameters = signature(cls.__init__).parameters  # type: ignore[misc]
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    own = [name for name in parameters if name != "self"]
    for name in given:
        if name not in own:
            advice = _advice(name, own, is_classifier=hasattr(cls, "predict_proba"))
            msg = f"{cls.__name__} has no {name}: {advice}"
            raise TypeError(msg)


def _advice(name: str, own: list[str], *, is_classifier: bool) -> str:
    same = [each for each in _SAME.get(name, ()) if each in own]
    if same:
        return f"it is called {same[0]} here"
    if name == "class_weight" and not is_classifier:
        return _WEIGHTS
    if name in _HERE:
        return _HERE[name]
    close = get_close_matches(name, own, n=1)
    return f"did you mean {close[0]}?" if close else f"its parameters are {', '.join(own)}"
