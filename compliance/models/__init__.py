"""Refusals, limits, breaks, terms, policies of regions, ages and markers."""

from compliance.models.ages import AgeCase, AgeDate, AgeDecision
from compliance.models.breaks import Break, InheritedExclusion
from compliance.models.markers import Marker
from compliance.models.places import PolicyVersion
from compliance.models.refusals import Refusal
from compliance.models.spending import Limit, LimitChange
from compliance.models.terms import Terms, TermsAcceptance
