"""What the slot machine's endpoints answer."""

from fractions import Fraction
from typing import Any, Literal

from rest_framework import serializers

from core.shapes import Shape
from slots import draw
from slots.decimals import decimal_text
from slots.models import Spin
from slots.services import SpinResult
from slots.services.reading import Config


class Hex(serializers.CharField):
    """Bytes as lower-case hexadecimal digits."""

    def to_representation(self, value: Any) -> str:
        return bytes(value).hex()


class Symbols(serializers.ListField):
    """What the reels showed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(), min_length=draw.REELS, max_length=draw.REELS, **kwargs)


class Result(Shape):
    symbols = Symbols()
    isWin = serializers.BooleanField(source="is_win")
    payout = serializers.IntegerField()
    multiplier = serializers.SerializerMethodField(help_text="payout / betAmount, an exact decimal")

    def get_multiplier(self, spin: Spin) -> str:
        return decimal_text(Fraction(spin.payout, spin.bet))


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


class SessionOut(Shape):
    netPoints = serializers.IntegerField(source="session.net_points")
    elapsedSeconds = serializers.SerializerMethodField()
    spinsLeft = serializers.IntegerField(
        source="spins_left", allow_null=True, help_text="null when the hourly limit is off"
    )
    limitsLeft = serializers.SerializerMethodField()

    def get_elapsedSeconds(self, result: SpinResult) -> int:
        return int((result.spin.at - result.session.started_at).total_seconds())

    def get_limitsLeft(self, result: SpinResult) -> dict[str, Any]:
        return {}


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
        return False


class OwnSpinOut(SpinFactsOut):
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


class ConfigOut(Shape):
    enabled = serializers.BooleanField()
    betAmount = serializers.IntegerField(source="unit")
    paytable = serializers.DictField(source="table")
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
