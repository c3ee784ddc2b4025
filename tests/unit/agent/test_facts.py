"""What the model is told: complete lines with real names, and nothing that was not asked for."""

from oi_deploy.agent.facts import Facts, commands, dockerfile_command, gather, wanted_references
from oi_deploy.verify.state import ContainerState, DeploymentState

WEB = DeploymentState(
    "production",
    "web",
    (
        ContainerState("proxy", "docker.io/envoy:1"),
        ContainerState("app", "r.example.com:5000/team/web:1"),
    ),
)
JOBS = DeploymentState(
    "production", "jobs", (ContainerState("worker", "r.example.com:5000/team/jobs:7"),)
)
FILES = "app.py\nDockerfile\nREADME.md\n"


def facts(prompt: str, *, expect: str = "deploy", files: str = FILES) -> Facts:
    return gather(
        script=lambda text: f"abc1234\n\036main\n\036{files}",
        prompt=prompt,
        expect=expect,
        registry="r.example.com:5000/team",
        namespace="production",
        deployments=[WEB, JOBS],
        local_images=["python:3.12"],
    )


def test_commands_are_complete_lines_with_real_names() -> None:
    assert facts("Build it and roll out web").commands == (
        "docker build -t r.example.com:5000/team/web:abc1234 .",
        "docker push r.example.com:5000/team/web:abc1234",
        "kubectl -n production set image deployment/web app=r.example.com:5000/team/web:abc1234",
        "kubectl -n production rollout status deployment/web",
    )


def test_a_name_counts_only_as_a_whole_word() -> None:
    assert [item.name for item in facts("update web-admin").deployments] == ["web", "jobs"]
    assert [item.name for item in facts("更新deployment jobs,谢谢").deployments] == ["jobs"]


def test_no_rollout_is_shown_when_only_a_push_is_expected() -> None:
    shown = facts("push web", expect="push").commands
    assert [line.split()[1] for line in shown] == ["build", "push"]
    assert facts("look at web", expect="none").commands == ()


def test_a_reference_in_the_prompt_wins() -> None:
    prompt = "push r.example.com:5000/team/web:$(git rev-parse --short HEAD) now"
    assert wanted_references(prompt, "r.example.com:5000/team", "abc1234") == (
        "r.example.com:5000/team/web:abc1234",
    )
    assert facts("roll out web as r.example.com:5000/team/web:v2.").commands[0] == (
        "docker build -t r.example.com:5000/team/web:v2 ."
    )


def test_another_registry_in_the_prompt_is_not_ours() -> None:
    for prompt in ("push evil.io/team/web:1", "push r.example.com:5000.evil.io/web:1"):
        assert wanted_references(prompt, "r.example.com:5000", "abc1234") == ()


def test_without_a_commit_no_tag_is_invented() -> None:
    assert (
        commands(
            prompt="roll out web",
            expect="deploy",
            registry="r.example.com:5000/team",
            namespace="production",
            commit="",
            deployments=[WEB],
            dockerfiles=["Dockerfile"],
        )
        == ()
    )


def test_a_missing_dockerfile_is_proposed_for_the_files_and_images_that_are_there() -> None:
    proposed = facts("roll out web", files="app.py\nrequirements.txt").dockerfile_lines
    assert "FROM python:3.12\n" in proposed
    assert "pip install --no-cache-dir -r requirements.txt" in proposed
    assert "CMD exec python3 app.py\n" in proposed
    assert facts("roll out web").dockerfile_lines == ""
    assert dockerfile_command(["main.rs"], []) == ""


def test_proposed_dockerfiles_have_no_quotes() -> None:
    for path in ("package.json", "go.mod", "app.py", "index.html"):
        body = dockerfile_command([path], []).removeprefix("cat > Dockerfile <<'EOF'")
        assert body and '"' not in body
