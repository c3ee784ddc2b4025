"""What is given to `oi-deploy serve` and cannot be used is said before anything starts."""

import socket
from pathlib import Path

import pytest

from oi_deploy.cli import main

CANARY = "key-canary-0123456789"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OI_DEPLOY_API_KEY", CANARY)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    # Nothing would be found there, if it came to that.
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("max-model-length=1", "did you mean `max-model-len: 16384`"),
        ("gpus=some", "Write: `gpus: none`"),
        ("api-base=http://gpu-host:8000/v1", "Remove `api-base`"),
        ("engine=process", "Remove `api-base` and `engine`"),
    ],
)
def test_wrong_inputs(given: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--listen", "127.0.0.1:0", "--with", given]) == 2
    assert says in capsys.readouterr().out


def test_a_key_that_is_too_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OI_DEPLOY_API_KEY", "canary")
    assert main(["serve", "--listen", "127.0.0.1:0"]) == 2
    assert "canary" not in capsys.readouterr().out


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["serve", "--listen", address]) == 2
    assert f"`--listen {address}` cannot be had" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["8000", "localhost:", "localhost:70000", "::1:8000", "a b:1"])
def test_what_is_no_address(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--listen", address])
    assert caught.value.code == 2
    assert "HOST:PORT such as" in capsys.readouterr().err


def test_a_first_start_that_fails_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--listen", "[::1]:0"]) == 1
    out = capsys.readouterr().out
    assert "listening at http://[::1]:" in out
    assert "The Docker engine cannot be reached" in out
    assert CANARY not in out
