"""The models that fits are timed on, by name."""

from harness.workloads.beta import BETA
from harness.workloads.generalized import GENERALIZED
from harness.workloads.linear import LINEAR
from harness.workloads.ordinal import ORDINAL
from harness.workloads.ratings import RATINGS
from harness.workloads.workload import Workload

__all__ = ["WORKLOADS", "Workload"]

WORKLOADS: dict[str, Workload] = {**BETA, **LINEAR, **GENERALIZED, **ORDINAL, **RATINGS}
