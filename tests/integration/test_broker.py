"""The broker's server and shims, with small programs in the place of docker and kubectl."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oi_deploy.broker import server
from oi_deploy.broker.effects import Changed
from tests.integration.contained import (
    NAP,
    PASSWORD,
    REGISTRY,
    TOKEN,
    Contained,
    alive,
    contained,
    gone,
    needs_root,
    open_directory,
    program,
)

pytestmark = needs_root

# What they do hangs on the last word; the policy lets any image name through to `images`.
DOCKER = f"""
case "${{@: -1}}" in
  talk) echo out; echo err >&2; exit 3 ;;
  env) env ;;
  where) pwd ;;
  sleep) sleep {NAP}1 & sleep {NAP}2 ;;
  flood) head -c 40000000 /dev/zero | tr '\\0' x ;;
  -) cat ;;
  *) cat; echo "$# words" ;;
esac
"""
KUBECTL = 'echo "deployment.apps/app image updated"; cat'
NS = "--namespace=production"


@pytest.fixture
def base() -> Iterator[Path]:
    with open_directory() as path:
        yield path


@pytest.fixture
def world(base: Path) -> Iterator[Contained]:
    docker, kubectl = program(base / "docker", DOCKER), program(base / "kubectl", KUBECTL)
    with contained(base, docker=docker, kubectl=kubectl) as opened:
        yield opened


def test_streams_and_exit_code_come_through(world: Contained) -> None:
    result = world.run("docker images talk 2>err >out; echo $?; cat out; echo -; cat err")
    assert result.output == "3\nout\n-\nerr\n"
    assert world.run("docker images talk").exit_code == 3


def test_every_request_is_in_the_journal_before_its_command_ends(world: Contained) -> None:
    world.run("docker images talk; docker push evil.io/x; docker login -u x")
    first, second, third = world.journal.entries
    assert world.seen == [first, second, third]
    assert first.argv == ("images", "talk")
    assert first.cwd == str(world.workspace)
    assert first.decision.argv == ("image", "ls", "talk")
    assert (first.exit_code, first.output) == (3, "out\nerr\n")
    assert not second.decision.allowed
    assert second.exit_code is None
    assert third.decision.allowed
    assert third.exit_code is None


def test_a_refusal_says_why_and_what_would_pass(world: Contained) -> None:
    result = world.run("docker push docker.io/x/app:2")
    assert result.exit_code == 126
    assert result.output == (
        "docker: refused: the image docker.io/x/app:2 is not allowed: images must be under "
        "harbor.example.com/library.\nUse instead:\n"
        "  docker tag docker.io/x/app:2 harbor.example.com/library/app:2\n"
        "  docker push harbor.example.com/library/app:2\n"
    )


def test_an_answer_without_a_command_ends_well(world: Contained) -> None:
    result = world.run("set -e; echo x | docker login -u me --password-stdin r; docker logout")
    assert result.exit_code == 0
    assert result.output.count("the broker holds the credentials") == 2


def test_the_real_command_has_its_own_environment(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_TOKEN", "x")
    result = world.run("FOO=1 DOCKER_HOST=tcp://evil PATH=$PATH:/evil docker images env")
    names = {line.split("=")[0] for line in result.output.splitlines()}
    assert names - {"PWD", "SHLVL", "_"} == {
        *("PATH", "HOME", "LANG", "DOCKER_CONFIG", "DOCKER_BUILDKIT", "DOCKER_CLI_HINTS"),
        "KUBECONFIG",
    }
    assert "evil" not in result.output


def test_it_runs_where_the_request_came_from_if_that_is_in_the_workspace(world: Contained) -> None:
    script = "mkdir -p a; cd a; docker images where; cd /tmp; docker images where"
    assert world.run(script).output == f"{world.workspace}/a\n{world.workspace}\n"


def test_stdin_goes_where_it_is_asked_for(world: Contained) -> None:
    assert "FROM scratch" in world.run("echo FROM scratch | docker build -t a -").output
    # A loop's own input is not eaten by a command that reads none.
    script = "printf '1\\n2\\n' | while read i; do docker images $i; done"
    assert world.run(script).output == "3 words\n3 words\n"
    manifest = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}'
    for flag in ("-f -", "-f-", "--filename=-", "-f=-"):
        assert manifest in world.run(f"echo '{manifest}' | kubectl apply {flag}").output
    assert world.run("head -c 5000000 /dev/zero | docker build -").exit_code == 125


def test_effects_are_read_from_what_the_command_printed(world: Contained) -> None:
    world.run("kubectl set image deployment/app a=harbor.example.com/library/app:1")
    assert world.journal.entries[0].effects == (
        Changed("production", "deployment", "app", "image updated"),
    )


def test_what_was_allowed_can_be_declined_for_the_rest_of_a_run(world: Contained) -> None:
    restart = "kubectl rollout restart deployment/app"
    assert world.run(restart).exit_code == 0
    world.broker.decline({"kubectl.rollout.restart": "it is done"})
    result = world.run(restart)
    assert (result.exit_code, result.output) == (126, "kubectl: refused: it is done.\n")
    assert world.run("kubectl scale deployment/app --replicas=2").exit_code == 0
    # What changes nothing is let through.
    assert world.run(f"{restart} --dry-run=client").exit_code == 0


def test_a_push_over_one_tag_can_be_declined(world: Contained) -> None:
    image = "harbor.example.com/library/app"
    world.broker.decline({f"docker.push {image}:1": "it is there"})
    result = world.run(f"docker push {image}:1")
    assert (result.exit_code, result.output) == (126, "docker: refused: it is there.\n")
    assert world.run(f"docker push {image}:2").exit_code == 0


def test_a_command_that_hangs_is_killed_with_all_that_it_started(base: Path) -> None:
    docker = program(base / "docker", DOCKER)
    with contained(base, docker=docker, kubectl=docker, command_timeout_s=1) as world:
        result = world.run("docker images sleep")
        assert result.exit_code == 124
        assert "killed after 1 s" in result.output
        assert world.journal.entries[0].exit_code is None
        assert gone(f"{NAP}1", f"{NAP}2")


def test_a_name_is_not_given_while_the_engine_does_not_say_which_it_has(base: Path) -> None:
    docker = program(base / "docker", 'case "$1 $2" in "image ls") exit 1 ;; esac; echo ran')
    with contained(base, docker=docker, kubectl=docker) as world:
        (world.workspace / "Dockerfile").write_text("FROM scratch\n")
        refused = world.run("docker build -t app:1 .").output
        assert "refused: the engine does not say which names it has" in refused
        assert "ran" not in refused
        # Of a name with a registry, it need not be asked.
        assert world.run(f"docker build -t {REGISTRY}/app:1 .").output == "ran\n"


def test_a_command_dies_with_the_one_who_asked(world: Contained) -> None:
    cancelled = threading.Event()
    arguments = {"cancelled": cancelled}
    asked = threading.Thread(target=world.run, args=("docker images sleep",), kwargs=arguments)
    asked.start()
    while not alive(f"{NAP}2"):
        threading.Event().wait(0.05)
    cancelled.set()
    asked.join()
    while not world.journal.entries:
        threading.Event().wait(0.05)
    assert gone(f"{NAP}1", f"{NAP}2")


def test_closing_the_broker_kills_what_runs_and_removes_the_credentials(base: Path) -> None:
    docker = program(base / "docker", DOCKER)
    asked: threading.Thread
    with contained(base, docker=docker, kubectl=docker) as world:
        asked = threading.Thread(target=world.run, args=("docker images sleep",))
        asked.start()
        while not alive(f"{NAP}2"):
            threading.Event().wait(0.05)
        world.broker.__exit__(None, None, None)
        asked.join()
        assert gone(f"{NAP}1", f"{NAP}2")
        assert not world.broker.private.exists()
        result = world.run("docker version")
        assert result.exit_code == 125
        assert "the broker does not answer" in result.output
        world.broker.__enter__()


def test_endless_output_is_bounded(world: Contained) -> None:
    result = world.run(
        "docker images flood 2>/dev/null | wc -c; docker images flood 2>&1 >/dev/null"
    )
    count, note = result.output.strip().split("\n", 1)
    assert 1_000_000 < int(count) <= 16 * 1024 * 1024
    assert "the rest is not shown" in note
    assert len(world.journal.entries[0].output) <= 64 * 1024


def test_only_the_sandbox_user_is_answered(world: Contained) -> None:
    assert world.socket.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(world.socket))  # root may, but is not the one
        other.settimeout(10)
        assert other.recv(100) == b""
    assert world.journal.entries == ()


def test_an_own_client_gets_no_further_than_the_shim(world: Contained) -> None:
    client = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["OI_DEPLOY_BROKER"])
s.sendall(sys.argv[1].encode()); s.shutdown(socket.SHUT_WR); print(s.makefile().read())
"""
    for frame in (
        "{}\n",
        '{"tool": "sh", "argv": ["-c", "id"], "cwd": "/", "stdin": 0}\n',
        '{"tool": "docker", "argv": ["version"], "cwd": "/", "stdin": 99999999}\n',
        "no json",
        "",
    ):
        output = world.run("python3", "-c", client, frame).output
        assert '{"exit": 126}' in output
    # Each is in the journal, but a connection that says nothing is no request.
    rules = [(entry.tool, entry.decision.rule) for entry in world.journal.entries]
    assert rules == [("request", "broker.frame")] * 4


