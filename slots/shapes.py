"""What the slot machine's endpoints answer."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.shapes import Shape, page_of
from slots import draw
from slots.decimals import decimal_text, multiplier_of
from slots.fields import PAYTABLE
from slots.gates import WINDOWS
from slots.models import PaytableStatus, Spin
from slots.services import SpinResult, Stats
from slots.services.reading import Config


@extend_schema_field({"type": "string", "pattern": "^([0-9a-f]{2})+$"})
class Hex(serializers.CharField):
    """Bytes as lower-case hexadecimal digits."""

    def to_representation(self, value: Any) -> str:
        return bytes(value).hex()


class Symbols(serializers.ListField):
    """What the reels showed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(), min_length=draw.REELS, max_length=draw.REELS, **kwargs)

    def to_representation(self, data: Any) -> Any:
        return data  # texts are JSON as they are


class Result(Shape):
    symbols = Symbols()
    isWin = serializers.BooleanField(source="is_win")
    payout = serializers.IntegerField()
    multiplier = serializers.SerializerMethodField(help_text="payout / betAmount, an exact decimal")

    def get_multiplier(self, spin: Spin) -> str:
        return multiplier_of(spin.payout, spin.bet)


class Proof(Shape):
    """Everything that recomputes the draw, and the commitment of the next one."""

    seed = Hex(help_text="hex; revealed now, committed to before the spin")
    commitment = serializers.SerializerMethodField(help_text="SHA-256 of the seed, hex")
    clientSeed = serializers.CharField(source="client_seed", allow_blank=True)
    clientNonce = Hex(source="client_nonce", help_text="hex; drawn by the server when the request named none")
    nextCommitment = Hex(source="next_commitment", help_text="hex; what the next spin will reveal the seed of")
    nextNonce = serializers.SerializerMethodField()
    paytableDigest = Hex(source="paytable_digest", help_text="SHA-256 of the paytable's canonical form, hex")

    def get_commitment(self, spin: Spin) -> str:
        return draw.commitment(bytes(spin.seed)).hex()

    def get_nextNonce(self, spin: Spin) -> int:
        return spin.nonce + 1


@extend_schema_field(
    {
        "type": "object",
        "required": [*WINDOWS],
        "properties": {window: {"type": ["integer", "null"], "description": "null: no limit"} for window in WINDOWS},
        "additionalProperties": False,
    }
)
class LimitsLeft(serializers.Field):
    """What is left of each window."""

    def to_representation(self, value: Any) -> Any:
        return dict(zip(WINDOWS, value, strict=True))


class SessionOut(Shape):
    netPoints = serializers.IntegerField(source="session.net_points")
    elapsedSeconds = serializers.SerializerMethodField()
    spinsLeft = serializers.IntegerField(
        source="spins_left", allow_null=True, help_text="null when the hourly limit is off"
    )
    limitsLeft = LimitsLeft(source="limits_left", help_text="points of the lower of one's own and the operator's limit")

    def get_elapsedSeconds(self, result: SpinResult) -> int:
        return int((result.spin.at - result.session.started_at).total_seconds())


class SpinFactsOut(Shape):  # what the shapes of a spin have in common; rendered from what has a `spin`
    spinId = serializers.UUIDField(source="spin.id")
    nonce = serializers.IntegerField(source="spin.nonce")
    timestamp = serializers.DateTimeField(source="spin.at")
    betAmount = serializers.IntegerField(source="spin.bet")
    result = Result(source="spin")
    previousBalance = serializers.IntegerField(source="spin.balance_before")
    newBalance = serializers.IntegerField(source="spin.balance_after")
    fairness = Proof(source="spin")


class SpinOut(SpinFactsOut):
    session = SessionOut(source="*")
    pendingCredit = serializers.SerializerMethodField()

    def get_pendingCredit(self, result: SpinResult) -> bool:
        return result.pending_credit


class OwnSpinOut(SpinFactsOut):
    pendingCredit = serializers.BooleanField(
        source="spin.pending_credit", help_text="whether the award is not paid yet"
    )
    clientNonceFrom = serializers.SerializerMethodField()

    def get_clientNonceFrom(self, own: Any) -> Literal["client", "server"]:
        return "server" if own.spin.client_nonce_drawn else "client"


class HistoryRow(Shape):
    spinId = serializers.UUIDField(source="id")
    nonce = serializers.IntegerField()
    timestamp = serializers.DateTimeField(source="at")
    betAmount = serializers.IntegerField(source="bet")
    symbols = Symbols()
    isWin = serializers.BooleanField(source="is_win")
    payout = serializers.IntegerField()


class HistoryOut(Shape):
    spins = HistoryRow(many=True)
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class OddsOut(Shape):
    kind = serializers.CharField()
    pay = serializers.IntegerField()
    tickets = serializers.IntegerField()
    of = serializers.IntegerField()


@extend_schema_field(PAYTABLE)
class Paytable(serializers.DictField):
    """Symbols with their weights and pays; what pairs and mixed symbols pay, if they do."""


