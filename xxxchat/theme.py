"""The look of the back office: django-unfold's settings with our colours (white on primary 600 reads at 5.2 : 1)."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from django.templatetags.static import static

BASE = {
    "50": "#FAF6F3",
    "100": "#F4EEEA",
    "200": "#EAE1DC",
    "300": "#D3C7C3",
    "400": "#A8999F",
    "500": "#7A6B72",
    "600": "#52434B",
    "700": "#3B3038",
    "800": "#251D24",
    "900": "#1B151A",
    "950": "#120D11",
}
PRIMARY = {
    "50": "#F7FBE6",
    "100": "#EDF7C8",
    "200": "#DDEF94",
    "300": "#CBE657",
    "400": "#B5D637",
    "500": "#93B51E",
    "600": "#5C7600",
    "700": "#4B6200",
    "800": "#3C4E06",
    "900": "#32410C",
    "950": "#1A2303",
}


def charts() -> Path:
    """Return the folder of the theme's library for charts, whose own name in static files an empty file has."""
    return Path(str(files("unfold"))) / "static" / "unfold" / "js" / "chart"


def unfold(site_name: str) -> dict[str, Any]:
    """Return the ``UNFOLD`` setting; the product's name is the only thing that varies."""
    return {
        "SITE_TITLE": f"{site_name} back office",
        "SITE_HEADER": site_name,
        "SITE_SUBHEADER": "Back office",
        "SITE_SYMBOL": "theater_comedy",
        "SITE_URL": "/",
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "10px",
        "SIDEBAR": {"navigation": "xxxchat.navigation.sidebar"},
        "DASHBOARD_CALLBACK": "xxxchat.navigation.dashboard",
        "STYLES": [lambda request: static("css/backoffice.css")],
        "SCRIPTS": [lambda request: static("js/backoffice.js")],
        "COLORS": {"base": BASE, "primary": PRIMARY},
    }
