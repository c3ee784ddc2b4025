"""Every request gets an answer that can be sent: nothing ends in another exception."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oi_deploy.broker.policy import Decision, Known, Policy, Request, Tool, decide
from tests.unit.broker.asking import KNOWN, ask, widest, workspace
from tests.unit.broker.settings import steady


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return widest(workspace(tmp_path))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return widest(workspace(tmp_path_factory.mktemp("answers")))


def can_be_sent(decision: Decision) -> bool:
    """Whether every text is one: a refusal may quote what is none."""
    texts = (decision.rule, decision.reason, decision.answer, *decision.alternatives)
    return all(text.encode().decode() == text for text in (*texts, *decision.argv))


LONG = "x" * 5000
WORDS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["build", "get", "tag", "apply", "-f", ".", "a\0", "{0}", "{", "-t", "\u2028"]),
)


@steady(300)
@example(["build", "-t", "app", "."], "/a\0")
@example(["build", "-t", "app", LONG], "")
@example(["build", "-t", "app", "-f", LONG, "."], "")
@example(["apply", "-f", LONG], "")
@example(["patch", "deploy/app", "--patch-file", LONG], "")
@example(["apply", "-f", "deploy.yaml/x"], "")
@example(["build", "-t", "app", "Dockerfile/x"], "")
@given(st.lists(WORDS, max_size=5), st.text(max_size=8).map("/".__add__))
def test_every_request_gets_an_answer(shared: Policy, words: list[str], cwd: str) -> None:
    tools: tuple[Tool, ...] = ("docker", "kubectl")
    for tool in tools:
        for known in (KNOWN, Known()):
            request = Request(tool, tuple(words), cwd or str(shared.workspace))
            decision = decide(shared, request, known)
            assert can_be_sent(decision)
            assert decision.allowed != bool(decision.reason)


@pytest.mark.parametrize("name", ["sub", "."])
def test_a_directory_in_the_place_of_a_file_is_refused(policy: Policy, name: str) -> None:
    decision = ask(policy, "kubectl", ("patch", "deploy/app", "--patch-file", name))
    assert decision.rule == "kubectl.patch" and not decision.allowed


def test_a_directory_with_a_manifests_name_is_refused(policy: Policy) -> None:
    (policy.workspace / "dir.yaml").mkdir()
    decision = ask(policy, "kubectl", ("apply", "-f", "."))
    assert not decision.allowed and "dir.yaml" in decision.reason


def test_a_file_name_that_is_no_text_can_be_named_in_an_answer(policy: Policy) -> None:
    (policy.workspace / "odd").mkdir()
    (policy.workspace / "odd" / "\udcff.yaml").symlink_to("/etc/hostname")
    decision = ask(policy, "kubectl", ("apply", "-f", "odd"))
    assert not decision.allowed and can_be_sent(decision)


def test_what_is_no_text_in_a_manifest_can_be_named_in_an_answer(policy: Policy) -> None:
    decision = ask(policy, "kubectl", ("apply", "-f", "-"), b'{"kind": "\\ud800"}')
    assert not decision.allowed and can_be_sent(decision)


@pytest.mark.parametrize(
    "line",
    [
        "build -t library/python:3.11 .",
        "build -t docker.io/library/python:3.11 .",
        "tag app:1 library/python:3.11",
        "push docker.io/harbor.example.com/library/app:1",
        "pull docker.io/harbor.example.com/library/app:1",
        "tag app:1 docker.io/harbor.example.com/library/app:1",
        "build -t docker.io/harbor.example.com/library/app:1 .",
    ],
)
def test_an_image_that_docker_finds_elsewhere_is_refused(policy: Policy, line: str) -> None:
    assert not ask(policy, "docker", tuple(line.split())).allowed


@pytest.mark.parametrize("line", ["tag 0 app:2", "tag 0123456 app:2", "history 01", "run 0 sh"])
def test_a_few_digits_are_not_the_id_of_our_image(policy: Policy, line: str) -> None:
    # For the engine they may be a name (`cafe`), or the beginning of another image's id.
    decision = ask(policy, "docker", tuple(line.split()))
    assert not decision.allowed
