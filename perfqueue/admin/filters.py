"""Filters of the lists of queues and items."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.backoffice import ExactFilter
from perfqueue import services

MAX_AMOUNT_DIGITS = 10
AGES = {"60": "a minute", "300": "5 minutes", "1800": "30 minutes", "7200": "2 hours", "86400": "a day"}


class Amount(ExactFilter):
    """A whole number of tokens; any other text is ignored."""

    def typed(self) -> str:
        typed = super().typed()
        return typed if typed.isascii() and typed.isdigit() and len(typed) <= MAX_AMOUNT_DIGITS else ""


class MinTokens(Amount):
    title, parameter_name, lookup = "at least (tokens)", "least", "tokens__gte"


class MaxTokens(Amount):
    title, parameter_name, lookup = "at most (tokens)", "most", "tokens__lte"


class Age(SimpleListFilter):
    title, parameter_name = "asked for longer ago than", "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return AGES.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        age = self.value()
        return queryset.filter(services.is_older_than(int(age))) if age in AGES else queryset


class Overdue(SimpleListFilter):
    title, parameter_name = "deadline passed, not yet carried out", "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return (("yes", "Yes"), ("no", "No"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(services.is_overdue())
            case "no":
                return queryset.exclude(services.is_overdue())
        return queryset
