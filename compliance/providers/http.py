"""A provider over HTTP, as an example of one: a signed POST, its answer as JSON."""

import hmac
import time
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from compliance.providers.interface import AgeAnswer, AgeProvider, AgeQuestion, Finding, NoAnswer

TIMEOUT_S = timedelta(seconds=5).total_seconds()
ATTEMPTS = 3
PAUSE_S = 0.5
MAX_REFERENCE_CHARS, MAX_WORDS_CHARS = 200, 40


class HttpProvider(AgeProvider):
    """POST {caseId, dateOfBirth, minimumAge} to `url`; 200 {outcome, reference, reason}.

    `X-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`, as our own webhooks have it. `caseId` is the idempotency
    key: what was not answered, or with 429 or 5xx, is asked three times. Redirects are not followed.
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
        with httpx.Client(timeout=TIMEOUT_S, transport=self.transport) as client:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    answer = client.post(self.url, content=body, headers=self._headers(body))
                except httpx.TransportError as error:
                    fault = type(error).__name__
                else:
                    if answer.status_code == HTTPStatus.OK:
                        return _read(answer)
                    fault = f"status {answer.status_code}"
                    if answer.status_code < 500 and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                        raise NoAnswer(fault)
                if attempt < ATTEMPTS:
                    time.sleep(PAUSE_S * attempt)
        raise NoAnswer(fault)

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
