"""Targets: the implementations that the suite is held against, and how one is named on the command
line.
"""

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.targets.base import CAPABILITIES, Target
from zodb_conformance.targets.resolving import over_baseline, registered, resolve

__all__ = ["CAPABILITIES", "Target", "TargetUnusable", "over_baseline", "registered", "resolve"]
