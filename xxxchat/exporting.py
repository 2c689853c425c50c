"""Making the files with people's own data, a file at a time, and telling whose it is (ADR 0092)."""

import structlog

import accounts.services
from accounts.errors import ExportEnded
from accounts.models import User
from core import mailing
from core.db import command
from xxxchat.own_data import Piece, document

TASK = "xxxchat.make_exports"
log = structlog.get_logger()


def end_due() -> int:
    """Delete the files whose time is over; return how many."""
    return command(accounts.services.end_exports)


def make_next() -> bool:
    """Make the oldest file that nobody makes; return whether there was one. Each part is a transaction of its own.

    A run that dies leaves its parts; two minutes later another one begins the file again. The mail that says it is
    ready is sent after the commit, once at most, and only to an address that was confirmed.
    """
    claim = command(accounts.services.claim_export)
    if claim is None:
        return False
    try:
        for number, piece in enumerate(document(claim.user)):
            _store(claim, number, piece)
        until = command(lambda: accounts.services.finish_export(claim))
    except ExportEnded:
        log.info("export_ended", export=str(claim.export_id), attempt=claim.attempt)
        return True
    user: User = claim.user
    if user.email and user.email_confirmed_at:
        mailing.post("data_ready", user.email, username=user.username, until=until)
    return True


def _store(claim: accounts.services.Claim, number: int, piece: Piece) -> None:
    command(
        lambda: accounts.services.add_part(
            claim, number=number, data=piece.data, sections_done=piece.done, sections=piece.sections
        )
    )