def test_a_program_that_is_missing_is_said_so(base: Path) -> None:
    with contained(base, docker=base / "none", kubectl=base / "none") as world:
        result = world.run("docker version")
        assert result.exit_code == 127
        assert f"{base}/none cannot be started" in result.output
        assert world.journal.entries[0].exit_code == 127


def test_the_credentials_are_roots_alone(world: Contained) -> None:
    private = world.broker.private
    assert private.stat().st_uid == 0
    assert private.stat().st_mode & 0o777 == 0o700
    result = world.run(f"cat {private}/docker/config.json {private}/kubeconfig; ls {private}")
    assert result.output.count("Permission denied") == 3
    assert PASSWORD not in result.output


def test_a_socket_that_cannot_be_made_leaves_no_credentials(base: Path) -> None:
    docker = program(base / "docker", DOCKER)
    (base / "run").write_text("a file where the directory should be")
    before = set(Path("/tmp").glob("oi-deploy-broker-*"))
    with pytest.raises(OSError), contained(base, docker=docker, kubectl=docker):
        pass
    assert set(Path("/tmp").glob("oi-deploy-broker-*")) <= before


def test_a_command_s_output_is_redacted_across_its_pieces(world: Contained) -> None:
    half = len(PASSWORD) // 2
    (world.workspace.parent / "docker").write_text(
        f"#!/bin/bash\nprintf {PASSWORD[:half]}; sleep 0.3; echo {PASSWORD[half:]}\n"
        f"echo {TOKEN} >&2\n"
    )
    result = world.run("docker images 2>&1 | cat")
    assert sorted(result.output.split()) == ["***", "***"]
    assert "***" in world.journal.entries[-1].output
    assert PASSWORD not in world.journal.entries[-1].output


