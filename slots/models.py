"""Paytables, each user's slot state, and every spin."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import CoreNow
from core.ids import new_id
from slots.draw import CLIENT_NONCE_BYTES, MAX_CLIENT_SEED_BYTES, REELS, SEED_BYTES

_HASH_BYTES = 32


class Game(models.Model):
    """The switch of a game: one row, inserted by ``seed_reference``. Without a row the game is closed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=20, unique=True)
    enabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(db_default=CoreNow())

    def __str__(self) -> str:
        return self.code


class PaytableStatus(models.TextChoices):
    DRAFT = "draft"
    COMPUTED = "computed"
    APPROVED = "approved"
    ACTIVE = "active"
    RETIRED = "retired"


class Paytable(models.Model):
    """One version of the rules, never changed; a trigger allows only the status to change, one step at a time.

    ``canonical`` is the form that the digest is computed of; the database recomputes it. ``par`` is the exact
    sheet, written with the step to ``computed``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    canonical = models.TextField()
    digest = models.BinaryField(max_length=_HASH_BYTES, unique=True)
    declared_rtp = models.CharField(max_length=40)
    par = models.JSONField(null=True)
    status = models.CharField(max_length=8, choices=PaytableStatus.choices, default=PaytableStatus.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=CoreNow())
    computed_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="slots_paytable_version_once"),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status=PaytableStatus.ACTIVE), name="slots_paytable_one_active"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=PaytableStatus.values), name="slots_paytable_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status=PaytableStatus.DRAFT, par__isnull=True)
                | (~models.Q(status=PaytableStatus.DRAFT) & models.Q(par__isnull=False)),
                name="slots_paytable_computed_has_par",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("created_by")),
                name="slots_paytable_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class SlotState(models.Model):
    """One user's state: the next spin's nonce, commitment and sealed seed, and the totals.

    One row per user, locked by every spin of that user. ``nonce`` is that of the next spin, hence also the count of
    spins. Points and times are those after the last spin; ``paytable_id`` is the table it was played with.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="+")
    nonce = models.BigIntegerField(default=0)
    commitment = models.BinaryField(max_length=_HASH_BYTES)
    sealed_seed = models.BinaryField(max_length=SEED_BYTES + 28)
    client_seed = models.CharField(max_length=MAX_CLIENT_SEED_BYTES, default="", blank=True)
    chain = models.BinaryField(max_length=_HASH_BYTES)
    paytable = models.ForeignKey(Paytable, models.PROTECT, null=True, related_name="+")
    staked_total = models.BigIntegerField(default=0)
    paid_total = models.BigIntegerField(default=0)
    last_spin_at = models.DateTimeField(null=True)
    session_started_at = models.DateTimeField(null=True)
    session_net = models.BigIntegerField(default=0)
    reality_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(nonce__gte=0), name="slots_state_nonce_counts_up"),
            models.CheckConstraint(
                condition=models.Q(staked_total__gte=0, paid_total__gte=0), name="slots_state_totals_count_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.nonce} spins"


class Spin(models.Model):
    """One spin, written once. The table is partitioned by id (months): ``slots/sql/0001_first_release.sql`` makes it.

    ``staked_total`` and ``paid_total`` are the user's running totals including this spin. ``chain`` links it to the
    spin before. The ids refer to rows of other tables without foreign keys: spins are kept longer than those.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user_id = models.UUIDField()
    nonce = models.BigIntegerField()
    at = models.DateTimeField()
    bet = models.BigIntegerField()
    payout = models.BigIntegerField()
    ticket = models.BigIntegerField()
    symbols = ArrayField(models.TextField(), size=REELS)
    paytable_id = models.UUIDField()
    paytable_digest = models.BinaryField(max_length=_HASH_BYTES)
    seed = models.BinaryField(max_length=SEED_BYTES)
    next_commitment = models.BinaryField(max_length=_HASH_BYTES)
    client_seed = models.TextField()
    client_nonce = models.BinaryField(max_length=CLIENT_NONCE_BYTES)
    client_nonce_drawn = models.BooleanField()
    performer_id = models.UUIDField(null=True)
    hold_id = models.UUIDField()
    item_id = models.UUIDField()
    balance_before = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    staked_total = models.BigIntegerField()
    paid_total = models.BigIntegerField()
    chain = models.BinaryField(max_length=_HASH_BYTES)

    class Meta:
        managed = False
        db_table = "slots_spin"

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_win(self) -> bool:
        return self.payout > 0
