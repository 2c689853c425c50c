"""One call of RedRoomRewards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from loyalty.client.values import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call: with a body it is a POST, and one with a key changes something. `name`: one of `CALLS`."""

    name: str
    path: str
    trace: str
    body: Body | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = field(default=None, repr=False)
    key: str = ""

    @property
    def changes(self) -> bool:
        """Whether it may leave something behind over there."""
        return bool(self.key)
