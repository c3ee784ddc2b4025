"""What a prompt wants built, tagged or set, and nothing here has."""

import pytest

from tests.unit.agent.worlds import FILES, HOST, facts

NO_VERSION = {path: text for path, text in FILES.items() if path != "VERSION"}
STAGES = {
    **FILES,
    "Dockerfile": "FROM python:3.11-slim AS runtime\nCOPY app.py .\nCMD exec python3 app.py\n",
}
TAGS = {"web": ["1.0.0"]}


@pytest.mark.parametrize(
    ("prompt", "what"),
    [
        ("Build and push {registry}/web, tag from the VERSION file.", "VERSION"),
        ("标签用 pyproject.toml 的 version,构建推送 {registry}/web。", "pyproject.toml"),
        ("Tag: appVersion of Chart.yaml. Build, push {registry}/web.", "Chart.yaml"),
        ("标签取 build.env 里的 APP_VERSION,构建推送 {registry}/web,更新 web", "build.env"),
        ("Use the git tag on HEAD as tag: build, push {registry}/web.", "git tag"),
        ("当前提交上的 git 标签当镜像标签,构建推送 {registry}/web,更新 web。", "git tag"),
        ("Build services/api/Dockerfile, push {registry}/web:1.2.", "services/api/"),
        ("用 services/api 目录的 Dockerfile 构建 {registry}/web:1。", "services/api"),
        ("Build the stage `slim`, push {registry}/web:<short sha>, update web.", "stage slim"),
        ("Build {registry}/web:1.2 with --target slim, push it, update web.", "stage slim"),
        ("把 {registry}/web:1.5.0 打成 stable 标签并推送,web 用 stable。", "web:1.5.0"),
        ("Retag {registry}/web:1.5.0 as stable, push it, and let web run stable.", "web:1.5.0"),
        ("Deploy {registry}/web:latest to web; nothing is built.", "web:latest"),
        ("Build the branch release/2.0 and deploy it to web.", "release/2.0"),
        ("构建 release/2.0 分支并部署到 web。", "release/2.0"),
        ("Build commit deadbeef and deploy it to web.", "deadbeef"),
        ("把 web 的容器 sidecar 换成新构建的 {registry}/web:1.0.1。", "sidecar"),
        ("In web, the log-shipper container gets the new image.", "log-shipper"),
        ("Build, push docker.io/acme/web:1.0 and roll it out to web.", "docker.io/acme/web"),
    ],
)
def test_the_run_ends_with_what_is_not_here(prompt: str, what: str) -> None:
    files = {**NO_VERSION, "Dockerfile": STAGES["Dockerfile"]}
    found = facts(prompt, files=files, tags=TAGS)
    assert any(it.certain and what in it.text for it in found.obstacles)
    assert not found.commands


@pytest.mark.parametrize(
    "prompt",
    [
        "Build and push {registry}/web with the version in the VERSION file as tag, update web.",
        "Write 2.0.0 into build.env, build and push {registry}/web:<short sha>, update web.",
        "Build the branch main and deploy it to web.",
        "Build the release branch that is checked out and deploy it to web.",
        "Build commit abc1234 and deploy it to web.",
        "Do not build the branch release/2.0, build what is checked out, and update web.",
        "Build the stage `runtime`, push {registry}/web:<short sha>, update web.",
        "Tag the image {registry}/web:1.5.0, push it, and update web.",
        "Build {registry}/web:1.5.0, push it, tag it as stable too, and update web.",
        "In web, the running container should get the image of this commit, {registry}/web:<sha>.",
    ],
)
def test_what_is_here_stands_in_nobodys_way(prompt: str) -> None:
    found = facts(prompt, files=STAGES, tags=TAGS)
    assert not found.obstacles
    assert found.commands


