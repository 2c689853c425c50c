"""The demo world: users, what they own and what they offer. Made by the services; idempotent."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

import accounts.services
import compliance.services
import escrow.services
import menus.services
import perfqueue.services
from accounts.models import Role, Scope, User
from core.clock import db_now
from core.db import joined
from escrow.services import Currency, Deposit, House

GIFT = 100_000
BORN = date(1990, 1, 1)
BUYERS = ("alice", "bob", "carol")
STAFF = {
    "admin": Role.ADMIN,
    "support": Role.SUPPORT,
    "finance": Role.FINANCE,
    "games": Role.GAMES,
    "auditor": Role.AUDITOR,
}
SERVICES = ("arcade",)
PACKAGES = (
    escrow.services.Offer("Pocket", 500, 499),
    escrow.services.Offer("Evening", 1_200, 999),
    escrow.services.Offer("Season", 3_000, 1_999),
)


@dataclass(frozen=True)
class DemoPerformer:
    """A performer's profile and menu. Offers: title, price in tokens, length in seconds, description."""

    display_name: str
    tagline: str
    poster: str
    menu: str
    offers: tuple[tuple[str, int, int, str], ...]


PERFORMERS = {
    "ruby": DemoPerformer(
        "Ruby Sol",
        "Piano and voice",
        "piano",
        "On stage",
        (
            ("Hello by name", 10, 60, "A line of song with your name in it"),
            ("Request a song", 40, 240, "Name the song in your note"),
            ("Improvise on a theme", 60, 300, "Give a mood, a word or four notes"),
            ("Left-hand mini lesson", 100, 480, "Bring a piano or just your ears"),
        ),
    ),
    "jade": DemoPerformer(
        "Jade Okoro",
        "Drums, loud and soft",
        "drums",
        "Rhythms",
        (
            ("Eight bars for you", 10, 60, "A groove in your tempo"),
            ("Beat from a word", 30, 180, "The rhythm of any word you like"),
            ("Brushes only", 50, 240, "Quiet, with brushes"),
            ("Full solo", 100, 420, "Everything, once"),
        ),
    ),
}


def make() -> None:
    """Create missing users with everything they own, in one transaction."""
    with joined():
        known = set(User.objects.values_list("username", flat=True))
        missing = {name: role for name, role in _roles().items() if name not in known}
        secret = make_password(settings.DEMO_PASSWORD) if missing else ""  # hashed once: hashing is slow by design
        people = [_person(name, role, secret) for name, role in missing.items()]
        escrow.services.open_wallets([user.pk for user in people])
        escrow.services.make_packages(PACKAGES)
        for user in people:
            if user.username in BUYERS:
                _give(user)
            if user.username in SERVICES:
                accounts.services.make_service_account(
                    user, features=[user.username], scopes=[Scope.HOLD, Scope.INTAKE], cap_per_user_day=10_000
                )
            if user.username in PERFORMERS:
                _open_room(user, PERFORMERS[user.username])


def _roles() -> dict[str, Role]:
    return {
        **dict.fromkeys(BUYERS, Role.USER),
        **dict.fromkeys(PERFORMERS, Role.PERFORMER),
        **STAFF,
        **dict.fromkeys(SERVICES, Role.SERVICE),
    }


def _person(name: str, role: Role, secret: str) -> User:
    facts: dict[str, Any] = {
        "username": name,
        "hashed_password": secret,
        "email": f"{name}@demo.invalid",
        "email_confirmed_at": db_now(),
        "date_of_birth": BORN,
        "verified": True,
        "terms_version": compliance.services.current_terms_version(),
        "is_superuser": role == Role.ADMIN,
    }
    if name not in PERFORMERS:
        return accounts.services.create_user(role=role, **facts)
    performer = PERFORMERS[name]
    return accounts.services.create_performer(
        display_name=performer.display_name, tagline=performer.tagline, poster=performer.poster, **facts
    )


def _give(user: User) -> None:
    for currency in Currency:
        escrow.services.deposit(
            Deposit(f"demo:{user.username}:{currency}", user.pk, currency, GIFT, House.MINT, reason="demo world")
        )


def _open_room(user: User, performer: DemoPerformer) -> None:
    perfqueue.services.make_queues([user.pk])
    perfqueue.services.configure(
        performer_id=user.pk,
        rope_drop_s=settings.QUEUE_ROPE_DROP_S,
        presence=perfqueue.services.Presence.STREAMING,  # there are no heartbeats in the demo
    )
    perfqueue.services.open_queue(performer_id=user.pk, actor=user)
    menu = menus.services.create_menu(
        actor=user, draft=menus.services.MenuDraft(title=performer.menu, owner_id=user.pk)
    )
    for title, price, length_s, description in performer.offers:
        menus.services.create_item(
            actor=user,
            menu_id=menu.pk,
            draft=menus.services.ItemDraft(
                title=title, price_tokens=price, duration_s=length_s, description=description
            ),
        )