def test_a_run_makes_only_so_many_requests(
    world: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_REQUESTS", 3)
    result = world.run("for i in 1 2 3 4 5 6; do docker login; echo $?; done 2>/dev/null")
    assert [word for word in result.output.split() if word.isdecimal()] == [
        *("0", "0", "0", "126", "125", "125")
    ]
    assert [entry.decision.rule for entry in world.journal.entries][-1] == "broker.requests"
    assert len(world.journal.entries) == 4


def test_files_that_cannot_be_packed_in_time_hold_up_nothing_else(world: Contained) -> None:
    # A pattern that can be matched in so many ways that looking for one never ends.
    (world.workspace / ".dockerignore").write_text("*a" * 12 + "b\n")
    (world.workspace / ("a" * 240)).touch()
    (world.workspace / "Dockerfile").write_text("FROM scratch\n")
    result = world.run("timeout 2 docker build -t x .; docker images talk 2>/dev/null; exit 0")
    assert result.output.splitlines()[-1] == "out"
    assert gone("oi_deploy.broker.context")


def test_packing_is_over_when_the_time_of_a_command_is(base: Path) -> None:
    docker, kubectl = program(base / "docker", DOCKER), program(base / "kubectl", KUBECTL)
    with contained(base, docker=docker, kubectl=kubectl, command_timeout_s=2) as world:
        (world.workspace / ".dockerignore").write_text("*a" * 12 + "b\n")
        (world.workspace / ("a" * 240)).touch()
        (world.workspace / "Dockerfile").write_text("FROM scratch\n")
        assert world.run("docker build -t x .").exit_code == 126
        (entry,) = world.journal.entries
        assert (entry.decision.rule, entry.decision.allowed) == ("docker.build.context", False)
