"""Figures of play, counted in rounds from stored spins; and the months that have been archived.

The ids refer to rows of other tables without foreign keys: figures are kept longer than those.
"""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.ids import new_id
from slots.models.tables import HASH_BYTES


class Figure(models.Model):
    """One day of one paytable: spins, players, points staked and paid."""

    pk = models.CompositePrimaryKey("day", "paytable_id")
    day = models.DateField()
    paytable_id = models.UUIDField()
    spins = models.BigIntegerField(default=0)
    players = models.BigIntegerField(default=0)
    staked = models.BigIntegerField(default=0)
    paid = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(spins__gte=0, players__gte=0, staked__gte=0, paid__gte=0), name="slots_figure_counts_up"
            ),
        ]


class Hit(models.Model):
    """How often one kind of award was hit on one day with one paytable."""

    pk = models.CompositePrimaryKey("day", "paytable_id", "kind")
    day = models.DateField()
    paytable_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    hits = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(hits__gte=0), name="slots_hit_counts_up")]


class PlayDay(models.Model):
    """One day of one player: spins, seconds played, points staked and paid."""

    pk = models.CompositePrimaryKey("day", "user_id")
    day = models.DateField()
    user_id = models.UUIDField()
    spins = models.BigIntegerField(default=0)
    seconds_played = models.BigIntegerField(default=0)
    staked = models.BigIntegerField(default=0)
    paid = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(spins__gte=0, seconds_played__gte=0, staked__gte=0, paid__gte=0),
                name="slots_playday_counts_up",
            ),
        ]
        indexes = [models.Index(fields=["user_id", "-day"], name="slots_playday_of_user")]


class Tally(models.Model):
    """The count of one paytable's return since `counted_from`: spins, points staked and paid. `Look` is taken of it."""

    paytable_id = models.UUIDField(primary_key=True)
    counted_from = models.UUIDField(null=True)
    spins = models.BigIntegerField(default=0)
    staked = models.BigIntegerField(default=0)
    paid = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(spins__gte=0, staked__gte=0, paid__gte=0), name="slots_tally_counts_up"),
        ]


class Verdict(models.TextChoices):
    """What a look at the actual return led to. `shown`: too few spins to judge."""

    SHOWN = "shown"
    OK = "ok"
    WARN = "warn"
    DISABLE = "disable"


class Look(models.Model):
    """The actual return of one paytable after `spins` spins since `counted_from`. Append-only (a trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    paytable_digest = models.BinaryField(max_length=HASH_BYTES)
    counted_from = models.UUIDField(null=True)
    spins = models.BigIntegerField()
    staked = models.BigIntegerField()
    paid = models.BigIntegerField()
    z = models.FloatField()
    verdict = models.CharField(max_length=7, choices=Verdict.choices)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["paytable_digest", "counted_from", "spins"], nulls_distinct=False, name="slots_look_once"
            ),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="slots_look_verdict_known"),
            models.CheckConstraint(condition=Q(spins__gte=1, staked__gte=0, paid__gte=0), name="slots_look_counts_up"),
        ]


class Aggregated(models.Model):
    """How far a figure has been counted: the last spin in it. One row per name, locked by whoever counts."""

    name = models.CharField(max_length=40, primary_key=True)
    upto = models.UUIDField()


class FigureCheck(models.Model):
    """A comparison of all figures with the players' running totals: how many differ, and the first. Append-only.

    `spins` of `players` were compared, those that had been counted when it was made.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(db_default=CoreNow())
    players = models.BigIntegerField()
    spins = models.BigIntegerField()
    differences = models.BigIntegerField()
    first = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(differences=0, first="") | Q(differences__gte=1) & ~Q(first=""),
                name="slots_figurecheck_names_the_first",
            ),
        ]


class Archive(models.Model):
    """One month's spins in files: where, what they hold, the hash of their list and its signature.

    `replayed_at`: when it was last replayed; `checked_at`: the same if no defect was found, else empty. `detached_at`:
    since when its spins are no longer among the machine's own.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    month = models.DateField(unique=True)
    spins = models.BigIntegerField()
    first_id = models.UUIDField(null=True)
    last_id = models.UUIDField(null=True)
    folder = models.TextField()
    list_sha256 = models.BinaryField(max_length=HASH_BYTES)
    signature = models.BinaryField(max_length=64)
    key_id = models.CharField(max_length=64)
    made_at = models.DateTimeField(db_default=CoreNow())
    replayed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    detached_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(month__day=1), name="slots_archive_of_a_month"),
            models.CheckConstraint(
                condition=Q(spins=0, first_id__isnull=True, last_id__isnull=True)
                | Q(spins__gte=1, first_id__isnull=False, last_id__isnull=False, first_id__lte=F("last_id")),
                name="slots_archive_names_its_spins",
            ),
        ]


class ArchivedPlayer(models.Model):
    """Where the spins of a player that were detached end, and the stored ones go on: the next nonce, link, commitment,
    and the running totals. Moves forward only, written where a month is detached."""

    user_id = models.UUIDField(primary_key=True)
    nonce = models.BigIntegerField()
    chain = models.BinaryField(max_length=HASH_BYTES)
    commitment = models.BinaryField(max_length=HASH_BYTES)
    staked_total = models.BigIntegerField()
    paid_total = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(nonce__gte=1, staked_total__gte=0, paid_total__gte=0), name="slots_archivedplayer_has_spun"
            ),
        ]
