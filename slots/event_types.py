"""The event type of a spin."""

from live.services import EventType, register

register(
    EventType(
        key="slots.spin",
        text="Spin $nonce paid $payout points.",
        example={
            "spinId": "01936f0e-9a31-7c55-b0de-3f2e1d0c9b8a",
            "nonce": 12,
            "symbols": ["cherry", "cherry", "bell"],
            "bet": 100,
            "payout": 40,
        },
    )
)
