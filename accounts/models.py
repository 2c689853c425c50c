"""Accounts. The primary key is the public id."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from core.clock import CoreNow
from core.ids import new_id
from core.text import TitleField


class Role(models.TextChoices):
    USER = "user"
    PERFORMER = "performer"
    SUPPORT = "support"
    FINANCE = "finance"
    GAMES = "games"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SERVICE = "service"


STAFF_ROLES: frozenset[str] = frozenset({Role.SUPPORT, Role.FINANCE, Role.GAMES, Role.AUDITOR, Role.ADMIN})
SUPPORT_ROLES: frozenset[str] = frozenset({Role.SUPPORT, Role.ADMIN})
FINANCE_ROLES: frozenset[str] = frozenset({Role.FINANCE, Role.ADMIN})


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(username, password, **{"role": Role.ADMIN, "is_superuser": True, **fields})


class User(AbstractBaseUser, PermissionsMixin):
    """An account with one role. `verified_at`: age proven; `terms_version`: the last terms accepted, 0 for none.

    `must_change_password`: the password was set by somebody else; until it is changed nothing else can be done.
    `sign_in_epoch`: sessions and tokens begun under another number are refused. `ended_families`: so are access tokens
    of these families, the last of which was ended at `family_ended_at`. `email_confirmed_at`: when the person showed
    that the address is theirs. Erasure (`erased_at`) empties name, address and date of birth; the row stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = TitleField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.USER)
    email_confirmed_at = models.DateTimeField(null=True, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    terms_version = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False, db_default=False)
    sign_in_epoch = models.PositiveIntegerField(default=0, db_default=0)
    ended_families = ArrayField(models.CharField(max_length=32), default=list, db_default=[], editable=False)
    family_ended_at = models.DateTimeField(null=True, editable=False)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=CoreNow())

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="accounts_user_role_known"),
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(erased_at__isnull=True) & ~models.Q(email=""),
                name="accounts_user_email_once",
                violation_error_message="A user with that e-mail address already exists.",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True) | models.Q(email="", date_of_birth__isnull=True),
                name="accounts_user_erased_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def get_session_auth_hash(self) -> str:
        return f"{super().get_session_auth_hash()}:{self.sign_in_epoch}"

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for each in super().get_session_auth_fallback_hash():
            yield f"{each}:{self.sign_in_epoch}"

    @property
    def is_staff(self) -> bool:
        """Always false: the back office admits by role."""
        return False

    @property
    def is_backoffice(self) -> bool:
        return self.role in STAFF_ROLES


class Scope(models.TextChoices):
    HOLD = "hold"
    INTAKE = "intake"
    AWARD = "award"


class ServiceAccount(models.Model):
    """The permissions of another system that uses the API: feature names, scopes and a limit per buyer.

    `cap_per_user_day` limits the amount held or spent in 24 hours, separately for each currency.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="service_account")
    features = ArrayField(models.CharField(max_length=40), default=list)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices), default=list)
    cap_per_user_day = models.BigIntegerField(default=10_000)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(cap_per_user_day__gte=0), name="accounts_service_cap"),
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=Scope.values), name="accounts_service_scopes_known"
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(self.features)


class PerformerProfile(models.Model):
    """A performer's public data, and her fee if it differs from the platform's."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="performer_profile")
    display_name = TitleField(max_length=80)
    tagline = TitleField(max_length=120, blank=True)
    poster = models.CharField(max_length=20, default="voice")
    fee_bps = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(fee_bps__isnull=True) | models.Q(fee_bps__lte=10_000),
                name="accounts_fee_within_100_percent",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class UsedCode(models.Model):
    """A time step of a second factor whose code has been used: no second use, whatever it is asked for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    step = models.BigIntegerField()
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "step"], name="accounts_usedcode_once")]
        indexes = [models.Index(fields=["at"], name="accounts_usedcode_age")]


class Attempt(models.Model):
    """One attempt of a subject whose attempts are limited. `subject`: a keyed hash; the row goes after a day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.BinaryField(max_length=32)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        indexes = [
            models.Index(fields=["subject", "at"], name="accounts_attempt_of_subject"),
            models.Index(fields=["at"], name="accounts_attempt_age"),
        ]


class ExportState(models.TextChoices):
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


class Export(models.Model):
    """A file with what we hold about a user, at their request, in parts: `ready` until `until`, then `gone`.

    `attempts`: how often a worker began; `taken_at`: when the last of them wrote something. `sections_done` of
    `sections` are in the parts, which hold `size_bytes` before compression.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=6, choices=ExportState.choices, default=ExportState.MAKING)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    taken_at = models.DateTimeField(null=True)
    sections_done = models.PositiveSmallIntegerField(db_default=0)
    sections = models.PositiveSmallIntegerField(db_default=0)
    size_bytes = models.BigIntegerField(db_default=0)
    asked_at = models.DateTimeField(db_default=CoreNow())
    ready_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state=ExportState.READY, ready_at__isnull=False, until__isnull=False)
                & models.Q(size_bytes__gt=0)
                | models.Q(state__in=[ExportState.MAKING, ExportState.FAILED], ready_at__isnull=True)
                | models.Q(state=ExportState.GONE),
                name="accounts_export_states_are_whole",
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state=ExportState.MAKING), name="accounts_export_one_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state=ExportState.READY), name="accounts_export_one_file"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="accounts_export_of_user"),
            models.Index(fields=["id"], condition=models.Q(state=ExportState.MAKING), name="accounts_export_waiting"),
            models.Index(fields=["until"], condition=models.Q(state=ExportState.READY), name="accounts_export_ends"),
        ]


class ExportPart(models.Model):
    """A piece of an export's file, compressed (zlib). Parts exist while their export is `making` or `ready`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="accounts_exportpart_once")]


class Erasure(models.Model):
    """A request to erase an account. It waits while anything is open and can be called off until `closed_at`.

    `closed_at`: since when nobody can sign in. `actor`: who asked, the person or a member of staff with a `reason`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    actor = models.UUIDField()
    reason = models.TextField(db_default="")
    asked_at = models.DateTimeField(db_default=CoreNow())
    cancelled_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(cancelled_at__isnull=True), name="accounts_erasure_once"
            ),
            models.CheckConstraint(
                condition=models.Q(cancelled_at__isnull=True) | models.Q(closed_at__isnull=True),
                name="accounts_erasure_is_final_once_closed",
            ),
            models.CheckConstraint(
                condition=models.Q(done_at__isnull=True) | models.Q(closed_at__isnull=False),
                name="accounts_erasure_closes_first",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(cancelled_at__isnull=True, done_at__isnull=True),
                name="accounts_erasure_waiting",
            )
        ]
