"""Where the clients' key comes from."""

from pathlib import Path

import pytest

from oi_deploy.errors import RunError
from oi_deploy.serve.key import client_key

KEY = "client-key-0123456789"


def test_one_is_made_for_its_owner_s_eyes_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "api-key"
    key, made = client_key({}, path)
    assert made and len(key) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert client_key({}, path) == (key, False)


def test_the_variable_wins_and_no_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "api-key"
    assert client_key({"OI_DEPLOY_API_KEY": KEY}, path) == (KEY, False)
    assert not path.exists()
    path.write_text("another-key-0123456789")
    assert client_key({"OI_DEPLOY_API_KEY": KEY}, path) == (KEY, False)


def test_line_ends_of_a_file_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "api-key"
    path.write_text(f"{KEY}\r\n")
    assert client_key({}, path) == (KEY, False)


@pytest.mark.parametrize("text", ["", "short", "two words of a key", "schlüssel-schlüssel"])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "api-key"
    path.write_text(text)
    for env in ({}, {"OI_DEPLOY_API_KEY": text}):
        with pytest.raises(RunError) as caught:
            client_key(env, path)
        assert not text or text not in str(caught.value)


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="--api-key-file"):
        client_key({}, tmp_path / "file" / "api-key")
