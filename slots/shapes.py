"""What the endpoints answer, for the API's description only; a test keeps the real answers equal to it."""

from rest_framework import serializers

from slots.draw import REELS


class Result(serializers.Serializer):
    symbols = serializers.ListField(child=serializers.CharField(), min_length=REELS, max_length=REELS)
    isWin = serializers.BooleanField()
    payout = serializers.IntegerField()
    multiplier = serializers.CharField(help_text="payout / betAmount, an exact decimal")


class Proof(serializers.Serializer):
    seed = serializers.CharField(help_text="hex; revealed now, committed to before the spin")
    commitment = serializers.CharField(help_text="SHA-256 of the seed, hex")
    clientSeed = serializers.CharField(allow_blank=True)
    clientNonce = serializers.CharField(help_text="hex; drawn by the server when the request named none")
    nextCommitment = serializers.CharField(help_text="hex; what the next spin will reveal the seed of")
    nextNonce = serializers.IntegerField()
    paytableDigest = serializers.CharField(help_text="SHA-256 of the paytable's canonical form, hex")


class SessionOut(serializers.Serializer):
    netPoints = serializers.IntegerField()
    elapsedSeconds = serializers.IntegerField()
    spinsLeft = serializers.IntegerField(allow_null=True, help_text="null when the hourly limit is off")
    limitsLeft = serializers.DictField()


class SpinKept(serializers.Serializer):
    spinId = serializers.UUIDField()
    nonce = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    betAmount = serializers.IntegerField()
    result = Result()
    previousBalance = serializers.IntegerField()
    newBalance = serializers.IntegerField()
    fairness = Proof()


class SpinOut(SpinKept):
    session = SessionOut()
    pendingCredit = serializers.BooleanField()


class OwnSpinOut(SpinKept):
    clientNonceFrom = serializers.ChoiceField(choices=["client", "server"])


class HistoryRow(serializers.Serializer):
    spinId = serializers.UUIDField()
    nonce = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    betAmount = serializers.IntegerField()
    symbols = serializers.ListField(child=serializers.CharField(), min_length=REELS, max_length=REELS)
    isWin = serializers.BooleanField()
    payout = serializers.IntegerField()


class HistoryOut(serializers.Serializer):
    spins = HistoryRow(many=True)
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class OddsOut(serializers.Serializer):
    kind = serializers.CharField()
    pay = serializers.IntegerField()
    tickets = serializers.IntegerField()
    of = serializers.IntegerField()


class ConfigOut(serializers.Serializer):
    enabled = serializers.BooleanField()
    betAmount = serializers.IntegerField()
    paytable = serializers.DictField()
    paytableDigest = serializers.CharField()
    rtp = serializers.CharField(help_text="an exact fraction")
    rtpPercent = serializers.CharField(help_text="an exact decimal")
    odds = OddsOut(many=True)


class RateLimitOut(serializers.Serializer):
    limit = serializers.IntegerField(allow_null=True)
    used = serializers.IntegerField()
    remaining = serializers.IntegerField(allow_null=True)
    resetsAt = serializers.DateTimeField(allow_null=True)


class FairnessOut(serializers.Serializer):
    commitment = serializers.CharField()
    nonce = serializers.IntegerField()
    paytableDigest = serializers.CharField()
    clientSeed = serializers.CharField(allow_blank=True)