class ConfigOut(Shape):
    enabled = serializers.BooleanField()
    betAmount = serializers.IntegerField(source="unit")
    paytable = Paytable(source="table")
    paytableDigest = Hex(source="digest")
    rtp = serializers.SerializerMethodField(help_text="an exact fraction")
    rtpPercent = serializers.SerializerMethodField(help_text="an exact decimal")
    odds = OddsOut(source="par.odds", many=True)

    def get_rtp(self, config: Config) -> str:
        return str(config.par.rtp)

    def get_rtpPercent(self, config: Config) -> str:
        return decimal_text(config.par.rtp * 100)


class RateLimitOut(Shape):
    limit = serializers.IntegerField(allow_null=True)
    used = serializers.IntegerField()
    remaining = serializers.IntegerField(allow_null=True)
    resetsAt = serializers.DateTimeField(source="resets_at", allow_null=True)


class FairnessOut(Shape):
    commitment = Hex()
    nonce = serializers.IntegerField()
    paytableDigest = Hex(source="paytable_digest")
    clientSeed = serializers.CharField(source="client_seed", allow_blank=True)


class RealityCheckOut(Shape):
    elapsedSeconds = serializers.IntegerField(source="elapsed_s", help_text="since the session began")
    netPoints = serializers.IntegerField(source="net_points")
    stakedPoints = serializers.IntegerField(source="staked_points")
    wonPoints = serializers.IntegerField(source="won_points")
    nextDueAt = serializers.DateTimeField(source="next_due_at", allow_null=True, help_text="null: no session runs")


def top_award_odds(par: Mapping[str, Any]) -> Fraction:
    """The chance of the top award in one spin, of a stored PAR sheet."""
    by_pay = {int(pay): count for pay, count in par["ticketsByPay"].items()}
    return Fraction(by_pay[max(by_pay)], par["tickets"])


class ParOut(Shape):
    """The exact figures of a paytable; fractions are text."""

    rtp = serializers.SerializerMethodField(help_text="points returned per point staked")
    hitFrequency = serializers.SerializerMethodField(help_text="the share of spins that pay anything")
    variance = serializers.SerializerMethodField(help_text="of the payout, in units of the bet")
    topAwardOdds = serializers.SerializerMethodField()
    ldwTickets = serializers.SerializerMethodField(help_text="outcomes that pay something, but less than the bet")

    def get_rtp(self, par: Mapping[str, Any]) -> str:
        return str(par["rtp"])

    def get_hitFrequency(self, par: Mapping[str, Any]) -> str:
        return str(par["hitFrequency"])

    def get_variance(self, par: Mapping[str, Any]) -> str:
        return str(par["variance"])

    def get_topAwardOdds(self, par: Mapping[str, Any]) -> str:
        return str(top_award_odds(par))

    def get_ldwTickets(self, par: Mapping[str, Any]) -> int:
        return int(par["lossDisguisedAsWinTickets"])


class PaytableOut(Shape):
    id = serializers.UUIDField()
    digest = Hex(help_text="SHA-256 of the canonical form, hex")
    status = serializers.ChoiceField(choices=PaytableStatus.choices)
    declaredRtp = serializers.CharField(source="declared_rtp")
    par = ParOut(allow_null=True)
    author = serializers.UUIDField(source="created_by_id", allow_null=True)
    approver = serializers.UUIDField(source="approved_by_id", allow_null=True)
    activatedAt = serializers.DateTimeField(source="activated_at", allow_null=True)


PaytablesOut = page_of(PaytableOut)


class KindStats(Shape):
    kind = serializers.CharField()
    hits = serializers.IntegerField()
    expected = serializers.FloatField(help_text="hits on average in as many spins")


class DayStats(Shape):
    date = serializers.DateField(source="day", help_text="UTC")
    spins = serializers.IntegerField()
    players = serializers.IntegerField(help_text="different people")
    staked = serializers.IntegerField()
    paid = serializers.IntegerField()


@extend_schema_field({"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2})
class Band(serializers.ReadOnlyField):
    """The ends of a range."""


class StatsOut(Shape):
    spins = serializers.IntegerField()
    staked = serializers.IntegerField(help_text="points")
    paid = serializers.IntegerField(help_text="points")
    rtp = serializers.SerializerMethodField(help_text="points paid per point staked, an exact fraction")
    expectedRtp = serializers.SerializerMethodField(help_text="the same on average, an exact fraction")
    band99 = Band(help_text="where `rtp` lies in 99 of 100 such series: [low, high]")
    z = serializers.FloatField(allow_null=True)
    kinds = KindStats(many=True)
    days = DayStats(many=True, help_text="every day asked for, oldest first")

    def get_rtp(self, stats: Stats) -> str | None:
        return _fraction(stats.rtp)

    def get_expectedRtp(self, stats: Stats) -> str | None:
        return _fraction(stats.expected_rtp)


def _fraction(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
