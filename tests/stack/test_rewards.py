"""Where the demo's points live, as its environment says; no stack is started."""

import socket
from contextlib import closing

import pytest

from xxxchat import demo_world
from xxxchat.stack import StackError, lineup, ports, rewards
from xxxchat.stack.folder import Folder

REMOTE = {"LOYALTY_BACKEND": "redroomrewards"}
INNER = lineup.InnerPorts(web=1, commands=2, events=3, medium_bodies=4, large_bodies=5)


def names(folder: Folder, environment: dict[str, str]) -> list[str]:
    return [part.name for part in lineup.parts(folder, environment, ["127.0.0.1:8000"], INNER)]


@pytest.mark.parametrize("backend", [{}, {"LOYALTY_BACKEND": "local"}])
def test_points_of_our_own_need_nothing(folder: Folder, backend: dict[str, str]) -> None:
    assert rewards.variables(backend) == {}
    assert rewards.shown(backend) == ""
    assert lineup.STANDIN not in names(folder, backend)


def test_without_an_address_there_is_a_stand_in_with_the_data_of_the_demo(folder: Folder) -> None:
    environment = REMOTE | rewards.variables(REMOTE)
    port = environment["RRR_STANDIN_PORT"]

    (part,) = (each for each in lineup.parts(folder, environment, ["127.0.0.1:8000"], INNER) if each.name == "standin")

    assert environment["RRR_BASE_URL"] == f"http://127.0.0.1:{port}"
    assert environment["RRR_CLIENT_ID"]
    assert part.command[1:] == [
        "manage.py", "loyalty_standin", "--host", "127.0.0.1", "--port", port,
        "--storage", folder.root / "rewards.db", "--enrol", str(demo_world.GIFT),
        "--webhook-url", "http://127.0.0.1:8000/api/v1/loyalty/webhook",
    ]  # fmt: skip
    assert rewards.shown(environment) == f"points in the stand-in RedRoomRewards http://127.0.0.1:{port}"


def test_where_spins_wait_for_points_their_answers_are_waited_for(folder: Folder) -> None:
    def stop_times(environment: dict[str, str]) -> dict[str, int]:
        found = lineup.parts(folder, environment, ["127.0.0.1:8000"], INNER)
        assert {part.name for part in found if part.serves_product} <= {lineup.STANDIN}
        return {part.name: part.stops_within_s for part in found}

    local, remote = stop_times({}), stop_times(REMOTE | rewards.variables(REMOTE))

    assert set(local.values()) == {1}
    assert {name: seconds for name, seconds in remote.items() if seconds > 1} == {"proxy": 7, "commands": 7}


def test_a_server_that_is_named_is_used_with_what_was_given(folder: Folder) -> None:
    given = REMOTE | {"RRR_BASE_URL": "https://rewards.example", "RRR_CLIENT_ID": "ours", "RRR_STANDIN_PORT": "9"}
    environment = given | rewards.variables(given)

    assert (environment["RRR_BASE_URL"], environment["RRR_CLIENT_ID"]) == ("https://rewards.example", "ours")
    assert environment["RRR_CLIENT_SECRET"] == rewards.DEFAULTS["RRR_CLIENT_SECRET"]
    assert lineup.STANDIN not in names(folder, environment)
    assert rewards.shown(environment) == "points in RedRoomRewards https://rewards.example"


def test_the_port_can_be_chosen_unless_it_is_taken() -> None:
    (port,) = ports.free_ports(1)

    assert rewards.variables(REMOTE | {"RRR_STANDIN_PORT": str(port)})["RRR_STANDIN_PORT"] == str(port)
    with pytest.raises(StackError, match="RRR_STANDIN_PORT is 'x'"):
        rewards.variables(REMOTE | {"RRR_STANDIN_PORT": "x"})
    with closing(socket.create_server((ports.LOOPBACK, port))), pytest.raises(StackError, match=f"{port} is taken"):
        rewards.variables(REMOTE | {"RRR_STANDIN_PORT": str(port)})
