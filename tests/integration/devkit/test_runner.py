"""The runner, with small actions that show what they are given."""

import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from devkit import images
from devkit.runner import CANARIES, Action, Folders, build, label_of, leftovers, start

pytestmark = pytest.mark.docker

ACTION = """
name: probe
description: probe
inputs:
  api-base: {default: ''}
  max turns: {default: '12'}
  script: {required: true}
runs:
  using: docker
  image: Dockerfile
  args: [one, two words]
"""
# Unlike dash, bash passes on variables with a hyphen.
DOCKERFILE = f"""
FROM {images.BASE}
WORKDIR /elsewhere
ENTRYPOINT ["bash", "-c", "eval \\"$INPUT_SCRIPT\\"", "probe"]
"""


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "runner")


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Action:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "action.yml").write_text(ACTION)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return Action.load(folder)


@pytest.fixture(scope="module")
def image(action: Action) -> Iterator[str]:
    reference = build(action, "f00ba5")
    yield reference
    client = docker.from_env()
    client.images.remove(reference, force=True)
    client.close()


def test_the_container_is_the_one_that_github_would_start(
    action: Action, image: str, folders: Folders
) -> None:
    started = threading.Event()
    script = "echo ready; until [ -e /github/runner_temp/go ]; do sleep 0.1; done"
    step = start(
        action, folders, {"script": script}, image=image, on_line=lambda line: started.set()
    )
    assert started.wait(60)
    client = docker.from_env()
    attributes = client.containers.get(step.container).attrs
    client.close()
    (folders.temp / "go").touch()
    result = step.wait(60)

    config, host = attributes["Config"], attributes["HostConfig"]
    assert result.ok
    assert config["User"] == ""
    assert not config["Tty"]
    assert not config["OpenStdin"]
    assert config["WorkingDir"] == "/github/workspace"
    assert config["Cmd"] == ["one", "two words"]
    assert label_of(folders) in config["Labels"]
    assert host["AutoRemove"]
    assert not any(
        host.get(key)
        for key in ("Init", "Privileged", "DeviceRequests", "ExtraHosts", "CapAdd", "PidMode")
    )
    assert host["NetworkMode"] == "default"
    assert sorted(host["Binds"]) == sorted(
        [
            "/var/run/docker.sock:/var/run/docker.sock",
            f"{folders.temp}:/github/runner_temp",
            f"{folders.home}:/github/home",
            f"{folders.workflow}:/github/workflow",
            f"{folders.file_commands}:/github/file_commands",
            f"{folders.workspace}:/github/workspace",
        ]
    )


def test_variables_arrive_translated_and_inputs_unchanged(
    action: Action, image: str, folders: Folders
) -> None:
    odd = "构建 `x` \"$(id)\" 'y'\n第二行 \\ $HOME\n"
    inputs = {
        "script": "cat /proc/self/environ > environ",
        "api-base": odd,
    }
    env = {"FILE": f"{folders.workspace}/k.yaml", "LIST": f"x:{folders.workspace}"}
    result = start(action, folders, inputs, image=image, env=env, sha="a" * 40).wait(60)
    assert result.ok, result.log
    text = (folders.workspace / "environ").read_text(encoding="utf-8")
    seen = dict(item.split("=", 1) for item in text.split("\0") if item)

    assert seen["INPUT_API-BASE"] == odd
    assert seen["INPUT_MAX_TURNS"] == "12"
    assert seen["FILE"] == "/github/workspace/k.yaml"
    assert seen["LIST"] == f"x:{folders.workspace}"
    assert seen["GITHUB_WORKSPACE"] == "/github/workspace"
    assert seen["GITHUB_OUTPUT"].startswith("/github/file_commands/set_output_")
    assert seen["GITHUB_STEP_SUMMARY"].startswith("/github/file_commands/step_summary_")
    assert seen["GITHUB_SHA"] == "a" * 40
    assert seen["RUNNER_WORKSPACE"] == str(folders.runner_workspace)
    assert (seen["HOME"], seen["CI"]) == ("/github/home", "true")
    assert seen.items() >= CANARIES.items()


def test_outputs_summary_annotations_and_log_are_collected(
    action: Action, image: str, folders: Folders
) -> None:
    script = r"""
        printf 'plain=1\nmulti<<E\na\nb\nE\n' >> "$GITHUB_OUTPUT"
        echo '# Summary of s3cret' >> "$GITHUB_STEP_SUMMARY"
        echo 'A=b' >> "$GITHUB_ENV"
        echo "::add-mask::s3cret"
        echo "the s3cret and the password"
        echo "::error title=T::broken%0Abadly"
        cat; exit 7
    """
    result = start(action, folders, {"script": script}, image=image, masks=("password",)).wait(60)

    assert result.exit_code == 7
    assert not result.ok
    assert result.outputs == {"plain": "1", "multi": "a\nb"}
    assert result.summary == "# Summary of ***\n"
    assert result.exported == {"A": "b"}
    assert "the *** and the ***" in result.log
    assert [(item.level, item.message) for item in result.annotations] == [
        ("error", "broken\nbadly")
    ]


def test_an_input_that_the_action_does_not_declare_is_a_warning(
    action: Action, image: str, folders: Folders
) -> None:
    result = start(action, folders, {"script": "true", "promt": "x"}, image=image).wait(60)
    assert ["promt" in item.message for item in result.annotations] == [True]


def test_cancel_lets_a_container_end_by_itself(
    action: Action, image: str, folders: Folders
) -> None:
    ready = threading.Event()
    script = """
        trap 'echo "status=cancelled" >> "$GITHUB_OUTPUT"; exit 3' INT
        echo ready; while :; do sleep 0.1; done
    """
    step = start(action, folders, {"script": script}, image=image, on_line=lambda line: ready.set())
    assert ready.wait(60)
    step.cancel()
    result = step.wait(60)

    assert result.outputs == {"status": "cancelled"}
    assert not result.abandoned
    assert not leftovers(folders).containers


def test_cancel_abandons_a_container_that_ignores_it(
    action: Action, image: str, folders: Folders
) -> None:
    ready = threading.Event()
    script = "trap '' INT TERM; echo ready; while :; do sleep 0.1; done"
    step = start(action, folders, {"script": script}, image=image, on_line=lambda line: ready.set())
    assert ready.wait(60)
    step.cancel()
    try:
        result = step.wait(60)
        assert result.abandoned
        assert leftovers(folders).containers == (step.container,)
    finally:
        client = docker.from_env()
        client.containers.get(step.container).remove(force=True)
        client.close()


def test_files_of_another_user_are_found(action: Action, image: str, folders: Folders) -> None:
    folders.create()
    (folders.workspace / "given").write_text("x")
    result = start(action, folders, {"script": "touch mine; touch given"}, image=image).wait(60)
    assert result.ok
    assert leftovers(folders).files == (folders.workspace / "mine",)
    assert (folders.workspace / "given").stat().st_uid == folders.uid
