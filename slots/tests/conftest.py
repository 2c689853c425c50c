"""Switches the interval between spins off, except in tests that set it; the machine over both back ends of points."""

from collections.abc import Iterator
from typing import Any

import pytest

from loyalty.client import breaker
from slots.tests.machines import Machine
from tests.commands_process import CommandsProcess
from tests.standin_inside import StandInInside as StandIn

BACKENDS = ("local", "redroomrewards")


@pytest.fixture(autouse=True)
def no_interval(settings: Any) -> None:
    """A test lifts every limit but the one it tests."""
    settings.SLOTS_MIN_INTERVAL_MS = 0
    settings.SLOTS_SPINS_PER_HOUR = 0


@pytest.fixture(scope="session")
def running_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("standin") / "points.db") as running:
        yield running


@pytest.fixture
def standin(running_standin: StandIn, settings: Any) -> Iterator[StandIn]:
    """RedRoomRewards without faults, which the settings name; no call waits long."""
    for name, value in running_standin.settings.items():
        setattr(settings, name, value)
    settings.RRR_CONNECT_TIMEOUT_S, settings.RRR_TRY_TIMEOUT_S, settings.RRR_TOTAL_TIMEOUT_S = 0.5, 0.5, 2.0
    running_standin.steering.clear()
    yield running_standin
    running_standin.steering.clear()
    if breaker.state != "closed":
        breaker.reset()


@pytest.fixture
def remote(transactional_db: None, standin: StandIn) -> Iterator[Machine]:
    """The machine whose points RedRoomRewards keeps."""
    with CommandsProcess() as process:
        yield Machine(process, standin)


@pytest.fixture(params=BACKENDS)
def machine(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Machine]:
    """The machine over each back end."""
    if request.param == "redroomrewards":
        yield request.getfixturevalue("remote")
        return
    with CommandsProcess() as process:
        yield Machine(process, None)
