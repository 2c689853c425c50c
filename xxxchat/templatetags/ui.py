"""The components that every page uses: icons, amounts, times, keys. They hold no rule."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.ids import new_id

register = template.Library()

ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
UNAVAILABLE_TEXTS = {
    "ITEM_UNAVAILABLE": "Not offered at the moment",
    "OUT_OF_STOCK": "Sold out",
    "PURCHASE_LIMIT": "You have had your share of this",
    "COOLDOWN": "Resting",
}
MINUS = "\N{MINUS SIGN}"

CLOCK_FORMS = {"hms": "%H:%M:%S", "day": "%-d %b %Y, %H:%M", "when": "%a %-d %b, %H:%M", "date": "%-d %b %Y"}


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A decorative icon of the sprite; `size` is "", "s" (16 px) or "l" (24 px)."""
    classes = f"i i-{size}" if size else "i"
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, static("icons.svg"), name
    )


@register.simple_tag
def mark(name: str) -> SafeString:
    """A glyph of the sprite that is filled: the logo, the coin, the spark."""
    return format_html('<svg aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def symbol(name: str, classes: str = "") -> SafeString:
    """A slot symbol."""
    return format_html(
        '<svg class="{}" aria-hidden="true" viewBox="0 0 64 64"><use href="{}#s-{}"/></svg>',
        classes,
        static("symbols.svg"),
        name,
    )


@register.filter
def grouped(amount: int) -> str:
    """1240 → 1,240; a minus is U+2212."""
    return f"{amount:,}".replace("-", MINUS)


@register.filter
def signed(amount: int) -> str:
    """750 → +750, -650 → −650, 0 → 0."""
    return f"+{amount:,}" if amount > 0 else grouped(amount)


@register.simple_tag
def tokens(amount: int, *, unit: bool = False) -> SafeString:
    return _money("c-token", "amt-t", grouped(amount), _plural(amount, "token"), unit=unit)


@register.simple_tag
def points(amount: int, *, unit: bool = False, sign: bool = False) -> SafeString:
    return _money("c-point", "amt-p", signed(amount) if sign else grouped(amount), _plural(amount, "point"), unit=unit)


def _money(glyph: str, classes: str, text: str, noun: str, *, unit: bool) -> SafeString:
    tail = format_html(' <span class="u">{}</span>' if unit else '<span class="sr"> {}</span>', noun)
    return format_html('<span class="amt {} num">{}{}{}</span>', classes, mark(glyph), text, tail)


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


@register.filter
def counted(count: int, noun: str) -> str:
    """3|counted:"token" → 3 tokens."""
    return f"{grouped(count)} {_plural(count, noun)}"


@register.filter
def ordinal(position: int) -> str:
    """2 → second, 21 → 21st."""
    return ORDINALS[position - 1] if 0 < position <= len(ORDINALS) else f"{position}{suffix(position)}"


@register.filter
def suffix(position: int) -> str:
    if position % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")


@register.filter
def clock_span(seconds: int) -> str:
    """108 → 1:48, 3700 → 1:01:40."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.simple_tag
def seconds_since(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))


@register.filter
def length(seconds: int) -> str:
    """240 → 4 min, 45 → 45 s."""
    return f"{seconds} s" if seconds < 60 else f"{round(seconds / 60)} min"


@register.simple_tag
def clock(at: datetime, form: str = "hm") -> SafeString:
    """A clock time; with the form "day" after its day, with "when" after its weekday too; with "date" the day alone.

    It is written in UTC; a module of ours turns it into the reader's own zone.
    """
    at = at.astimezone(UTC)
    text = at.strftime(CLOCK_FORMS.get(form, "%H:%M"))
    return format_html('<time class="num" datetime="{}" data-clock="{}">{} UTC</time>', iso(at), form, text)


@register.filter
def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@register.filter
def unavailable(code: str | None) -> str:
    """Why an offer cannot be bought."""
    return UNAVAILABLE_TEXTS.get(code or "", "")


@register.simple_tag
def fresh_key() -> str:
    """An idempotency key, made with the form that carries it."""
    return new_id().hex


@register.inclusion_tag("pages/part/ring.html")
def ring(
    deadline: datetime | None, *, total: int, now: datetime, label: str, left_ms: int | None = None
) -> dict[str, Any]:
    """A countdown. `left_ms` instead of `deadline` = it stands still. Angle and digits are right without a script."""
    still = deadline is None
    left_s = (left_ms or 0) // 1000 if deadline is None else max(0, int((deadline - now).total_seconds()))
    share = min(100, round(100 * left_s / total)) if total else 0
    level = "is-still" if still else "is-last" if left_s <= 10 else "is-warn" if left_s <= 30 else ""
    return {"deadline": deadline, "total": total, "left_s": left_s, "share": share, "level": level, "label": label}


@register.inclusion_tag("pages/part/ticks.html")
def ticks(left: int, of: int, *, count: int = 20) -> dict[str, Any]:
    """Ticks of a gauge; every begun share lights one."""
    lit = -(-left * count // of) if of else 0
    return {"marks": [{"x": f"{index * 17.15:.2f}", "on": index < lit} for index in range(count)]}


@register.inclusion_tag("pages/studio/queue_button.html")
def queue_button(
    command: str, element_id: str, symbol: str, label: str, *, big: bool = False, phone: bool = False
) -> dict[str, Any]:
    """A command on the performer's queue; `phone` shows it on phones only."""
    size = "l" if big else ""
    return {
        "command": command,
        "id": element_id,
        "symbol": symbol,
        "size": size,
        "label": label,
        "big": big,
        "phone": phone,
    }


@register.inclusion_tag("pages/studio/dialog_link.html")
def dialog_link(address: str, element_id: str, symbol: str, label: str, style: str = "") -> dict[str, Any]:
    """A link that opens a dialog of the studio."""
    return {"address": address, "id": element_id, "symbol": symbol, "label": label, "style": style}
