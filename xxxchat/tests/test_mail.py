"""Mails of the demo are files, each for itself."""

import stat
from pathlib import Path

from django.core.mail import EmailMessage
from django.test import override_settings

from xxxchat.mail import FileBackend


def test_each_mail_is_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    mails = [EmailMessage(f"Subject {number}", "https://site.example/link", to=["who@example.org"]) for number in "12"]

    with override_settings(MAIL_FOLDER=str(tmp_path / "mail")):
        sent = FileBackend().send_messages(mails)

    files = sorted((tmp_path / "mail").iterdir())
    assert sent == len(files) == 2
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
    texts = "".join(file.read_text() for file in files)
    assert texts.count("https://site.example/link") == 2
    assert "Subject 1" in texts
    assert "Subject 2" in texts
