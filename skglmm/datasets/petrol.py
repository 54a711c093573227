"""Prater's gasoline yields, a small real data set that is part of the package."""

from importlib import resources
from typing import Any

import pandas as pd

from skglmm.datasets.bunch import presented

__all__ = ["load_petrol"]

TARGET = "Y"

DESCRIPTION = """\
Gasoline yields of crude oils
-----------------------------

Proportion of crude oil that is converted to gasoline by distillation and fractionation, for 32
runs with 10 different crudes.

:Number of rows: 32, in 10 batches of 2 to 4 rows

:Columns:
    - batch  letter of the crude, A to J; SG, VP and V10 are constant within a batch
    - SG     gravity of the crude, in degrees API
    - VP     vapor pressure of the crude, in psi
    - V10    temperature at which 10 % of the crude has vaporized, in degrees Fahrenheit
    - EP     temperature at which all of the gasoline has vaporized (end point), in degrees
             Fahrenheit
    - Y      target: gasoline yield, in percent of the crude

The end points were chosen run by run and the crudes were not, so the data have two strata. They
are the classical example of beta regression, with a fixed effect for each batch [2]_; a random
intercept for each batch is the mixed model.

.. [1] Prater, N. H. (1956). Estimate gasoline yields from crudes. Petroleum Refiner, 35(5),
   236-238.
.. [2] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and proportions.
   Journal of Applied Statistics, 31(7), 799-815.
"""


def load_petrol(*, return_X_y: bool = False, as_frame: bool = True) -> Any:
    """Load Prater's gasoline yields: 32 distillations of 10 crude oils.

    A row is one distillation [1]_.

    ======  ==========================================================================
    batch   letter of the crude, ``"A"`` to ``"J"``: the grouping factor
    SG      gravity of the crude, in degrees API
    VP      vapor pressure of the crude, in psi
    V10     temperature at which 10 % of the crude has vaporized, in degrees Fahrenheit
    EP      temperature at which all gasoline has vaporized, in degrees Fahrenheit
    Y       target: gasoline yield, in percent of the crude (2.8 to 45.7)
    ======  ==========================================================================

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=True
        Return a DataFrame and a Series. If False they are arrays, and ``data`` has dtype object,
        because batches are letters.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        data : DataFrame or ndarray of shape (32, 5)
            All columns but the yield.
        target : Series or ndarray of shape (32,)
            The yield in percent.
        frame : DataFrame of shape (32, 6)
            Both together; None if ``as_frame`` is False.
        feature_names : list of str
            Names of the columns of ``data``.
        target_name : str
            ``"Y"``.
        DESCR : str
            A description of the data.

    (data, target) : tuple
        If ``return_X_y`` is True.

    References
    ----------
    .. [1] Prater, N. H. (1956). Estimate gasoline yields from crudes. Petroleum Refiner, 35(5),
       236-238.

    Examples
    --------
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> X.shape, X["batch"].nunique()
    ((32, 5), 10)
    >>> float(y.max())
    45.7
    """
    with (resources.files("skglmm.datasets") / "data" / "petrol.csv").open(
        encoding="utf-8"
    ) as file:
        frame = pd.read_csv(file)
    return presented(frame, TARGET, DESCRIPTION, return_X_y=return_X_y, as_frame=as_frame)
