"""Effects are read from the real output of docker and kubectl, and the journal sums them up."""

from pathlib import Path

from oi_deploy.broker.effects import Built, Changed, Effect, Pushed, Tagged, effects
from oi_deploy.broker.journal import Journal
from oi_deploy.broker.policy import Decision, Known, Policy, Request, decide
from oi_deploy.broker.request import Tool
from tests.policies import widest

REG = "harbor.example.com:5443/library"
DIGEST = "sha256:" + "0123456789abcdef" * 4

# Docker 28.2 with the classic builder of Engine 20.10.
BUILD = """Sending build context to Docker daemon  4.608kB\r\r
Step 1/2 : FROM scratch
 --->\x20
Step 2/2 : RUN echo Successfully built 000000000000
 ---> Running in 34b8a7ffe0b5
Successfully built 000000000000
Successfully tagged evil/app:1
Removing intermediate container 34b8a7ffe0b5
 ---> b2c3025f5932
Successfully built b2c3025f5932
Successfully tagged %s
"""
PUSH = f"""The push refers to repository [{REG}/app]
5f70bf18a086: Preparing
5f70bf18a086: Pushed
1: digest: {DIGEST} size: 524
"""


def read(
    tmp_path: Path, tool: Tool, argv: str, stdout: str, code: int | None = 0
) -> tuple[Effect, ...]:
    policy = Policy.of(tmp_path, REG, "production", widest("production"))
    request = Request(tool, tuple(argv.split()), str(tmp_path))
    known = Known(built={"app:1": "0123456789ab"})
    decision = decide(policy, request, known)
    assert decision.allowed, decision.reason
    return effects(policy, request, decision, code, stdout)


def test_build(tmp_path: Path) -> None:
    line = f"build -t {REG}/app:1 ."
    assert read(tmp_path, "docker", line, BUILD % f"{REG}/app:1") == (
        Built(f"{REG}/app:1", "b2c3025f5932"),
    )
    assert read(tmp_path, "docker", f"build -qt app:1 -t app:2 {tmp_path}", f"{DIGEST}\n") == (
        Built("app:1", DIGEST),
        Built("app:2", DIGEST),
    )


def test_what_a_build_step_prints_is_no_evidence(tmp_path: Path) -> None:
    forged = BUILD.split("Removing")[0]
    line = f"build -t {REG}/app:1 ."
    assert read(tmp_path, "docker", line, forged, 1) == ()
    assert read(tmp_path, "docker", line, BUILD % "evil/app:1") == (
        Built(f"{REG}/app:1", "b2c3025f5932"),
    )
    assert read(tmp_path, "docker", line, forged + "The command returned 1\n") == ()


def test_tag_and_push(tmp_path: Path) -> None:
    assert read(tmp_path, "docker", f"tag app:1 {REG}/app:1", "") == (
        Tagged("app:1", f"{REG}/app:1"),
    )
    assert read(tmp_path, "docker", f"push {REG}/app:1", PUSH) == (Pushed(f"{REG}/app:1", DIGEST),)
    default = PUSH.replace("1: digest", "latest: digest")
    assert read(tmp_path, "docker", f"push {REG}/app", default) == (
        Pushed(f"{REG}/app:latest", DIGEST),
    )


def test_a_failed_push_has_no_effect(tmp_path: Path) -> None:
    denied = "The push refers to repository [x]\ndenied: requested access is denied\n"
    assert read(tmp_path, "docker", f"push {REG}/app:1", denied, 1) == ()
    assert read(tmp_path, "docker", f"push {REG}/app:1", PUSH, None) == ()


def test_kubectl(tmp_path: Path) -> None:
    image = f"set image deployment/app app={REG}/app:1"
    for argv, stdout, name, verb in (
        (image, "deployment.apps/app image updated\n", "app", "image updated"),
        ("rollout undo deploy/app", "deployment.apps/app rolled back\n", "app", "rolled back"),
        ("rollout restart deploy/app", "deployment.apps/app restarted\n", "app", "restarted"),
        ("scale deploy/web-2 --replicas=2", "deployment.apps/web-2 scaled\n", "web-2", "scaled"),
        ("patch deploy/app -p {}", "deployment.apps/app patched\n", "app", "patched"),
    ):
        assert read(tmp_path, "kubectl", argv, stdout) == (
            Changed("production", "deployment", name, verb),
        )


