"""Running the stand-in until SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import closing

import uvloop
from aiohttp import web

from loyalty.standin.faults import Faults
from loyalty.standin.links import Linking
from loyalty.standin.options import Credentials, Options
from loyalty.standin.server import StandIn
from loyalty.standin.state import State
from loyalty.standin.storage import Storage
from loyalty.standin.tokens import Client
from loyalty.standin.webhooks import Sender

BACKLOG = 1_024
STOPS_WITHIN_S = 0.5
Say = Callable[[str], object]


def run(options: Options, credentials: Credentials, say: Say) -> None:
    """Answer until a signal to stop; `say` is given one line with the address once connections are accepted."""
    uvloop.run(_serve(options, credentials, say))


async def _serve(options: Options, credentials: Credentials, say: Say) -> None:
    with closing(Storage(options.storage)) as storage:
        runner = web.ServerRunner(StandIn(_state(options, credentials, storage)), shutdown_timeout=STOPS_WITHIN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, options.host, options.port, backlog=BACKLOG).start()
            say(f"The stand-in RedRoomRewards: http://{options.host}:{runner.addresses[0][1]}")
            await _stopped()
        finally:
            await runner.cleanup()


def _state(options: Options, credentials: Credentials, storage: Storage) -> State:
    faults = Faults(options.seed)
    return State(
        client=Client(credentials.client_id, credentials.client_secret, options.token_life_s),
        storage=storage,
        links=Linking(storage, options.intent_life_s, options.enrol),
        faults=faults,
        webhooks=Sender(options.webhook_url, credentials.webhook_secret, faults),
        shape=options.shape,
    )


async def _stopped() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
