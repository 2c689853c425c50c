"""Each user's slot state, every spin, and where a spin came from."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.ids import new_id
from slots.draw import CLIENT_NONCE_BYTES, MAX_CLIENT_SEED_BYTES, REELS, SEED_BYTES
from slots.models.tables import HASH_BYTES, Paytable


class SlotState(models.Model):
    """One user's state: the next spin's nonce, commitment and sealed seed, and the totals.

    One row per user, locked by every spin of that user. ``nonce`` is that of the next spin, hence also the count of
    spins. Points and times are those after the last spin; ``paytable_id`` is the table it was played with.
    ``window_nonce`` and ``window_at`` name the first spin of the hour before the last one; null: search for it.
    ``day_nonce``, ``day_at`` and ``day_staked`` do so for 24 hours, with the points staked before that spin;
    ``week_…`` and ``month_…`` for 7 and 30 days. ``session_nonce``: the first spin of the session; ``session_staked``:
    the points staked in it. ``acknowledged_at``: when the last reality check was answered. ``seed_key``: the id of the
    key that sealed the seed. No index may name what a spin changes: updates of these rows stay in their page.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="+")
    nonce = models.BigIntegerField(default=0)
    commitment = models.BinaryField(max_length=HASH_BYTES)
    sealed_seed = models.BinaryField(max_length=SEED_BYTES + 28)
    client_seed = models.CharField(max_length=MAX_CLIENT_SEED_BYTES, default="", blank=True)
    chain = models.BinaryField(max_length=HASH_BYTES)
    paytable = models.ForeignKey(Paytable, models.PROTECT, null=True, related_name="+")
    staked_total = models.BigIntegerField(default=0)
    paid_total = models.BigIntegerField(default=0)
    last_spin_at = models.DateTimeField(null=True)
    session_started_at = models.DateTimeField(null=True)
    session_net = models.BigIntegerField(default=0)
    reality_at = models.DateTimeField(null=True)
    window_nonce = models.BigIntegerField(null=True)
    window_at = models.DateTimeField(null=True)
    session_nonce = models.BigIntegerField(null=True)
    session_staked = models.BigIntegerField(default=0, db_default=0)
    day_nonce = models.BigIntegerField(null=True)
    day_at = models.DateTimeField(null=True)
    day_staked = models.BigIntegerField(null=True)
    week_nonce = models.BigIntegerField(null=True)
    week_at = models.DateTimeField(null=True)
    week_staked = models.BigIntegerField(null=True)
    month_nonce = models.BigIntegerField(null=True)
    month_at = models.DateTimeField(null=True)
    month_staked = models.BigIntegerField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    seed_key = models.SmallIntegerField(default=1, db_default=1)

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
    ``pending_credit`` is no column: whether the award is not paid yet, said by who reads the spin.
    """

    pending_credit = False

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user_id = models.UUIDField()
    nonce = models.BigIntegerField()
    at = models.DateTimeField()
    bet = models.BigIntegerField()
    payout = models.BigIntegerField()
    ticket = models.BigIntegerField()
    symbols = ArrayField(models.TextField(), size=REELS)
    paytable_id = models.UUIDField()
    paytable_digest = models.BinaryField(max_length=HASH_BYTES)
    seed = models.BinaryField(max_length=SEED_BYTES)
    next_commitment = models.BinaryField(max_length=HASH_BYTES)
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
    chain = models.BinaryField(max_length=HASH_BYTES)

    class Meta:
        managed = False
        db_table = "slots_spin"

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_win(self) -> bool:
        return self.payout > 0


class SpinOrigin(models.Model):
    """Where a spin was asked from: apart from it, outside its chain, and deleted after 180 days."""

    spin_id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, db_default="")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user_id"], name="slots_spinorigin_of_user")]

    def __str__(self) -> str:
        return str(self.spin_id)
