"""docker command lines: what passes, what really runs, and what is refused by which rule."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from oi_deploy.broker.document import Document
from oi_deploy.broker.policy import Decision, Known, Policy, Request, decide
from oi_deploy.broker.request import NamesNeeded

REG = "harbor.example.com/library"
ALWAYS = "--memory=4294967296 --memory-swap=4294967296 --force-rm"
BUILT = Known(
    taken=frozenset({"python:3.11-slim", "node:latest"}),
    built={"app:1": "sha256:0123456789ab" + 52 * "0", f"{REG}/app:9": "fedcba987654"},
    container="smoke",
)


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
    return Policy.of(workspace, REG, "production")


def ask(policy: Policy, line: str, cwd: str = "", stdin: bytes = b"") -> Decision:
    where = str(policy.workspace / cwd)
    words = tuple(shlex.split(line.replace("WS", str(policy.workspace))))
    return decide(policy, Request("docker", words, where, stdin), BUILT)


ALLOWED = [
    (f"build -t {REG}/app:1 .", f"build --tag={REG}/app:1 ALWAYS --file=Dockerfile -"),
    (f"build . -t {REG}/app:1", f"build --tag={REG}/app:1 ALWAYS --file=Dockerfile -"),
    (f"build -t{REG}/app:1 .", f"build --tag={REG}/app:1 ALWAYS --file=Dockerfile -"),
    (f"build -t={REG}/app:1 .", f"build --tag={REG}/app:1 ALWAYS --file=Dockerfile -"),
    (
        f"build --tag {REG}/a/b:1 --no-cache WS",
        f"build --tag={REG}/a/b:1 --no-cache ALWAYS --file=Dockerfile -",
    ),
    (
        "build -qt app:1 -t app:2 .",
        "build --quiet --tag=app:1 --tag=app:2 ALWAYS --file=Dockerfile -",
    ),
    ("build -t app:1 -f sub/Dockerfile .", "build --tag=app:1 ALWAYS --file=sub/Dockerfile -"),
    ("build -t app:1 sub", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("build -t app:1 link-in", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("build -t app:1 -- .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    (
        "build -t app --build-arg A=b --target x --label l=1 --platform linux/amd64 .",
        "build --tag=app --build-arg=A=b --target=x --label=l=1 --platform=linux/amd64 "
        "ALWAYS --file=Dockerfile -",
    ),
    ("build -t app:1 --rm --force-rm=false .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("build -t app:1 --progress=plain --load .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("buildx build --load -t app:1 .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("image build -t app:1 .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("build -t app:1 -", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    ("build -t app:1 -f - .", "build --tag=app:1 ALWAYS --file=.oi-deploy.dockerfile -"),
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
    (
        "build --network=none -t app:1 .",
        "build --tag=app:1 --network=none ALWAYS --file=Dockerfile -",
    ),
    ("build --network default -t app:1 .", "build --tag=app:1 ALWAYS --file=Dockerfile -"),
    (f"tag {REG}/app:7 {REG}/app:8", f"tag {REG}/app:7 {REG}/app:8"),
]


@pytest.mark.parametrize(("line", "runs"), ALLOWED, ids=[line for line, _ in ALLOWED])
def test_allowed(policy: Policy, line: str, runs: str) -> None:
    decision = ask(policy, line)
    assert decision.reason == ""
    assert decision.allowed
    assert decision.argv == tuple(shlex.split(runs.replace("ALWAYS", ALWAYS)))


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
            *("--add-host=a:1.2.3.4", "--security-opt x"),
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
            *(
                "exec -it x sh",
                "ps -a",
                "compose up",
                "container ls",
                "system prune -af",
                "rmi app:1",
            ),
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
    ("build --network=host -t app:1 .", "docker.build.network"),
    ("build --network host --network none -t app:1 .", "docker.build.network"),
    ("build --build-arg DOCKER_CONFIG -t app:1 .", "docker.build.argument"),
    # names and images that are not this run's
    ("build -t python:3.11-slim .", "docker.build.taken"),
    ("build -t docker.io/library/python:3.11-slim .", "docker.build.taken"),
    ("build -t app:1 -t node .", "docker.build.taken"),
    ("tag app:1 python:3.11-slim", "docker.tag.taken"),
    (f"tag python:3.11-slim {REG}/app:1", "docker.tag.source"),
    (f"tag 111111111111 {REG}/app:1", "docker.tag.source"),
    (f"tag 38b {REG}/app:1", "docker.tag.source"),
    ("inspect 38b", "docker.inspect.image"),
    ("inspect 111111111111", "docker.inspect.image"),
    ("history 111111111111", "docker.history.image"),
    # containers
    ("run -it debian sh", "docker.run.image"),
    ("run 111111111111", "docker.run.image"),
    ("run python:3.11-slim", "docker.run.image"),
    ("run", "docker.run"),
    *[
        (f"run {flag} app:1", "docker.run.flag")
        for flag in (
            *("-v /:/host", "-v/:/host", "--volume=/:/host", "--mount type=bind,src=/,dst=/h"),
            *("--privileged", "-d", "--detach", "-itd", "-p 80:80", "-P", "--pid=host"),
            *("--ipc host", "--uts=host", "--userns=host", "--device /dev/kmsg", "--gpus all"),
            *("--cap-add ALL", "--security-opt seccomp=unconfined", "--env-file /etc/passwd"),
            *("--add-host a:1.2.3.4", "--link x", "--memory 100g", "--pids-limit=-1", "-u 0"),
            *("--restart=always", "--volumes-from x", "--cgroupns=host", "--runtime=x"),
            *("--pull always", "--sysctl a=b", "--tmpfs /x", "--frobnicate", "--cidfile x"),
        )
    ],
    ("run --network host app:1", "docker.run.network"),
    ("run --network=container:x app:1", "docker.run.network"),
    ("run -e DOCKER_CONFIG app:1", "docker.run.env"),
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
    def directory(line: str, cwd: str) -> Path | None:
        context = ask(policy, line, cwd=cwd).context
        return context.directory if context else None

    assert directory("build -t app:1 .", "sub") == policy.workspace / "sub"
    assert directory("build -t app:1 link-in", "") == policy.workspace / "sub"
    assert directory("build -t app:1 ..", "sub") == policy.workspace
    assert ask(policy, "build -t app:1 ../..", cwd="sub").rule == "docker.build.context"
    assert ask(policy, "build -t app:1 .", cwd="/tmp").rule == "docker.build.context"


def test_a_dockerfile_may_come_from_stdin_or_from_beside_the_context(policy: Policy) -> None:
    alone = ask(policy, "build -t app:1 -", stdin=b"FROM scratch").context
    assert alone and alone.directory is None and alone.content == b"FROM scratch"
    beside = ask(policy, "build -t a:1 -f - .", stdin=b"FROM scratch").context
    assert beside and beside.directory == policy.workspace and beside.content == b"FROM scratch"
    outside = ask(policy, "build -t a:1 -f Dockerfile sub").context
    assert outside and outside.content == b"FROM scratch\n"
    assert outside.dockerfile != "Dockerfile"
    usual = ask(policy, "build -t app:1 .", stdin=b"FROM scratch").context
    assert usual and usual.content is None


def test_a_smoke_test_is_bounded_whatever_was_asked_for(policy: Policy) -> None:
    decision = ask(policy, "run --rm -it --name x -e A=b app:1 --privileged -v /:/x sh")
    words = decision.argv
    image = words.index("sha256:0123456789ab" + 52 * "0")
    assert words[image + 1 :] == ("--privileged", "-v", "/:/x", "sh")
    for flag in ("--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--rm",
                 "--name=smoke", "--pull=never", "--memory=536870912", "--env=A=b"):  # fmt: skip
        assert flag in words[:image]
    assert not {"--name=x", "--tty", "--interactive"} & set(words)
    assert (decision.container, decision.seconds) == ("smoke", 60.0)
    assert ask(policy, "run fedcba987654").allowed
    assert ask(policy, f"run {REG}/app:9").argv[-1] == "fedcba987654"


def test_a_policy_file_narrows_what_builds_and_smoke_tests_may(policy: Policy) -> None:
    document = Document.model_validate(
        {
            "version": 1,
            "images": {"push": [f"{REG}/app"], "pull": [f"{REG}/*"], "local": ["python"]},
            "build": {"network": "none", "arguments": ["VERSION*"]},
            "run": {"allowed": False},
        }
    )
    narrow = Policy.of(policy.workspace, REG, "production", document)
    assert "--network=none" in ask(narrow, "build -t app:1 --network default .").argv
    assert ask(narrow, "build --build-arg VERSION_X=1 -t app:1 .").allowed
    assert ask(narrow, "build --build-arg HTTP_PROXY=x -t app:1 .").rule == "docker.build.argument"
    assert ask(narrow, "run app:1").rule == "docker.run"
    assert ask(narrow, f"pull {REG}/other:1").allowed
    assert ask(narrow, f"tag {REG}/other:1 {REG}/app:1").allowed
    assert not ask(narrow, f"push {REG}/other:1").allowed
    # A name that the policy calls the workflow's own may be overwritten.
    assert ask(narrow, "build -t python:3.11-slim .").allowed


@pytest.mark.parametrize("line", ["build -t app:1 .", "tag app:1 app:2"])
def test_the_engine_is_asked_for_names_only_where_one_could_be_taken(
    policy: Policy, line: str
) -> None:
    unasked = replace(BUILT, taken=None)
    request = Request("docker", tuple(line.split()), str(policy.workspace))
    with pytest.raises(NamesNeeded):
        decide(policy, request, unasked)
    for other in (f"build -t {REG}/app:1 .", "build --help", f"tag app:1 {REG}/app:2", "images"):
        request = Request("docker", tuple(other.split()), str(policy.workspace))
        assert decide(policy, request, unasked).allowed


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
    narrow = Policy.of(
        policy.workspace, REG, "production", allowed_images=(f"{REG}/app", f"{REG}/team/*")
    )
    assert ask(narrow, f"push {REG}/app:1").allowed
    assert ask(narrow, f"push {REG}/team/x:1").allowed
    assert not ask(narrow, f"push {REG}/application:1").allowed
    assert not ask(narrow, f"push {REG}/other:1").allowed
    hub = Policy.of(policy.workspace, "docker.io/me", "production")
    assert ask(hub, "push me/app:1").allowed
    assert ask(hub, "push docker.io/me/app:1").allowed
    assert not ask(hub, "push you/app:1").allowed


def test_what_changes_something_is_marked(policy: Policy) -> None:
    for line in ("build -t app:1 .", f"tag app:1 {REG}/app:1", f"push {REG}/app:1"):
        assert ask(policy, line).mutates
    for line in ("images", "version", "login", "run app:1", "build --help"):
        assert not ask(policy, line).mutates


def test_words_that_no_program_can_get_are_refused(policy: Policy) -> None:
    assert not decide(policy, Request("docker", ("push", "a\0b"), "/")).allowed
    assert not decide(policy, Request("docker", ("version",), "")).allowed


def test_without_a_registry_no_image_may_be_pushed(policy: Policy) -> None:
    nowhere = Policy.of(policy.workspace, "", "production")
    for line in ("push app:1", "build -t evil.io/app:1 .", "tag app:1 evil.io/app"):
        decision = ask(nowhere, line)
        assert not decision.allowed
        assert "input registry" in decision.reason
        assert decision.alternatives == ()
    assert "no registry" in ask(nowhere, "pull app:1").reason
    assert ask(nowhere, "build -t app:1 .").allowed
