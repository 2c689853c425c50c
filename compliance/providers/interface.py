"""What an age provider is asked and answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class Finding(StrEnum):
    """What a provider found. `unsure`: a person must look."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    UNSURE = "unsure"


@dataclass(frozen=True)
class AgeQuestion:
    """Whether somebody born on that day is as old as required. `case_id` is the same each time it is asked."""

    case_id: UUID
    born: date
    minimum_age: int


@dataclass(frozen=True)
class AgeAnswer:
    """`reference`: by which the provider knows the check. `words`: why, for staff; no personal data."""

    finding: Finding
    reference: str
    words: str


class NoAnswer(Exception):
    """The provider was not reached, or did not answer as agreed. The text says how, without what was asked."""


class AgeProvider(ABC):
    """Decides an age, or leaves it to a person. Asked by a task, with no transaction open; it may take seconds."""

    @abstractmethod
    def check(self, question: AgeQuestion) -> AgeAnswer:
        """Return what was found. Raises NoAnswer."""
