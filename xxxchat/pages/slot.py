"""The slot machine's page. A script sends the spin to the API; without one the form is posted to `spin`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Role, User
from compliance.errors import GameDisabled, RealityCheckDue
from compliance.services import REALITY_EVERY_MINUTES
from core.clock import db_now
from core.errors import RoleNotAllowed
from core.origin import origin_of
from slots import services
from slots.batched import SPIN
from xxxchat.pages import commands, responses
from xxxchat.pages.limits import tightest_of
from xxxchat.pages.performers import performer_or_404
from xxxchat.pages.points import points_of
from xxxchat.pages.refusals import STEPS, Step
from xxxchat.pages.slot_words import result_text
from xxxchat.pages.slots_card import SYMBOLS_AT_REST

API = "/api/v1/slot-machine/"
HISTORY_ROWS = 8


@dataclass(frozen=True)
class OddsRow:
    """One row of the paytable."""

    symbols: tuple[str, ...]
    text: str
    pay: int
    one_in: str
    any: bool = False
    mixed: bool = False


@dataclass(frozen=True)
class Proof:
    """What the last spin revealed, in hex."""

    seed: str
    commitment: str
    client_nonce: str
    drawn_here: bool


@dataclass(frozen=True)
class Machine:
    """Everything the page shows. Amounts are points."""

    now: datetime
    bet: int
    interval_ms: int
    rtp: Fraction
    rtp_percent: str
    rtp_text: str
    hit_percent: str
    tickets: int
    odds: tuple[OddsRow, ...]
    pairs_text: str
    digest: str
    commitment: str
    nonce: int
    use: services.HourlyUse
    session: services.Session | None
    history: list[Any]
    total: int
    proof: Proof | None
    last_text: str
    performer_id: UUID | None = None
    api: str = f"{API}spin"
    config: str = f"{API}config"

    @property
    def digest_short(self) -> str:
        return f"{self.digest[:8]}…{self.digest[-4:]}"

    @property
    def showing(self) -> tuple[str, ...]:
        return tuple(self.history[0].symbols) if self.history else SYMBOLS_AT_REST

    @property
    def net(self) -> int:
        return self.session.net_points if self.session else 0

    @property
    def room(self) -> str:
        """The address of the room that this machine is opened in; empty on the machine's own page."""
        return room_of(self.performer_id) if self.performer_id else ""

    @property
    def reality(self) -> str:
        """The address of the reality check, which leads back here."""
        return reverse("reality") + (f"?{urlencode({'next': self.room})}" if self.room else "")

    @property
    def reality_minutes(self) -> int:
        """Minutes until a reality check is due, begun ones counted; 0 when it is due, or no session runs."""
        if self.session is None:
            return 0
        left = self.session.reality_at + timedelta(minutes=REALITY_EVERY_MINUTES) - self.now
        return max(0, -(-left // timedelta(minutes=1)))

    @property
    def steps(self) -> list[tuple[str, Step]]:
        """Where the next step after a refusal is made, by code."""
        return list(STEPS.items())

    @property
    def session_s(self) -> int:
        return int((self.now - self.session.started_at).total_seconds()) if self.session else 0


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    user = commands.signed_in(request)
    if user.role != Role.USER:
        return render(request, "pages/slots.html", {"machine": None})
    return render(request, "pages/slots.html", _context(user))


@login_required
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """Everything that a spin changes; the script loads it when the reels have stopped."""
    return render(request, "pages/slots/live.html", _context(_player(request)))


@login_required
@require_GET
def in_room(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """The machine opened in a performer's room: it takes the place of the docked card."""
    performer = performer_or_404(performer_id)
    return render(request, "pages/room/machine.html", _context_in_room(request, performer.id))


@login_required
@require_GET
def in_room_live(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """Everything of it that a spin changes."""
    performer = performer_or_404(performer_id)
    return render(request, "pages/room/machine_live.html", _context_in_room(request, performer.id))


@login_required
@require_POST
def spin(request: HttpRequest) -> HttpResponse:
    """Spin without a script, on the machine's page or in a performer's room.

    The server draws the player's part of the proof, as the page shows.
    """
    user = commands.signed_in(request)
    result = commands.run(
        request,
        SPIN,
        given=lambda: services.SpinInput(
            bet=commands.amount_field(request, "bet"), performer_id=commands.id_field(request, "performer")
        ),
        message=lambda spun: result_text(spun.spin, spun.kind),
    )
    if result.error is not None:
        services.record_refusal(user=user, refusal=result.error, region=origin_of(request).region)
    if isinstance(result.error, RealityCheckDue):
        back = urlencode({"next": responses.safe_next(request, reverse("slots"))})
        return HttpResponseRedirect(f"{reverse('reality')}?{back}")
    return responses.redirected(request, result, reverse("slots"))


def _player(request: HttpRequest) -> User:
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    return user


def _context(user: User) -> dict[str, Any]:
    points, machine = points_of(user), machine_of(user)
    return {"machine": machine, "points": points, "tightest": tightest_of(user) if machine else None}


def _context_in_room(request: HttpRequest, performer_id: UUID) -> dict[str, Any]:
    user = _player(request)
    return {"points": points_of(user), "machine": machine_of(user, performer_id)}


def machine_of(user: User, performer_id: UUID | None = None) -> Machine | None:
    """Read the machine as this player sees it, in a performer's room or on its page; None while it is closed."""
    try:
        config, fairness = services.config(), services.fairness(user=user)
    except GameDisabled:
        return None
    if not config.enabled:
        return None
    history = services.history(user=user, limit=HISTORY_ROWS, offset=0)
    par = config.par
    return Machine(
        now=db_now(),
        bet=config.unit,
        interval_ms=int(services.limits().min_interval.total_seconds() * 1000),
        rtp=par.rtp,
        rtp_percent=_percent(par.rtp),
        rtp_text=f"{par.rtp.numerator} of every {par.rtp.denominator}",
        hit_percent=_percent(par.hit_frequency),
        tickets=par.tickets,
        odds=tuple(_odds_row(row, par.tickets, config.table) for row in par.odds),
        pairs_text=_pairs_text(config.table),
        digest=config.digest.hex(),
        commitment=fairness.commitment.hex(),
        nonce=fairness.nonce,
        use=services.hourly_use(user=user),
        session=services.session(user=user),
        history=list(history.spins),
        total=history.total,
        proof=_proof(history.spins[0]) if history.spins else None,
        last_text=_result(history.spins[0]) if history.spins else "",
        performer_id=performer_id,
    )


def room_of(performer_id: UUID) -> str:
    """The address of a room with the machine opened in it."""
    return f"{reverse('room', args=[performer_id])}?play=1#slots"


def _pairs_text(table: dict[str, Any]) -> str:
    """What pairs pay: "Two cherries pay 150."; empty if they pay nothing."""
    paying = [(name, pay) for name, pay in table.get("pair", {}).items() if pay]
    return " ".join(f"Two {services.plural(name)} pay {pay:,}." for name, pay in paying)


def _percent(share: Fraction) -> str:
    return tenths(share * 100).removesuffix(".0")


def tenths(value: Fraction) -> str:
    tenths = round(value * 10)
    return f"{tenths // 10}.{tenths % 10}"


def _odds_row(row: Any, tickets: int, table: dict[str, Any]) -> OddsRow:
    kind, _, name = row.kind.partition("_")
    chance = Fraction(tickets, row.tickets)
    one_in = f"{round(chance):,}" if chance >= 10 else tenths(chance)
    if kind == "mixed":
        names = tuple(table["mixed"]["of"])
        return OddsRow(names, f"any mix of {', '.join(names)}", row.pay, one_in, mixed=True)
    if kind == "pair":
        return OddsRow((name, name), f"two {services.plural(name)}, anywhere", row.pay, one_in, any=True)
    return OddsRow((name,) * 3, f"three {services.plural(name)}", row.pay, one_in)


def _result(spin: Any) -> str:
    return result_text(spin, services.kinds_won([spin]).get(spin.id, ""))


def _proof(spin: Any) -> Proof:
    return Proof(
        seed=bytes(spin.seed).hex(),
        commitment=services.commitment(bytes(spin.seed)).hex(),
        client_nonce=bytes(spin.client_nonce).hex(),
        drawn_here=spin.client_nonce_drawn,
    )
