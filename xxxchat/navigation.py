"""The sidebar of the back office: groups of lists with icons, and how much waits in each for somebody to act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import SUPPORT_ROLES
from compliance import services as compliance
from escrow import services as escrow
from loyalty import services as loyalty
from perfqueue import services as perfqueue
from slots import services as slots


@dataclass(frozen=True)
class Link:
    """A page of the back office that is no list; only `roles` may open it."""

    title: str
    icon: str
    address: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Group:
    """A heading, and under it models with the names of their icons (Material Symbols), and other pages.

    `is_shown`: whether this installation has any use of it.
    """

    title: str
    icons: Mapping[str, str]
    links: tuple[Link, ...] = ()
    is_shown: Callable[[], bool] = lambda: True


LOYALTY = "admin:loyalty_remoteoperation_overview"
AGE_CHECKS = "admin:compliance_agecase_queue"


GROUPS = (
    Group(
        "Money",
        {
            "escrow.Wallet": "account_balance_wallet",
            "escrow.Hold": "lock",
            "escrow.Operation": "menu_book",
            "escrow.Entry": "list_alt",
            "escrow.Order": "shopping_cart",
            "escrow.Dispute": "gavel",
            "escrow.Payout": "payments",
            "escrow.Approval": "approval",
            "escrow.TokenPackage": "sell",
            "escrow.PaymentEvent": "webhook",
        },
    ),
    Group(
        "Reconciliation",
        {"escrow.Verification": "balance", "escrow.Finding": "report", "escrow.Freeze": "ac_unit"},
    ),
    Group(
        "Queue",
        {
            "perfqueue.QueueItem": "format_list_numbered",
            "perfqueue.PerformerQueue": "mic",
            "perfqueue.Run": "undo",
            "perfqueue.RunItem": "checklist",
            "perfqueue.Transition": "timeline",
            "perfqueue.Strike": "warning",
        },
    ),
    Group("Menus", {"menus.Menu": "list", "menus.MenuItem": "playlist_add", "menus.Purchase": "receipt_long"}),
    Group(
        "Slot machine",
        {
            "slots.Game": "casino",
            "slots.Look": "monitoring",
            "slots.Reopening": "lock_open",
            "slots.Paytable": "table_chart",
            "slots.Spin": "history",
            "slots.SlotState": "key",
        },
        (Link("Statistics", "bar_chart", "admin:slots_spin_statistics", slots.PAYTABLE_READERS),),
    ),
    Group(
        "People",
        {
            "accounts.User": "group",
            "accounts.ServiceAccount": "robot_2",
            "compliance.Marker": "flag",
            "compliance.AgeCase": "badge",
            "compliance.AgeDecision": "fact_check",
            "compliance.Limit": "speed",
            "compliance.LimitChange": "tune",
            "compliance.Break": "do_not_disturb_on",
            "compliance.PolicyVersion": "public",
            "compliance.Refusal": "block",
        },
        (Link("Age checks", "how_to_reg", AGE_CHECKS, SUPPORT_ROLES),),
    ),
    Group(
        "Loyalty",
        {
            "loyalty.RemoteOperation": "sync_alt",
            "loyalty.Link": "link",
            "loyalty.WebhookEvent": "webhook",
            "loyalty.ReconciliationRun": "balance",
            "loyalty.Difference": "difference",
        },
        (Link("RedRoomRewards", "loyalty", LOYALTY, loyalty.READERS),),
        is_shown=loyalty.is_remote,
    ),
    Group("Messages", {"live.MessageTemplate": "chat", "live.EventRow": "sensors"}),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The setting `UNFOLD["SIDEBAR"]["navigation"]`: what this person may see (at most five statements)."""
    models = _visible_models(request)
    waiting = _waiting(models, _role(request))
    groups = [
        {
            "title": group.title,
            "items": [
                *(
                    _list_item(request, models[label], icon, waiting.get(label))
                    for label, icon in group.icons.items()
                    if label in models
                ),
                *(
                    _page_item(request, link, waiting.get(link.address))
                    for link in group.links
                    if _role(request) in link.roles
                ),
            ],
        }
        for group in GROUPS
        if group.is_shown()
    ]
    dashboard = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    return [{"items": [dashboard]}, *(group for group in groups if group["items"])]


def _list_item(request: HttpRequest, model: Mapping[str, Any], icon: str, waiting: int | None) -> dict[str, Any]:
    pages = {reverse(link.address) for group in GROUPS for link in group.links}
    return {
        "title": str(model["name"]).capitalize(),
        "icon": icon,
        "link": model["admin_url"],
        "badge": waiting or None,
        "badge_variant": "warning",
        "active": request.path.startswith(model["admin_url"]) and request.path not in pages,
    }


def _page_item(request: HttpRequest, link: Link, waiting: int | None) -> dict[str, Any]:
    address = reverse(link.address)
    item = {"title": link.title, "icon": link.icon, "link": address, "active": request.path == address}
    return {**item, "badge": waiting, "badge_variant": "warning"} if waiting else item


def _role(request: HttpRequest) -> str:
    return str(getattr(request.user, "role", ""))


