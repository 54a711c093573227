"""Planning a study: responses drawn under assumptions, and what they would show."""

from skglmm.planning.extend import extend
from skglmm.planning.power import Power, power
from skglmm.planning.power_curve import PowerCurve, power_curve
from skglmm.planning.study import PlannedStudy, simulate_study

__all__ = [
    "PlannedStudy",
    "Power",
    "PowerCurve",
    "extend",
    "power",
    "power_curve",
    "simulate_study",
]
