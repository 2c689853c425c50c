"""The event type of an edited menu."""

from live.services import EventType, register

register(
    EventType(
        key="menu.changed",
        text="The menu has changed.",
        example={"menuId": "01936f0e-5d10-7f3b-a2c4-1b2d3e4f5a6b"},
        room_variables=frozenset({"menuId"}),
    )
)
