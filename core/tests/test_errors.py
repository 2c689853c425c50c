"""Refusals: the message is filled from the details, and database errors mean one of two things."""

import pytest
from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import OperationalError
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from psycopg import errors as pg

from core.db import refusal_of
from core.envelope import STATUS, body_of, domain_error_of, headers_of
from core.errors import Kind, LedgerUnavailable, MethodNotAllowed, QueueBusy, Throttled, Unauthenticated


def raised(cause: Exception) -> OperationalError:
    error = OperationalError("x")
    error.__cause__ = cause
    return error


def test_the_message_is_filled_from_the_details() -> None:
    assert body_of(MethodNotAllowed(method="BREW")) == {
        "error": {
            "code": "METHOD_NOT_ALLOWED",
            "message": "BREW is not known here.",
            "details": {"method": "BREW"},
        }
    }


@pytest.mark.parametrize(
    "refusal",
    [DisallowedHost, TooManyFieldsSent, UnreadablePostError, MultiPartParserError, SuspiciousOperation, BadRequest],
)
def test_what_the_framework_refuses_is_a_400_that_says_why(refusal: type[Exception]) -> None:
    error = domain_error_of(refusal("a secret of the framework's"))

    assert error is not None
    assert (STATUS[error.kind], error.code, list(error.details)) == (400, "VALIDATION_FAILED", ["request"])
    assert "secret" not in str(body_of(error))


def test_a_form_that_is_too_large_is_a_413() -> None:
    error = domain_error_of(RequestDataTooBig())

    assert error is not None
    assert STATUS[error.kind] == 413


def test_every_kind_has_a_status_of_its_own() -> None:
    assert set(STATUS) == set(Kind)
    assert len(set(STATUS.values())) == len(STATUS)


@pytest.mark.parametrize(("seconds", "answers"), [(0, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (59.5, "60")])
def test_retry_after_is_whole_seconds_rounded_up(seconds: float, answers: str) -> None:
    assert headers_of(Throttled(retry_after_s=seconds)) == {"Retry-After": answers}


def test_a_401_names_the_authentication_scheme() -> None:
    assert "WWW-Authenticate" in headers_of(Unauthenticated())


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (pg.LockNotAvailable(), QueueBusy),
        (pg.OperationalError(), LedgerUnavailable),
        (pg.AdminShutdown(), LedgerUnavailable),
        (pg.QueryCanceled(), LedgerUnavailable),
        (pg.DeadlockDetected(), type(None)),
        (pg.SerializationFailure(), type(None)),
    ],
)
def test_a_lock_time_out_is_busy_and_a_lost_database_is_unavailable(cause: Exception, meaning: type) -> None:
    assert type(refusal_of(raised(cause))) is meaning
    assert type(domain_error_of(raised(cause))) is meaning


def test_a_defect_is_no_refusal() -> None:
    assert domain_error_of(ZeroDivisionError()) is None
