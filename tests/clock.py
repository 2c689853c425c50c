"""Shifting the database's clock, for this connection and every connection opened later."""

from datetime import timedelta
from typing import Any


class Clock:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.offset = timedelta()

    def shift(self, **span: float) -> None:
        """Advance by a timedelta's arguments: `clock.shift(seconds=121)`."""
        self.offset += timedelta(**span)
        text = f"{self.offset.total_seconds()} seconds"
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('core.clock_offset', %s, false)", [text])
            cursor.execute(f"ALTER DATABASE {self._name} SET core.clock_offset = '{text}'")

    def reset(self) -> None:
        self.offset = timedelta()
        with self.connection.cursor() as cursor:
            cursor.execute("RESET core.clock_offset")
            cursor.execute(f"ALTER DATABASE {self._name} RESET core.clock_offset")
            cursor.execute("SELECT set_config('core.clock_offset', '', false)")

    @property
    def _name(self) -> str:
        name: str = self.connection.ops.quote_name(self.connection.settings_dict["NAME"])
        return name
