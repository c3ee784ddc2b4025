"""What systemd hears."""

import socket
from pathlib import Path

import pytest

from oi_deploy.serve import notify as module
from oi_deploy.serve.notify import notify


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_hears_one_line_for_each_word(tmp_path: Path, kind: str) -> None:
    name = str(tmp_path / "notify") if kind == "path" else f"@{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        notify({"NOTIFY_SOCKET": name}, READY="1", STATUS="two\nlines")
        assert receiver.recv(1024) == b"READY=1\nSTATUS=two lines"


def test_a_manager_that_does_not_read_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_S", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        for _ in range(100):  # more than its queue takes
            notify({"NOTIFY_SOCKET": str(tmp_path / "notify")}, STATUS="x")


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    notify({}, READY="1")
    notify({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, READY="1")