@dataclass(frozen=True)
class Figure:
    """A number of the index page and the list that it opens."""

    title: str
    value: str
    note: str
    link: str
    is_urgent: bool = False


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The setting `UNFOLD["DASHBOARD_CALLBACK"]`: add what staff look at first (at most eight statements)."""
    models = _visible_models(request)
    if "perfqueue.Run" in models:
        context["figures"] = _figures()
    if "compliance.Marker" in models:
        context["figures"] = [*context.get("figures", []), _markers(_role(request))]
    if _role(request) in SUPPORT_ROLES:
        context["figures"] = [*context.get("figures", []), _ages()]
    if _watches_loyalty(_role(request)):
        context["figures"] = [*context.get("figures", []), _loyalty()]
    return context


def _watches_loyalty(role: str) -> bool:
    return loyalty.is_remote() and role in loyalty.READERS


def _loyalty() -> Figure:
    """What waits at RedRoomRewards for a person: outcomes that nobody knows, and what was not delivered."""
    seen = loyalty.backlog()
    waiting, oldest = seen.unknown + seen.dead, f", the oldest {_duration(seen.unknown_oldest_s)}"
    note = f"{seen.unknown:,} unknown{oldest if seen.unknown else ''}; {seen.dead:,} dead"
    return Figure("RedRoomRewards", f"{waiting:,}", note, reverse(LOYALTY), is_urgent=waiting > 0)


def _markers(role: str) -> Figure:
    waiting = compliance.markers_waiting(role)
    address = f"{reverse('admin:compliance_marker_changelist')}?state__exact=open"
    return Figure("Markers", f"{waiting:,}", "for you to look at", address, is_urgent=waiting > 0)


def _ages() -> Figure:
    waiting = compliance.ages_waiting()
    return Figure("Age checks", f"{waiting:,}", "for a person to decide", reverse(AGE_CHECKS), is_urgent=waiting > 0)


def _figures() -> list[Figure]:
    """Everything that may need somebody now, then the size of things."""
    queues, money = perfqueue.backlog(), escrow.waiting_for_staff()
    age_s, used = perfqueue.sweeper_age_s(), perfqueue.utilisation()
    items = reverse("admin:perfqueue_queueitem_changelist")
    oldest = "nobody waits" if queues.oldest_s is None else f"the longest for {_duration(queues.oldest_s)}"
    swept = "never swept" if age_s is None else f"swept {_duration(age_s)} ago"
    return [
        Figure("Waiting", f"{queues.created:,}", oldest, f"{items}?state__exact=created"),
        Figure("On stage", f"{queues.started:,}", f"{queues.queues_open:,} queues open",
               f"{items}?state__exact=started"),
        Figure("In review", f"{queues.abandoned:,}", "refunded unless resolved", f"{items}?state__exact=abandoned",
               is_urgent=queues.abandoned > 0),
        Figure("Overdue", f"{queues.overdue:,}", swept, f"{items}?overdue=yes", is_urgent=queues.overdue > 0),
        Figure("Approvals", f"{money.approvals:,}", "wait for a second person",
               f"{reverse('admin:escrow_approval_changelist')}?status__exact=open", is_urgent=money.approvals > 0),
        Figure("Payouts", f"{money.payouts:,}", "requested",
               f"{reverse('admin:escrow_payout_changelist')}?status__exact=requested", is_urgent=money.payouts > 0),
        Figure("Findings", f"{money.findings:,}", f"{money.freezes:,} wallets frozen",
               reverse("admin:escrow_finding_changelist"), is_urgent=money.findings > 0),
        Figure("Utilisation", "–" if used is None else f"{used:.0%}", "of open time on stage, last hour",
               reverse("admin:perfqueue_performerqueue_changelist")),
        Figure("Tokens held", f"{escrow.held_in(escrow.Currency.TOKEN):,}", "in open holds",
               f"{reverse('admin:escrow_hold_changelist')}?status__exact=HELD"),
        Figure("Points", f"{escrow.in_circulation(escrow.Currency.POINT):,}", "in circulation",
               reverse("admin:escrow_wallet_changelist")),
    ]  # fmt: skip


def _duration(seconds: float) -> str:
    """Two units at most: "45 s", "12 min", "3 h 5 min"."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _visible_models(request: HttpRequest) -> dict[str, dict[str, Any]]:
    """What the site's own list offers this person, by label: address and name. No statement."""
    return {
        f"{app['app_label']}.{model['object_name']}": model
        for app in admin.site.get_app_list(request)
        for model in app["models"]
        if model["admin_url"]
    }


def _waiting(models: Mapping[str, Any], role: str) -> dict[str, int]:
    """How many rows wait for a person of this role, for the lists that are counted."""
    tables = {"slots.Paytable": slots.paytables_waiting()} if "slots.Paytable" in models else {}
    markers = {"compliance.Marker": compliance.markers_waiting(role)} if "compliance.Marker" in models else {}
    where = AGE_CHECKS if role in SUPPORT_ROLES else "compliance.AgeCase"
    ages = {where: compliance.ages_waiting()} if "compliance.AgeCase" in models else {}
    return _waiting_money(models) | _waiting_queues(models) | tables | markers | ages | _waiting_loyalty(role)


def _waiting_loyalty(role: str) -> dict[str, int]:
    if not _watches_loyalty(role):
        return {}
    seen = loyalty.backlog()
    return {LOYALTY: seen.unknown + seen.dead}


def _waiting_money(models: Mapping[str, Any]) -> dict[str, int]:
    if "escrow.Approval" not in models:
        return {}
    money = escrow.waiting_for_staff()
    return {
        "escrow.Approval": money.approvals,
        "escrow.Payout": money.payouts,
        "escrow.Finding": money.findings,
        "escrow.Freeze": money.freezes,
    }


def _waiting_queues(models: Mapping[str, Any]) -> dict[str, int]:
    if "perfqueue.Run" not in models:
        return {}
    queues = perfqueue.backlog()
    return {"perfqueue.QueueItem": queues.abandoned, "perfqueue.RunItem": queues.run_items}
