"""The event types of queues, their items, and service accounts' holds."""

from live.services import EventType, register

ITEM = {
    "itemId": "01936f0e-7c1a-7d2e-9b1f-0a5d3c2b1e4f",
    "performerId": "01936f0e-2b44-7a10-8c3d-5e6f7a8b9c0d",
    "title": "Request a song",
}
TEXTS = {
    "created": "Someone asked for “$title”.",
    "started": "“$title” is on stage.",
    "finished": "“$title” is done.",
    "abandoned": "“$title” was stopped.",
    "refunded": "“$title” left the line. The tokens are back with the buyer.",
}
ROOM_VARIABLES = frozenset({*ITEM, "state", "position"})  # what is public about an item

register(
    *(
        EventType(key=f"queue.item.{state}", text=text, example={**ITEM, "state": state}, room_variables=ROOM_VARIABLES)
        for state, text in TEXTS.items()
    ),
    EventType(
        key="queue.item.third_position_notice", text="“$title” is third in line.", example={**ITEM, "state": "created"}
    ),
    EventType(key="queue.item.next_notice", text="“$title” is next.", example={**ITEM, "state": "created"}),
    EventType(
        key="queue.changed",
        text="The line is $state.",
        example={"performerId": ITEM["performerId"], "state": "paused"},
        room_variables=frozenset({"performerId", "state"}),
    ),
    EventType(
        key="escrow.hold.opened",
        text="$amount ($currency) are held for $feature.",
        example={"amount": 40, "currency": "TOKEN", "feature": "arcade"},
    ),
)
