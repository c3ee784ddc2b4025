"""docker command lines: what passes, what really runs, and what is refused by which rule."""

import shlex
from pathlib import Path

import pytest

from oi_deploy.broker.policy import Decision, Policy, Request, decide

REG = "harbor.example.com/library"


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    workspace = tmp_path / "ws"
    (workspace / "sub").mkdir(parents=True)
    (workspace / "Dockerfile").write_text("FROM scratch\n")
    (workspace / "sub" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Dockerfile").write_text("FROM scratch\n")
    (workspace / "link-out").symlink_to(tmp_path / "outside")
    (workspace / "Dockerfile.link").symlink_to(tmp_path / "outside" / "Dockerfile")
    (workspace / "link-in").symlink_to("sub")
    return Policy(workspace, REG, "production")


def ask(policy: Policy, line: str, cwd: str = "", stdin: bytes = b"") -> Decision:
    where = str(policy.workspace / cwd)
    words = tuple(shlex.split(line.replace("WS", str(policy.workspace))))
    return decide(policy, Request("docker", words, where, stdin))


ALLOWED = [
    (f"build -t {REG}/app:1 .", f"build --tag={REG}/app:1 WS"),
    (f"build . -t {REG}/app:1", f"build --tag={REG}/app:1 WS"),
    (f"build -t{REG}/app:1 .", f"build --tag={REG}/app:1 WS"),
    (f"build -t={REG}/app:1 .", f"build --tag={REG}/app:1 WS"),
    (f"build --tag {REG}/a/b:1 --no-cache WS", f"build --tag={REG}/a/b:1 --no-cache WS"),
    ("build -qt app:1 -t app:2 .", "build --quiet --tag=app:1 --tag=app:2 WS"),
    ("build -t app:1 -f sub/Dockerfile .", "build --tag=app:1 --file=WS/sub/Dockerfile WS"),
    ("build -t app:1 sub", "build --tag=app:1 WS/sub"),
    ("build -t app:1 link-in", "build --tag=app:1 WS/sub"),
    ("build -t app:1 -- .", "build --tag=app:1 WS"),
    (
        "build -t app --build-arg A=b --target x --label l=1 --platform linux/amd64 .",
        "build --tag=app --build-arg=A=b --target=x --label=l=1 --platform=linux/amd64 WS",
    ),
    ("build -t app:1 --progress=plain --load .", "build --tag=app:1 WS"),
    ("buildx build --load -t app:1 .", "build --tag=app:1 WS"),
    ("image build -t app:1 .", "build --tag=app:1 WS"),
    ("build -t app:1 -", "build --tag=app:1 -"),
    ("build -t app:1 -f - .", "build --tag=app:1 --file=- WS"),
    (f"tag app:1 {REG}/app:1", f"tag app:1 {REG}/app:1"),
    (f"image tag 0123456789ab {REG}/app", f"tag 0123456789ab {REG}/app"),
    ("tag app:1 app:2", "tag app:1 app:2"),
    (f"push {REG}/app:1", f"push {REG}/app:1"),
    (f"push -q {REG}/app:1", f"push {REG}/app:1"),
    (f"pull {REG}/app:1", f"pull {REG}/app:1"),
    ("images", "image ls"),
    ("images -a --format '{{.ID}}' app", "image ls --all --format={{.ID}} app"),
    ("image ls -q", "image ls --quiet"),
    ("inspect app:1", "image inspect app:1"),
    ("inspect --type=image -f '{{.Id}}' app:1", "image inspect --format={{.Id}} app:1"),
    (f"image inspect {REG}/app:1", f"image inspect {REG}/app:1"),
    ("history app:1", "history app:1"),
    ("version", "version"),
    ("--version", "--version"),
    ("build --help", "build --help"),
]


@pytest.mark.parametrize(("line", "runs"), ALLOWED, ids=[line for line, _ in ALLOWED])
def test_allowed(policy: Policy, line: str, runs: str) -> None:
    decision = ask(policy, line)
    assert decision.reason == ""
    assert decision.allowed
    assert decision.argv == tuple(shlex.split(runs.replace("WS", str(policy.workspace))))


REFUSED = [
    # another registry, or one that only looks like ours
    ("push evil.example.com/library/app:1", "docker.push.image"),
    ("push harbor.example.com.evil.io/library/app:1", "docker.push.image"),
    ("push harbor.example.com/library-evil/app:1", "docker.push.image"),
    ("push harbor.example.com:444/library/app:1", "docker.push.image"),
    ("push harbor.example.com/other/app:1", "docker.push.image"),
    ("push harbor.example.com/library/../other/app:1", "docker.push.image"),
    ("push HARBOR.example.com/library/app:1", "docker.push.image"),
    ("push app:1", "docker.push.image"),
    ("push docker.io/library/app:1", "docker.push.image"),
    (f"push --all-tags {REG}/app", "docker.push.flag"),
    (f"push -a {REG}/app", "docker.push.flag"),
    (f"push {REG}/app:1 {REG}/app:2", "docker.push"),
    ("push", "docker.push"),
    ("build -t evil.example.com/app:1 .", "docker.build.tag"),
    (f"build -t {REG}/app:1 -t evil.example.com/app:1 .", "docker.build.tag"),
    (f"build -t {REG}/app:1 --tag=localhost/app:1 .", "docker.build.tag"),
    ("build -t 'a b' .", "docker.build.tag"),
    ("tag app:1 evil.example.com/app:1", "docker.tag.target"),
    (f"tag other.example.com/secret:1 {REG}/app:1", "docker.tag.source"),
    ("tag app:1", "docker.tag"),
    ("pull evil.example.com/app:1", "docker.pull.image"),
    ("pull debian:12", "docker.pull.image"),
    (f"pull -a {REG}/app", "docker.pull.flag"),
    # files and networks outside the workspace
    ("build -t app:1 /", "docker.build.context"),
    ("build -t app:1 ..", "docker.build.context"),
    ("build -t app:1 WS/../outside", "docker.build.context"),
    ("build -t app:1 link-out", "docker.build.context"),
    ("build -t app:1 missing", "docker.build.context"),
    ("build -t app:1 https://example.com/x.tar", "docker.build.context"),
    ("build -t app:1 git@github.com:o/r", "docker.build.context"),
    ("build -t app:1 -f /etc/passwd .", "docker.build.file"),
    ("build -t app:1 -f Dockerfile.link .", "docker.build.file"),
    ("build -t app:1 -f Dockerfile -f /etc/passwd .", "docker.build.file"),
    ("build -t app:1", "docker.build.context"),
    ("build -t app:1 . sub", "docker.build.context"),
    *[
        (f"build {flag} -t app:1 .", "docker.build.flag")
        for flag in (
            *("--network=host", "--network host", "--add-host=a:1.2.3.4", "--security-opt x"),
            *("--iidfile /etc/cron.d/x", "--iidfile=x", "--secret id=a,src=/etc/shadow"),
            *("--ssh default", "-o /tmp/x", "--output=/tmp/x", "--cgroup-parent=/", "--push"),
            *("--allow security.insecure", "--build-context a=/", "--metadata-file=x", "-m 1"),
            *("--cache-from x", "--ulimit x", "--isolation x", "--frobnicate", "--ta=app:1"),
        )
    ],
    ("build -t app:1 . --rm=maybe", "docker.build.flag"),
    ("build . -t", "docker.build.flag"),
    # flags that redirect
    *[
        (f"{flag} push {REG}/app:1", "docker.flag")
        for flag in (
            *("-H tcp://evil:2375", "-Htcp://evil:2375", "--host=tcp://evil", "--host tcp://evil"),
            *("--config /tmp", "--config=/tmp", "-c other", "--context=other", "-D", "--debug"),
            *("--tls", "--tlscacert x", "--tlsverify", "-l debug", "--log-level=debug"),
        )
    ],
    (f"push -H tcp://evil {REG}/app:1", "docker.push.flag"),
    # everything else
    *[
        (line, "docker.command")
        for line in (
            *("run -it debian sh", "run --privileged -v /:/host x", "exec -it x sh", "ps -a"),
            *("compose up", "container ls", "container run x", "system prune -af", "rmi app:1"),
            *("volume create x", "network ls", "save app:1", "load", "import x", "export x"),
            *(
                "cp x:/ .",
                "commit x",
                "info",
                "events",
                "search x",
                "plugin install x",
                "swarm init",
            ),
            *("context ls", "trust x", "manifest create x", "buildx bake", "image rm x"),
            *("image", "image prune", "builder prune", "scale deployment/app", "secret ls", "frob"),
        )
    ],
    ("inspect --type=container x", "docker.inspect"),
    ("inspect other.example.com/secret:1", "docker.inspect.image"),
    ("images --tree", "docker.images.flag"),
    ("version --kubeconfig=x", "docker.version.flag"),
]


@pytest.mark.parametrize(("line", "rule"), REFUSED, ids=[line for line, _ in REFUSED])
def test_refused(policy: Policy, line: str, rule: str) -> None:
    decision = ask(policy, line)
    assert not decision.allowed
    assert decision.rule == rule
    assert decision.reason
    assert decision.argv == ()


def test_login_is_answered_without_running_anything(policy: Policy) -> None:
    for line in ("login", f"login -u me -p guess {REG}", "login --password-stdin", "logout"):
        decision = ask(policy, line)
        assert decision.allowed
        assert decision.argv == ()
        assert "the broker holds the credentials" in decision.answer
        assert "guess" not in decision.answer


def test_paths_are_relative_to_where_the_command_is_given(policy: Policy) -> None:
    assert ask(policy, "build -t app:1 .", cwd="sub").argv[-1] == str(policy.workspace / "sub")
    assert ask(policy, "build -t app:1 ..", cwd="sub").argv[-1] == str(policy.workspace)
    assert ask(policy, "build -t app:1 ../..", cwd="sub").rule == "docker.build.context"
    assert ask(policy, "build -t app:1 .", cwd="/tmp").rule == "docker.build.context"


def test_a_context_or_dockerfile_from_stdin_is_passed_on(policy: Policy) -> None:
    assert ask(policy, "build -t app:1 -", stdin=b"FROM scratch").stdin == b"FROM scratch"
    assert ask(policy, "build -t a:1 -f - .", stdin=b"FROM scratch").stdin == b"FROM scratch"
    assert ask(policy, "build -t app:1 .", stdin=b"FROM scratch").stdin == b""


def test_advice_is_a_line_with_real_names(policy: Policy) -> None:
    assert ask(policy, "push docker.io/me/app:1.2").alternatives == (
        f"docker tag docker.io/me/app:1.2 {REG}/app:1.2",
        f"docker push {REG}/app:1.2",
    )
    assert ask(policy, "build -t evil.io/app:3 .").alternatives == (
        f"docker build -t {REG}/app:3 .",
    )
    assert "kubectl -n production get pods" in ask(policy, "ps").alternatives


def test_allowed_images_replace_the_default(policy: Policy) -> None:
    narrow = Policy(
        policy.workspace, REG, "production", allowed_images=(f"{REG}/app", f"{REG}/team/*")
    )
    assert ask(narrow, f"push {REG}/app:1").allowed
    assert ask(narrow, f"push {REG}/team/x:1").allowed
    assert not ask(narrow, f"push {REG}/application:1").allowed
    assert not ask(narrow, f"push {REG}/other:1").allowed
    hub = Policy(policy.workspace, "docker.io/me", "production")
    assert ask(hub, "push me/app:1").allowed
    assert ask(hub, "push docker.io/me/app:1").allowed
    assert not ask(hub, "push you/app:1").allowed


def test_what_changes_something_is_marked(policy: Policy) -> None:
    for line in ("build -t app:1 .", f"tag app:1 {REG}/app:1", f"push {REG}/app:1"):
        assert ask(policy, line).mutates
    for line in ("images", "version", "login", "run x", "build --help"):
        assert not ask(policy, line).mutates


def test_words_that_no_program_can_get_are_refused(policy: Policy) -> None:
    assert not decide(policy, Request("docker", ("push", "a\0b"), "/")).allowed
    assert not decide(policy, Request("docker", ("version",), "")).allowed


def test_without_a_registry_no_image_may_be_pushed(policy: Policy) -> None:
    nowhere = Policy(policy.workspace, "", "production")
    for line in ("push app:1", "build -t evil.io/app:1 .", "pull app:1", "tag app:1 evil.io/app"):
        decision = ask(nowhere, line)
        assert not decision.allowed
        assert "input registry" in decision.reason
        assert decision.alternatives == ()
    assert ask(nowhere, "build -t app:1 .").allowed
