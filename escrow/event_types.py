"""The event types of purchases of tokens."""

from live.services import EventType, register

register(
    EventType(
        key="wallet.tokens.credited", text="$tokens tokens have arrived.", example={"tokens": 500, "title": "Pocket"}
    ),
    EventType(
        key="wallet.tokens.charged_back",
        text="A payment was taken back: $tokens tokens less, $owed of them owed.",
        example={"tokens": 500, "owed": 120},
    ),
    EventType(
        key="wallet.tokens.chargeback_reversed",
        text="A payment of $tokens tokens that was taken back stands again.",
        example={"tokens": 500},
    ),
)
