"""What a run looks at before it starts anything."""

import base64
from pathlib import Path

import pytest

from oi_deploy import surroundings
from oi_deploy.errors import RunError
from oi_deploy.inputs import parse
from oi_deploy.loaded import load

TOKEN = """\
[core]
\tbare = false
[http "https://github.com/"]
\textraheader = AUTHORIZATION: basic c2VjcmV0
"""


def checkout(folder: Path, config: str) -> Path:
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text(config)
    return folder


def test_a_checkout_that_keeps_the_token_is_refused_with_the_line_to_write(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        surroundings.refuse_stored_token(checkout(tmp_path, TOKEN))
    assert "persist-credentials: false" in caught.value.remedy
    assert "c2VjcmV0" not in str(caught.value)


def test_other_checkouts_pass(tmp_path: Path) -> None:
    surroundings.refuse_stored_token(tmp_path)
    surroundings.refuse_stored_token(checkout(tmp_path, "[core]\n\tbare = false\n"))


def test_the_runners_folders_are_hidden_and_the_workspace_is_not(tmp_path: Path) -> None:
    temp, commands, workspace = tmp_path / "temp", tmp_path / "commands", tmp_path / "work/repo"
    for folder in (temp, commands, workspace):
        folder.mkdir(parents=True)
    env = {
        "GITHUB_OUTPUT": str(commands / "set_output_1"),
        "GITHUB_ENV": str(commands / "set_env_1"),
        "GITHUB_EVENT_PATH": str(tmp_path / "work" / "event.json"),
        "RUNNER_TEMP": str(temp),
    }
    hidden = surroundings.runner_folders(env, workspace)
    assert {commands, temp} <= set(hidden)
    assert not any(workspace.is_relative_to(path) for path in hidden)


def test_a_temporary_folder_that_everything_shares_stays_open(tmp_path: Path) -> None:
    assert Path("/tmp") not in surroundings.runner_folders({"RUNNER_TEMP": "/tmp"}, tmp_path)


@pytest.mark.parametrize(
    ("env", "owner", "user"),
    [
        (
            {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_RUN_ID": "7"},
            "acme",
            "acme/shop, run 7",
        ),
        ({"GITHUB_REPOSITORY": "acme/shop"}, "acme", "acme/shop"),
        ({}, "", "a run"),
    ],
)
def test_a_server_is_shared_by_the_runs_of_one_owner_and_knows_their_names(
    env: dict[str, str], owner: str, user: str, tmp_path: Path
) -> None:
    given = {"INPUT_PROMPT": "x", "INPUT_EXPECT": "none", "INPUT_KEEP-WARM": "1h"}
    settings = surroundings.engine_settings(load(parse(given), tmp_path), env)
    assert (settings.owner, settings.user, settings.keep_warm_s) == (owner, user, 3600)


def test_secrets_are_known_before_the_inputs_are_checked() -> None:
    env = {
        "INPUT_REGISTRY-USERNAME": "robot",
        "INPUT_REGISTRY-PASSWORD": "pw-1",
        "INPUT_KUBECONFIG": "clusters: []\ncontexts: []\nusers: [{user: {token: t-1}}]",
        "ACTIONS_RUNTIME_TOKEN": "rt-1",
        "INPUT_TIMEOUT": "wrong",
    }
    auth = base64.b64encode(b"robot:pw-1").decode()
    assert set(surroundings.secrets(env)) == {"pw-1", "t-1", "rt-1", auth}
