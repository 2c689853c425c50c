"""A provider over HTTP, as an example of one: a signed POST, its answer as JSON."""

import hmac
import time
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
import orjson
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from compliance.providers.interface import AgeAnswer, AgeProvider, AgeQuestion, Finding, NoAnswer

TIMEOUT_S = timedelta(seconds=5).total_seconds()
ATTEMPTS = 3
PAUSE_S = 0.5
MAX_REFERENCE_CHARS, MAX_WORDS_CHARS = 200, 40


class _Later(NoAnswer):
    """No answer now; asking again may help."""


class HttpProvider(AgeProvider):
    """POST {caseId, dateOfBirth, minimumAge} to `url`; 200 {outcome, reference, reason}.

    `X-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`, as our own webhooks have it. `caseId` is the idempotency
    key: what was not answered, or with 429 or 5xx, is asked three times, with growing pauses. Redirects are not
    followed.
    """

    def __init__(self, *, url: str, secret: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url, self.secret, self.transport = url, secret, transport

    def check(self, question: AgeQuestion) -> AgeAnswer:
        asked = {
            "caseId": question.case_id,
            "dateOfBirth": question.born.isoformat(),
            "minimumAge": question.minimum_age,
        }
        body = orjson.dumps(asked)
        again = Retrying(
            retry=retry_if_exception_type(_Later),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=PAUSE_S, jitter=PAUSE_S),
            reraise=True,
        )
        with httpx.Client(timeout=TIMEOUT_S, transport=self.transport) as client:
            return again(self._ask, client, body)

    def _ask(self, client: httpx.Client, body: bytes) -> AgeAnswer:
        try:
            answer = client.post(self.url, content=body, headers=self._headers(body))
        except httpx.TransportError as error:
            raise _Later(type(error).__name__) from error
        if answer.status_code == HTTPStatus.OK:
            return _read(answer)
        helps = answer.status_code >= 500 or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        raise (_Later if helps else NoAnswer)(f"status {answer.status_code}")

    def _headers(self, body: bytes) -> dict[str, str]:
        at = int(time.time())
        signature = hmac.new(self.secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
        return {"Content-Type": "application/json", "X-Signature": f"t={at},v1={signature}"}


def _read(answer: httpx.Response) -> AgeAnswer:
    try:
        found: Any = orjson.loads(answer.content)
        finding, reference, words = Finding(found["outcome"]), found["reference"], found["reason"]
    except (ValueError, TypeError, KeyError) as error:
        raise NoAnswer("not as agreed") from error
    texts = (reference, words)
    if not all(isinstance(text, str) and text and text.isprintable() for text in texts):
        raise NoAnswer("not as agreed")
    return AgeAnswer(finding, reference[:MAX_REFERENCE_CHARS], words[:MAX_WORDS_CHARS])
