"""Whatever words come, what passes runs nothing but what the policy names.

The words are a mixture of real commands and of what could confuse a reader of flags. What would run
is then read by pflag's own rules and judged by lists that are written here, not by the broker's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oi_deploy.broker.policy import Decision, Policy, Tool
from tests.unit.broker import pflag
from tests.unit.broker.asking import BUILT_ID, EVIL, REG, ask, widest, workspace
from tests.unit.broker.commands import COMMANDS, Command
from tests.unit.broker.settings import steady
from tests.unit.broker.spellings import same, spell

# The flags that may be in what runs; here `=` joins each value, so no letters are needed.
MAY_RUN = {
    "docker": """
        all build-arg cap-drop cpus digests entrypoint env file filter force-rm format human
        label log-driver memory memory-swap name network no-cache no-trunc pids-limit platform pull
        quiet rm security-opt tag target ulimit version workdir""",
    "kubectl": """
        all all-containers all-pods api-group api-version categories chunk-size client container
        current-replicas dry-run field-manager field-selector filename for ignore-errors
        ignore-not-found image label-columns limit-bytes list max-log-requests namespace namespaced
        no-headers output patch pod-running-timeout port prefix previous quiet record recursive
        replicas request-timeout resource-version revision save-config selector server-side
        show-events show-kind show-labels show-managed-fields since since-time sort-by subresource
        tail timeout timestamps to-revision type types validate verbs wait warnings-as-errors
        watch""",
}
COMMANDS_THAT_RUN = {
    "docker": ("build", "push", "pull", "tag", "image ls", "image inspect", "history", "run",
               "version", "--version"),
    "kubectl": ("get", "describe", "logs", "events", "wait", "version", "explain", "api-resources",
                "api-versions", "cluster-info", "auth can-i", "config current-context", "set image",
                "scale", "patch", "apply", "create", "create deployment", "diff", "rollout status",
                "rollout history", "rollout undo", "rollout restart", "rollout pause",
                "rollout resume"),
}  # fmt: skip
CHANGES = ("set image", "scale", "patch", "rollout undo", "rollout restart", "rollout pause",
           "rollout resume", "create deployment")  # fmt: skip

_ODD = [
    *("-", "--", "---", "--=", "-=", "", "=", "--namespace", "-n", "-nproduction", "-nkube-system"),
    *("-f", "-f-", "-ojson", "-qtapp:1", "-test.v", "--help=false", "-h", "--tag", "-A=false"),
    *("login", "logout", f"{EVIL}/app:1", "secret/x", "é", "-é", "a\0", "{image}", "{0}", "{"),
]


def words_of(command: Command) -> list[str]:
    """Everything that a command and its refused forms are made of."""
    return [word for line in [command.line, *command.hostile()] for word in line.plain()]


WORDS = {one.line: words_of(one) for one in COMMANDS}
EVERY_WORD = [word for words in WORDS.values() for word in words]


def changed(chance: Random) -> tuple[Command, tuple[str, ...]]:
    """A command that passes or nearly does, with some words put in, taken out, moved or cut."""
    command = chance.choice(COMMANDS)
    line = (
        command.line if chance.random() < 0.8 else chance.choice([command.line, *command.hostile()])
    )
    words = list(spell(chance, line))
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        place = chance.randrange(len(words) + 1)
        what = chance.random()
        if what < 0.6 or not words:
            pool = chance.choices((WORDS[command.line], EVERY_WORD, _ODD), (6, 2, 2))[0]
            words.insert(place, chance.choice(pool))
        elif what < 0.75:
            words[place : place + 1] = []
        elif what < 0.9:
            words.insert(place, words.pop(chance.randrange(len(words))))
        else:
            words[place : place + 1] = words[place].split("=", 1) if place < len(words) else []
    return command, tuple(words)


@contextmanager
def about(words: Sequence[str]) -> Iterator[None]:
    """Say which command it was, when the block fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"the command: {words!r}")
        raise


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return widest(workspace(tmp_path_factory.mktemp("decisions")))


def image_is_ours(text: str) -> bool:
    """Whether docker would look for the image under the registry: by its documented rules."""
    name = text.partition("@")[0]
    last = name.rpartition("/")[2]
    if ":" in last:
        name = name.rpartition(":")[0]
    return f"{name}/".startswith(f"{REG}/") and re.fullmatch(r"[a-z0-9._/-]+", name) is not None


def has_no_host(text: str) -> bool:
    first, slash, _ = text.partition("/")
    return not slash or not ("." in first or ":" in first or first == "localhost")


def read(tool: Tool, argv: Sequence[str]) -> tuple[str, pflag.Result]:
    """The command and the rest of what runs, as the real program reads it."""
    commands = sorted(COMMANDS_THAT_RUN[tool], key=len, reverse=True)
    length, command = next(
        (len(words), name)
        for name in commands
        if tuple(words := name.split()) == tuple(argv[: len(words)])
    )
    known = [
        pflag.Known(word[2:].partition("=")[0], no_opt="true")
        for word in argv
        if word.startswith("--")
    ]
    return command, pflag.parse(argv[length:], known, interspersed=command != "run")


