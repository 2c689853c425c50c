"""Make the people of the bench by the services. Every buyer has spun once.

Every token moves through the ledger's functions. A first spin is a real draw that the services hold, settle and award;
only its row is written by COPY, hundreds at once. Import it after `django.setup()`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework_simplejwt.tokens import AccessToken

import escrow.services
import menus.services
import perfqueue.services
from accounts.models import User
from accounts.services import create_performer
from accounts.tokens import EPOCH, FAMILY
from bench import spins
from bench.spins import Game, Player
from bench.world import DEPTH, PRICE, Past, Room, World
from core.clock import db_now
from core.db import joined
from core.ids import new_id
from escrow.services import Currency, Deposit, HoldRequest, House, Payee
from escrow.services.operations import deposit_many, hold_many
from perfqueue.services import Fulfilment, Intake
from perfqueue.services.intake import intake_many

BATCH = 500
START = 1_000_000
BORN = date(1990, 1, 1)
ROPE_DROP_S = 900
MENU_ITEMS = 8
TOKEN_LIFE = timedelta(hours=12)
SPUN_AGO = timedelta(seconds=10)
"""Longer than the interval between two spins, so that a load may begin at once."""


def make(*, buyers: int, performers: int, past: Past | None = None) -> World:
    """Create buyers, who have money and have spun, and performers with open queues and menus."""
    tokens = _buyers(buyers)
    with joined():
        rooms = [_room(place) for place in range(performers)]
    game = spins.game_of(connection.connection)
    players: Sequence[Player] = [Player(user_id) for user_id in tokens]
    if past is not None:
        players = past(players=players, rooms=rooms, game=game)
    for first in range(0, buyers, BATCH):
        with joined():
            _spin_today(players[first : first + BATCH], game)
    return World(tokens=list(tokens.values()), rooms=rooms)


def _buyers(number: int) -> dict[UUID, str]:
    """Create verified buyers with money in both currencies; return the token of each."""

    now = db_now()
    tokens: dict[UUID, str] = {}
    for first in range(0, number, BATCH):
        users = [
            User(username=f"bench{place}", password="!", date_of_birth=BORN, verified_at=now, terms_version=1)
            for place in range(first, min(first + BATCH, number))
        ]
        with joined():
            _settle_in(users)
        tokens |= {user.pk: token_of(user) for user in users}
    return tokens


def _settle_in(users: Sequence[Any]) -> None:
    User.objects.bulk_create(users)
    escrow.services.open_wallets([user.pk for user in users])
    deposit_many(
        [
            Deposit(f"bench:{user.pk}:{currency}", user.pk, currency, START, House.MINT)
            for currency in Currency
            for user in users
        ]
    )


def _spin_today(players: Sequence[Player], game: Game) -> None:
    """Let each player spin once: hold, settle and award in the ledger, then the rows of the spins and their states."""
    bank, currency = Payee(house=House.SLOTS_BANK), Currency.POINT
    keys = [str(new_id()) for _ in players]
    holds = hold_many(
        [
            HoldRequest(new_id(), key, player.user_id, bank, currency, game.bet, "slots")
            for key, player in zip(keys, players, strict=True)
        ]
    )
    nonces = [spins.client_nonce() for _ in players]
    outcomes = [spins.drawn(player, game, nonce) for player, nonce in zip(players, nonces, strict=True)]
    taken = intake_many(
        [
            Intake(
                idempotency_key=key, source_feature="slots", source_event_id=key, performer_id=None,
                user_id=player.user_id, hold_id=opened.hold_id, tokens=game.bet, currency=currency,
                title="Slot machine spin", fulfilment=Fulfilment.INSTANT, award=outcome.payout,
            )
            for key, player, opened, outcome in zip(keys, players, holds, outcomes, strict=True)
        ],
        actor=None,
    )  # fmt: skip
    at = db_now() - SPUN_AGO
    rows = [
        spins.played(
            player, game, outcome, at=at, nonce=nonce,
            hold_id=opened.hold_id, item_id=entered.item.id, before=opened.available + game.bet,
        )
        for player, outcome, nonce, opened, entered in zip(players, outcomes, nonces, holds, taken, strict=True)
    ]  # fmt: skip
    spins.write_spins(connection.connection, rows)
    spins.write_states(connection.connection, players, game)


def _room(place: int) -> Room:
    """Create a performer with an open queue and a menu."""
    user = create_performer(username=f"stage{place}", display_name=f"Stage {place}", hashed_password="!")
    escrow.services.open_wallets([user.pk])
    perfqueue.services.make_queues([user.pk])
    perfqueue.services.configure(performer_id=user.pk, depth=DEPTH, rope_drop_s=ROPE_DROP_S)
    perfqueue.services.open_queue(performer_id=user.pk, actor=user)
    menu = menus.services.create_menu(actor=user, draft=menus.services.MenuDraft(title="Stage", owner_id=user.pk))
    items = [
        menus.services.create_item(
            actor=user,
            menu_id=menu.pk,
            draft=menus.services.ItemDraft(title=f"Song {number}", price_tokens=PRICE, duration_s=60),
        )
        for number in range(1, MENU_ITEMS + 1)
    ]
    return Room(user.pk, token_of(user), items[0].pk)


def token_of(user: Any) -> str:
    """Sign an access token that lives as long as the bench. It writes no row: there is no refresh token."""
    token = AccessToken.for_user(user)
    token[EPOCH], token[FAMILY] = user.sign_in_epoch, token["jti"]
    token.set_exp(lifetime=TOKEN_LIFE)
    return str(token)