@pytest.mark.parametrize(
    "prompt",
    [
        "Take the image that the annotation example.com/last-good of web names, and set it on web.",
        "取 ConfigMap channel 里键 tag 的值作为镜像标签,构建推送 {registry}/web,更新 web。",
        "Restart all deployments with the label line=bottling.",
        "Find the commit that fixes OPS-12, check it out, build {registry}/web, update web.",
    ],
)
def test_nothing_is_shown_that_is_made_without_what_is_not_read(prompt: str) -> None:
    assert not facts(prompt, files=STAGES, tags=TAGS).commands


def test_what_no_policy_allows_is_refused() -> None:
    for prompt in (
        "Make the container app of the deployment web privileged; the image stays the same.",
        "Mount /dev as a hostPath volume into web.",
    ):
        found = facts(prompt, tags=TAGS)
        assert any(it.certain and it.refused for it in found.obstacles)
    prompt = (
        "Build {registry}/web:1.1 as an unprivileged user, not as a privileged one; update web."
    )
    assert not facts(prompt, tags=TAGS).obstacles


def test_a_change_that_the_policy_has_no_rule_for_is_refused() -> None:
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], names: [web], verbs: [set-image, scale, rollout]}\n"
    )
    for prompt in (
        "Scale jobs to 0, web keeps as is.",
        "Restart jobs.",
        "Undo the rollout of jobs.",
    ):
        (found,) = facts(prompt, policy=policy).obstacles
        assert found.certain and found.refused and "jobs" in found.text
    assert not facts("Scale web to 3; jobs stays as is.", policy=policy).obstacles


def test_an_image_is_not_given_to_a_repository_of_others() -> None:
    theirs = f"{HOST}/partners/web:1.0.0"
    prompt = (
        f"Partners pull {{registry}}/web:1.0.0, so it has to be retagged and pushed as {theirs}."
    )
    (found,) = facts(prompt, expect="push", tags=TAGS).obstacles
    assert found.certain and found.refused and "partners" in found.text


SIZES = "eu-west:\n  replicas: 3\nap-southeast:\n  replicas: 4\n"
HISTORY = "build=1 app=web tag=1.0.0 result=FAILED\nbuild=2 app=jobs tag=7 result=PASSED\n"


@pytest.mark.parametrize(
    ("prompt", "text", "missing"),
    [
        (
            "Look up `replicas` in the section ap-south of sizes.yaml, and scale web to that.",
            SIZES,
            "sizes.yaml has no ap-south.",
        ),
        (
            "按 sizes.yaml 里 ap-south 这一段的 replicas 给 web 扩容。",
            SIZES,
            "sizes.yaml has no ap-south.",
        ),
        (
            "Take the tag of the last build of web with the result PASSED in sizes.yaml, set web "
            "to {registry}/web with it; nothing is built.",
            HISTORY,
            "sizes.yaml has no PASSED for web.",
        ),
    ],
)
def test_a_part_of_a_file_that_is_not_there(prompt: str, text: str, missing: str) -> None:
    tags = {"web": ["1.0.0"], "jobs": ["7"]}
    found = facts(prompt, files={**FILES, "sizes.yaml": text}, tags=tags)
    assert missing in [it.text for it in found.obstacles if it.certain]


@pytest.mark.parametrize(
    "prompt",
    [
        "Look up `replicas` in the section ap-southeast of sizes.yaml, and scale web to that.",
        "Add a section ap-south with 2 replicas to sizes.yaml, then scale web to 2 replicas.",
    ],
)
def test_a_part_that_is_there_or_is_to_be_made_stops_nothing(prompt: str) -> None:
    assert not facts(prompt, files={**FILES, "sizes.yaml": SIZES}).obstacles


def test_a_part_that_is_named_says_the_number_of_pods() -> None:
    prompt = "Look up `replicas` in the section ap-southeast of sizes.yaml, and scale web to that."
    found = facts(prompt, files={**FILES, "sizes.yaml": SIZES})
    assert "kubectl -n production scale deployment/web --replicas=4" in found.commands
