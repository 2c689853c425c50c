"""HEAD is GET without a body at every address of pages and API, and runs no command."""

import pytest

from tests.addresses import addresses
from tests.hostile.asking import contents
from tests.hostile.belongings import belongings
from tests.hostile.test_somebody_elses import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
CHANGING = {"metrics", "readyz"}  # another body at every request
MADE_BY_GET = ("slots_slotstate",)  # the first commitment, at the first look
OF_ONE_REQUEST = {"X-Request-Id", "Content-Length", "Expires"}


def test_head_is_answered_like_get_everywhere_and_writes_nothing() -> None:
    hers = belongings()
    client = signed_in(hers.ruby)
    before, statuses = contents(but=MADE_BY_GET), set()

    for path, _ in addresses(""):
        if path.startswith("admin/") or path.endswith("<str:command>"):
            continue
        full = "/" + hers.filled(path, path=path.removeprefix("api/v1/"))

        get, head = client.get(full), client.head(full)

        body = get.getvalue()
        assert (head.status_code, head.getvalue()) == (get.status_code, b""), path
        kept = [{k: v for k, v in each.items() if k not in OF_ONE_REQUEST} for each in (get, head)]
        assert kept[0] == kept[1], path
        if path not in CHANGING:
            assert head.headers.get("Content-Length", str(len(body))) == str(len(body)), path
        allowed = head.headers.get("Allow", "").split(", ")
        assert ("HEAD" in allowed) == ("GET" in allowed), path
        statuses.add(head.status_code)
    assert contents(but=MADE_BY_GET) == before
    assert {200, 302, 404, 405} <= statuses


@pytest.mark.parametrize("command", ["open", "close", "pause", "resume"])
def test_head_runs_no_command_of_the_queue(command: str) -> None:
    client = signed_in(belongings().ruby)
    before = contents()

    assert client.head(f"/studio/line/{command}").status_code == 405
    assert contents() == before
