"""What no command changes is not answered with a new image."""

import pytest

from tests.unit.agent.worlds import REGISTRY, facts, short


@pytest.mark.parametrize(
    ("prompt", "what"),
    [
        ("Set the environment variable LOG_LEVEL=debug on web.", "environment variables"),
        ("给 web 加环境变量 LOG_LEVEL=debug 并重启", "environment variables"),
        ("Make web use at most 256Mi of memory.", "memory or CPU"),
        ("把 web 的内存限制调到 512Mi", "memory or CPU"),
        ("Expose web on port 80.", "ports and Services"),
        ("Pause the rollout of web.", "the pausing of rollouts"),
        ("Add a readiness probe to deployment web.", "probes, labels or annotations"),
        ("把 web 的更新策略改成 Recreate", "the update strategy or the pull policy"),
        ("Update the pull policy of web to Always.", "the update strategy or the pull policy"),
        ("Give web an autoscaler between 2 and 6 pods.", "autoscaling"),
    ],
)
def test_another_change_builds_nothing(prompt: str, what: str) -> None:
    """It built what is checked out, rolled it out, and counted as deployed."""
    found = facts(prompt)
    assert not found.commands
    assert any(what in it.text and it.certain for it in found.obstacles)


@pytest.mark.parametrize(
    "prompt",
    [
        "Put web live.",
        "Get web onto the cluster, please.",
        "Build {registry}/web with the environment variable MODE=fast in it, push it, roll it out.",
        "web 上线",
        "Deploy web; it listens on port 8080 and needs 64Mi of memory.",
        "Set LOG_LEVEL=debug in the Dockerfile as an environment variable, then release web.",
    ],
)
def test_a_deployment_with_such_words_is_one(prompt: str) -> None:
    found = facts(prompt)
    assert any(it.startswith("docker build ") for it in short(found.commands))
    assert not found.obstacles


def test_where_manifests_may_be_applied_the_model_is_told() -> None:
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [read, apply, rollout]}\n"
    )
    found = facts("Set the environment variable LOG_LEVEL=debug on web.", policy=policy)
    assert not found.commands and not any(it.certain for it in found.obstacles)


def test_down_and_up_again() -> None:
    for prompt in (
        "Scale web to 0, wait, and then scale it back to 2.",
        "先把 web 缩到 0 个副本,等它结束,然后再扩到 2 个副本",
    ):
        lines = [it for it in short(facts(prompt).commands) if it.startswith("scale")]
        assert lines == [
            "scale deployment/web --replicas=0",
            "scale deployment/web --replicas=2",
        ]


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("把两个 deployment 都重启一下", ["web", "jobs"]),
        ("把三个 deployment 都重启一下", []),
    ],
)
def test_as_many_as_there_are(prompt: str, lines: list[str]) -> None:
    found = short(facts(prompt).commands)
    assert [it for it in found if "restart" in it] == [
        f"rollout restart deployment/{it}" for it in lines
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "Check whether web is healthy.",
        "Show me the logs of web.",
        "看看 web 现在跑的是什么版本",
        "Is web up to date?",
        "What image does web run?",
        "Kill one pod of web to see if it comes back.",
        "Fix web.",
        "Update the README with the current version of web.",
        "web 挂了,修一下",
    ],
)
def test_what_orders_no_deployment_builds_nothing(prompt: str) -> None:
    """With the default `expect: deploy`, it built what is checked out and rolled it out."""
    found = facts(prompt)
    assert not found.commands
    assert any("expect: none" in it.text and it.certain for it in found.obstacles)


def test_a_prompt_that_is_too_long_is_left_to_the_model() -> None:
    assert not facts("Please have a look at web. " * 400).obstacles


def test_an_image_of_another_registry_is_none_to_build() -> None:
    found = facts("Set web's proxy container to docker.io/envoy/envoy:v2.")
    assert not found.commands and not found.obstacles


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("web 回到 0.9.0", ["rollout undo deployment/web --to-revision=1"]),
        ("把 jobs 停到 0 个副本", ["scale deployment/jobs --replicas=0"]),
        (
            "Restart everything.",
            ["rollout restart deployment/web", "rollout restart deployment/jobs"],
        ),
        ("Recycle jobs.", ["rollout restart deployment/jobs"]),
        ("把 jobs 恢复到 3 个副本", ["scale deployment/jobs --replicas=3"]),
        ("重启所有服务", ["rollout restart deployment/web", "rollout restart deployment/jobs"]),
    ],
)
def test_few_words(prompt: str, lines: list[str]) -> None:
    earlier = {"web": {"1": (f"{REGISTRY}/web:0.9.0",), "2": (f"{REGISTRY}/web:1.0.0",)}}
    found = short(facts(prompt, revisions=earlier).commands)
    assert [it for it in found if "status" not in it] == lines


