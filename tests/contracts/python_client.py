"""A Python client, generated from the served description, does the main job with what a stranger has."""

import subprocess
import sys
import uuid
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

PACKAGE = "generated_client"
EXPECTED = {
    "bought": "queued",
    "states": ["created", "started", "finished"],
    "settled": True,
    "left": "refunded",
    "refused": "NOT_HEAD_OF_QUEUE",
    "spun": True,
    "listed": True,
}


def generate(url: str, folder: Path) -> None:
    """Generate the package into the folder; a warning of the generator is an error."""
    description = folder / "openapi.json"
    description.write_bytes(httpx.get(f"{url}/api/schema?format=json", timeout=60).content)
    (folder / "config.yaml").write_text("post_hooks: []\n")
    subprocess.run(
        [
            Path(sys.executable).parent / "openapi-python-client", "generate", "--fail-on-warning", "--meta", "none",
            "--path", description, "--config", folder / "config.yaml", "--output-path", folder / PACKAGE,
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def part(name: str) -> Any:
    """A module of the generated package, which exists only while the test runs."""
    return import_module(f"{PACKAGE}.{name}")


def main_job(url: str, password: str = "demo-only-password") -> dict[str, Any]:
    """Buy, start, finish, leave, be refused, spin; return what happened."""
    with sign_in(url, "bob", password) as bob, sign_in(url, "jade", password) as jade:
        return what_happened(bob, jade)


def what_happened(bob: Any, jade: Any) -> dict[str, Any]:
    jade_id = part("api.accounts.get_me").sync(client=jade).id
    part("api.queue.close_queue").sync(jade_id, client=jade)  # whoever waited before is refunded
    part("api.queue.open_queue").sync(jade_id, client=jade)
    (menu,) = part("api.menus.get_menus_of_performer").sync(jade_id, client=bob).menus
    first, second = (buy(bob, item) for item in menu.items[:2])

    refused = command("start_item", second.queue_item.id, jade)
    started = command("start_item", first.queue_item.id, jade).parsed
    finished = command("finish_item", first.queue_item.id, jade).parsed
    left = command("leave_item", second.queue_item.id, bob).parsed
    spin = part("api.slot_machine.spin").sync_detailed(
        client=bob, body=part("models").SpinInput(bet_amount=100), idempotency_key=key()
    )
    history = part("api.slot_machine.get_history").sync(client=bob, limit=1)
    items = part("api.queue.list_items").sync(client=bob, limit=3).items  # the two bought and the spin
    return {
        "bought": first.status.value,
        "states": [each.state.value for each in (first.queue_item, started, finished)],
        "settled": finished.settled_tokens == menu.items[0].price,
        "left": left.state.value,
        "refused": refused.parsed.error.code.value,
        "spun": spin.parsed.new_balance == spin.parsed.previous_balance - 100 + spin.parsed.result.payout,
        "listed": {each.id for each in items} >= {first.queue_item.id, second.queue_item.id}
        and history.spins[0].spin_id == spin.parsed.spin_id,
    }


def sign_in(url: str, name: str, password: str) -> Any:
    client, base = part("client"), f"{url}/api/v1"
    body = part("models").ObtainTokensInput(username=name, password=password)
    with client.Client(base_url=base, raise_on_unexpected_status=True) as guest:
        tokens = part("api.accounts.obtain_tokens").sync(client=guest, body=body)
    return client.AuthenticatedClient(base_url=base, token=tokens.access, raise_on_unexpected_status=True)


def buy(buyer: Any, item: Any) -> Any:
    body = part("models").BuyItemInput(expected_price=item.price)
    return part("api.menus.buy_item").sync(item.id, client=buyer, body=body, idempotency_key=key())


def command(name: str, item_id: uuid.UUID, actor: Any) -> Any:
    body = {"finish_item": "FinishItemInput", "start_item": "Reason"}.get(name)
    more = {} if body is None else {"body": getattr(part("models"), body)()}
    return part(f"api.queue.{name}").sync_detailed(item_id, client=actor, idempotency_key=key(), **more)


def key() -> str:
    return str(uuid.uuid4())
