"""Accounts. The primary key is the public id."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import CoreNow
from core.ids import new_id


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
    """An account with one role. `verified_at`: age proven; `terms_version`: the last terms accepted, 0 for none."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.USER)
    verified_at = models.DateTimeField(null=True, blank=True)
    terms_version = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=CoreNow())

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="accounts_user_role_known"),
        ]

    def __str__(self) -> str:
        return self.username

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
    display_name = models.CharField(max_length=80)
    tagline = models.CharField(max_length=120, blank=True)
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
