"""The invariants that must hold after every test."""

import escrow.services
import perfqueue.services


def assert_ledger_adds_up() -> None:
    findings = [*escrow.services.verify(), *perfqueue.services.verify()]
    assert not findings, findings
