"""What a locator is, and what a region's text may be."""

from abc import ABC, abstractmethod

MAX_REGION_CHARS = 40


class Locator(ABC):
    """Finds the region of a request, or says that it is unknown.

    It is asked for each spin, on the event loop: it reads no file and no network, and writes nothing. `header`: the one
    header that it reads, in lower case; "" for none.
    """

    header: str = ""

    @abstractmethod
    def region_of(self, *, value: str | None, peer: str, address: str | None) -> str | None:
        """Return the region; None if it is unknown.

        `value`: of the header, None if it was not sent. `peer`: the address that opened the connection to this process.
        `address`: the client's as the outermost of our proxies saw it, None if it is unknown.
        """


def region_text(text: str) -> str | None:
    """Return the text of a region; None unless it is 1 to 40 printable characters.

    A comma stands between the values of a header that came twice: such a text is none.
    """
    text = text.strip()
    is_region = 0 < len(text) <= MAX_REGION_CHARS and text.isprintable() and "," not in text
    return text if is_region else None