def test_to_wait_for_somebody_elses_rollout_builds_nothing() -> None:
    assert not facts("Wait until web is rolled out.").commands


REVISIONS = {
    "web": {"1": (f"{REGISTRY}/web:0.9.0",), "2": (f"{REGISTRY}/web:1.0.0",)},
    "jobs": {"3": (f"{REGISTRY}/jobs:6",), "4": (f"{REGISTRY}/jobs:7",)},
}


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("Roll back web, restart jobs.", ["restart deployment/jobs", "undo deployment/web"]),
        ("回滚 web,重启 jobs", ["restart deployment/jobs", "undo deployment/web"]),
        ("web 扩到 3 副本并重启 jobs", ["deployment/web --replicas=3", "restart deployment/jobs"]),
        ("除了 jobs 都重启", ["restart deployment/web"]),
        ("Deploy tag 8 to jobs.", ["deployment/jobs worker=jobs:8"]),
        ("jobs 升级到 8", ["deployment/jobs worker=jobs:8"]),
        ("镜像 {registry}/web:2.0.0 已构建并推送,更新 web", ["deployment/web app=web:2.0.0"]),
        ("昨天构建的 {registry}/web:2.0.0 测试通过,部署到 web", ["deployment/web app=web:2.0.0"]),
        ("Update web to 4 replicas.", ["deployment/web --replicas=4"]),
        (
            "Redeploy web with the same image so it mounts the new secret.",
            ["restart deployment/web"],
        ),
        ("Reduce web to one pod to save memory.", ["deployment/web --replicas=1"]),
        ("web 的 HPA 已经删了,请手动扩到 5", ["deployment/web --replicas=5"]),
        ("web 切回上一个镜像", ["undo deployment/web"]),
    ],
)
def test_each_order_is_for_its_own(prompt: str, lines: list[str]) -> None:
    tags = {"web": ["0.9.0", "1.0.0", "2.0.0"], "jobs": ["6", "7", "8"]}
    found = [
        it
        for it in short(facts(prompt, tags=tags, revisions=REVISIONS).commands)
        if " status " not in it
    ]
    assert len(found) == len(lines)
    assert all(line.endswith(end) for line, end in zip(found, lines, strict=True))


@pytest.mark.parametrize(
    "prompt",
    [
        "Was web restarted today?",
        "Should we scale web to 5?",
        "Has web 2.0.0 been rolled out?",
        "Don't deploy anything, just tell me which version of web runs.",
        "Nobody may deploy web today.",
        "Find out why the last deploy of web failed.",
        "Print the tags in {registry}/web.",
        "查一下 web 最近一次重启是什么时候",
        "重启 web 会不会丢请求?",
        "检查 web 是否已经更新到 2.0.0",
        "告诉我上次部署 web 的时间",
    ],
)
def test_a_question_changes_nothing(prompt: str) -> None:
    found = facts(prompt, tags={"web": ["1.0.0", "2.0.0"]}, revisions=REVISIONS)
    assert not found.commands and any(it.certain for it in found.obstacles)


@pytest.mark.parametrize("prompt", ["部署 web 并检查 pod 状态", "部署 web 并看看日志"])
def test_a_look_afterwards_is_no_question(prompt: str) -> None:
    assert any("docker build" in it for it in facts(prompt).commands)


@pytest.mark.parametrize(
    "prompt",
    [
        "Build {registry}/web:v9 and push it, don't roll it out.",
        "Build and push {registry}/web:v9. Nothing gets deployed.",
        "构建并推送 {registry}/web:v9,集群不要动。",
    ],
)
def test_what_is_not_to_be_deployed_is_not(prompt: str) -> None:
    found = facts(prompt)
    assert not found.commands and "expect: push" in found.obstacles[0].text
    assert [it for it in facts(prompt, expect="push").commands if "push" in it]