def check(tool: Tool, decision: Decision, policy: Policy) -> None:
    """What would run must be harmless; every text must be one that can be sent and kept."""
    for text in (decision.reason, decision.answer, *decision.alternatives, *decision.argv):
        text.encode()
    assert bool(decision.reason) != decision.allowed
    if not decision.argv:
        assert decision.stdin == b"" and decision.context is None and not decision.mutates
        assert not decision.allowed or decision.answer
        return
    if decision.argv[-1] == "--help":
        assert all(word.replace("-", "").isalpha() for word in decision.argv[:-1])
        assert not decision.argv[0].startswith("-") or decision.argv == ("--help",)
        return
    command, result = read(tool, decision.argv)
    names = {name for name, value in result.flags if (name, value) != ("help", "false")}
    assert names <= set(MAY_RUN[tool].split())
    if tool == "docker":
        check_docker(command, result, decision, policy)
    else:
        check_kubectl(command, result, decision)


def check_docker(command: str, result: pflag.Result, decision: Decision, policy: Policy) -> None:
    values = dict(result.flags)
    arguments = result.arguments
    if command == "build":
        assert arguments == ["-"] and decision.context is not None
        assert values.get("network", "none") == "none" and decision.stdin == b""
        directory = decision.context.directory
        assert directory is None or directory.resolve().is_relative_to(policy.workspace)
        dockerfile = decision.context.dockerfile
        assert values["file"] == dockerfile and ".." not in dockerfile.split("/")
        assert not dockerfile.startswith("/")
        for name, value in result.flags:
            assert name != "build-arg" or "=" in value
            assert name != "tag" or image_is_ours(value) or has_no_host(value)
            assert name != "tag" or value not in ("python:3.11", "python")
    elif command in ("push", "pull"):
        assert len(arguments) == 1 and image_is_ours(arguments[0])
        assert command == "pull" or "quiet" not in values
    elif command == "tag":
        source, target = arguments
        assert source in ("app:1", f"{REG}/app:1") or image_is_ours(source)
        assert image_is_ours(target) or has_no_host(target)
    elif command == "run":
        assert arguments[0] == BUILT_ID and "detach" not in values
        assert values["network"] == "none" and values["cap-drop"] == "ALL"
        assert values["security-opt"] == "no-new-privileges" and values["pull"] == "never"
        assert values["memory"].isdecimal() and values["name"] == decision.container
        assert decision.seconds and all("=" in v for n, v in result.flags if n == "env")
    else:
        assert decision.context is None and not decision.mutates


def check_kubectl(command: str, result: pflag.Result, decision: Decision) -> None:
    values = dict(result.flags)
    assert [value for name, value in result.flags if name == "namespace"] == ["production"]
    assert not any("file" in value.partition("=")[0] for name, value in result.flags
                   if name == "output")  # fmt: skip
    assert decision.stdin == b"" or values["filename"] == "-"
    assert values.get("filename", "-") == "-"
    assert "watch" not in values or command == "rollout status"
    # kubectl takes no arguments for diff; the two others show nothing of a Secret.
    if command not in ("explain", "auth can-i", "diff"):
        words = [word for word in result.arguments if "=" not in word]
        read_kinds = [word.partition("/")[0] for word in words if "/" in word]
        if not read_kinds and command != "logs":  # which takes names of pods
            read_kinds = [kind for word in words[:1] for kind in word.split(",")]
        assert not any(kind.lower().startswith("secret") for kind in read_kinds)
    if command == "set image":
        images = [word.partition("=")[2] for word in result.arguments if "=" in word]
        assert images and all(image_is_ours(image) for image in images)
    if command in CHANGES and command != "create deployment":
        targets = [word for word in result.arguments if "=" not in word]
        kinds = {"deploy", "deployment", "deployments"}
        named = [word.split("/")[0] for word in targets if "/" in word] or targets[:1]
        assert targets and all(kind.lower().split(".")[0] in kinds for kind in named)
        assert "/" in targets[0] or len(targets) > 1
    if command == "create deployment":
        assert all(image_is_ours(image) for image in values.get("image", f"{REG}/a").split(","))
    if decision.stdin:
        document = json.loads(decision.stdin)
        for one in document["items"] if document["kind"] == "List" else [document]:
            assert one["kind"] in ("Deployment", "Service", "ConfigMap")


@steady(300)
@given(st.integers(0, 2**32))
def test_what_passes_is_harmless_however_a_command_was_changed(policy: Policy, seed: int) -> None:
    chance = Random(seed)
    for _ in range(40):
        command, words = changed(chance)
        with about(words):
            decision = ask(policy, command.tool, words, command.stdin)
            check(command.tool, decision, policy)
            # The program of the same command line may be the other one.
            other: Tool = "docker" if command.tool == "kubectl" else "kubectl"
            check(other, ask(policy, other, words, command.stdin), policy)


@steady(200)
@given(st.integers(0, 2**32))
def test_what_kubectl_would_run_passes_again_and_stays_the_same(policy: Policy, seed: int) -> None:
    chance = Random(seed)
    for _ in range(40):
        command, words = changed(chance)
        decision = ask(policy, command.tool, words, command.stdin)
        if command.tool == "kubectl" and decision.argv:
            with about(words):
                again = ask(policy, "kubectl", decision.argv, decision.stdin)
                assert (again.allowed, again.stdin) == (True, decision.stdin)
                assert same(again.argv) == same(decision.argv)
