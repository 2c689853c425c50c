"""Which demo folder `make manage` uses."""

from pathlib import Path

import pytest

from xxxchat.stack import folder
from xxxchat.stack.folder import Folder


@pytest.fixture(autouse=True)
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "LOCAL", tmp_path)
    return tmp_path


def running(port: int) -> Folder:
    demo = Folder.of_port(port)
    demo.acquire()
    demo.remember({"port": port})
    return demo


def test_the_only_running_demo_is_found_whatever_its_port() -> None:
    stopped, demo = running(8100), running(8200)
    stopped.release()

    only = Folder.the_only_running()
    assert only is not None
    assert only.running() == {"port": 8200}
    demo.release()


def test_of_none_or_two_none_is_meant() -> None:
    assert Folder.the_only_running() is None

    demos = [running(8100), running(8200)]

    assert Folder.the_only_running() is None
    for demo in demos:
        demo.release()


def test_the_control_socket_is_private_short_and_gone_with_its_stack(tmp_path: Path) -> None:
    for root in (tmp_path / "short", tmp_path / ("long" * 40)):
        demo = Folder(root)
        demo.acquire()
        socket_file = demo.make_control()

        assert socket_file.parent.stat().st_mode & 0o777 == 0o700
        assert len(str(socket_file)) < 100
        demo.release()
        assert not socket_file.parent.exists()