def test_kubectl_lines_that_are_no_change(tmp_path: Path) -> None:
    for argv, stdout in (
        ("patch deploy/app -p {}", "deployment.apps/app patched (no change)\n"),
        (
            f"set image deploy/app app={REG}/a:1 --dry-run=server",
            "deployment.apps/app image updated (server dry run)\n",
        ),
        (f"set image deploy/app app={REG}/a:1", "deployment.apps/app image updated (dry run)\n"),
        ("get deployments", "deployment.apps/app scaled\n"),
        ("rollout undo deploy/app", "error: no rollout history found\n"),
    ):
        assert read(tmp_path, "kubectl", argv, stdout) == ()


def test_apply_changes_each_object_by_itself(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    stdout = "configmap/c unchanged\nservice/app created\ndeployment.apps/app configured\n"
    assert read(tmp_path, "kubectl", "apply -f c.yaml", stdout, 1) == (
        Changed("production", "service", "app", "created"),
        Changed("production", "deployment", "app", "configured"),
    )


def test_the_journal_sums_up(tmp_path: Path) -> None:
    policy = Policy.of(tmp_path, REG, "production")
    journal = Journal()

    def add(tool: Tool, line: str, stdout: str) -> int:
        argv = tuple(line.split())
        request = Request(tool, argv, str(tmp_path))
        decision = decide(policy, request)
        done = effects(policy, request, decision, 0, stdout)
        return journal.append(
            tool=tool, argv=argv, cwd=str(tmp_path), decision=decision, effects=done
        ).seq

    built = add("docker", f"build -t {REG}/app:1 .", BUILD % f"{REG}/app:1")
    refused = add("docker", "push evil.io/app", PUSH)
    looked = add("kubectl", "get pods", "")
    assert not journal.mutated_since(built)
    add("docker", f"push {REG}/app:1", PUSH)
    add("kubectl", f"set image deploy/app a={REG}/app:1", "deployment.apps/app image updated\n")
    add("kubectl", "rollout restart deploy/app", "deployment.apps/app restarted\n")
    assert (built, refused, looked) == (1, 2, 3)
    assert journal.built() == (Built(f"{REG}/app:1", "b2c3025f5932"),)
    assert journal.pushed() == (Pushed(f"{REG}/app:1", DIGEST),)
    assert journal.changed_deployments() == ("app",)
    assert journal.mutated_since(looked)
    assert [entry.decision.allowed for entry in journal.entries[:3]] == [True, False, True]


def keep(journal: Journal, argv: str, *effects: Effect, names: tuple[str, ...]) -> None:
    words = tuple(argv.split())
    decision = Decision(True, f"docker.{words[0]}", argv=words, mutates=True, images=names)
    journal.append(tool="docker", argv=words, cwd="/", decision=decision, effects=effects)


def test_an_image_is_ours_by_every_name_that_it_was_given() -> None:
    journal = Journal()
    image_id = "0123456789ab"
    keep(journal, "build -t a .", Built("a", image_id), names=("a",))
    keep(journal, "tag a a", Tagged("a", "a"), names=("a",))
    keep(journal, f"tag {image_id} b:1", Tagged(image_id, "b:1"), names=("b:1",))
    keep(journal, "tag theirs b:2", Tagged("theirs", "b:2"), names=("b:2",))

    assert journal.images() == {"a:latest": image_id, "b:1": image_id}


def test_a_name_counts_whatever_became_of_its_command() -> None:
    journal = Journal()
    keep(journal, "build -t gone .", names=("gone",))  # its client left before the end
    keep(journal, "tag x docker.io/library/y:1", names=("docker.io/library/y:1",))
    refused = Decision(False, "docker.build.taken", "no", images=("python:3.11",))
    journal.append(tool="docker", argv=("build",), cwd="/", decision=refused)

    assert journal.named() == {"gone:latest", "y:1"}
