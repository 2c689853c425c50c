"""Compliance in the back office."""

from compliance.admin.ages import AgeCaseAdmin, AgeDecisionAdmin
from compliance.admin.markers import MarkerAdmin
from compliance.admin.people import BreakAdmin, LimitAdmin, LimitChangeAdmin
from compliance.admin.places import PolicyVersionAdmin
from compliance.admin.refusals import RefusalAdmin
