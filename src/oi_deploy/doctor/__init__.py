"""What a run needs, looked at before it: by `mode: doctor` in full, by every run in part."""

from oi_deploy.doctor.checks import BEFORE_A_RUN, CHECKS, DOCTOR_S, examine
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import Finding, failed, require, table

__all__ = [
    "BEFORE_A_RUN",
    "CHECKS",
    "DOCTOR_S",
    "Context",
    "Finding",
    "examine",
    "failed",
    "require",
    "table",
]
