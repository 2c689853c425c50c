"""Mails as files, where there is no server that sends them: the demo's and a developer's own machine."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from core.ids import new_id


class FileBackend(BaseEmailBackend):
    """Writes each mail to a file of its own in `MAIL_FOLDER`, which only this user can read. The newest comes last."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAIL_FOLDER)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in email_messages:
            name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{new_id().hex[-8:]}.eml"
            (folder / name).write_bytes(each.message().as_bytes())
        return len(email_messages)
