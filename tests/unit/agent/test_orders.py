"""What is ordered, and of which Deployment: tasks on what is there already, without a build."""

import pytest

from oi_deploy.agent import intents
from tests.unit.agent.worlds import FILES, REGISTRY, deployment, facts, short

WEB = deployment("web", "app=web:1.4.0")
API = deployment("api", "api=api:2.3.1", replicas=3)
WORKER = deployment("worker", "worker=worker:0.9.2", replicas=1)
CANARY = deployment("api-canary", "api=api:2.3.1", replicas=1)
ALL = (WEB, API, WORKER)
TAGS = {"web": ["1.4.0", "1.5.0", "rc"], "api": ["2.3.1", "2.4.0", "rc-7"]}
REVISIONS = {
    "web": {"4": ("r/web:1.3.0",), "5": ("r/web:1.3.2",), "6": ("r/web:1.4.0",)},
    "api": {"11": ("r/api:v2.2.0",), "12": ("r/api:v2.3.0",), "13": ("r/api:v2.3.1",)},
}
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {A: b}\n"
MANIFESTS = {**FILES, "k8s/config.yaml": MAP, "k8s/hpa.yaml": MAP, "k8s/service.yaml": MAP}
POLICY = (
    "version: 1\nnamespaces:\n  production:\n"
    "  - {kinds: [configmap], verbs: [apply]}\n  - {kinds: [deployment], verbs: [rollout]}\n"
)


@pytest.mark.parametrize(
    ("prompt", "chosen"),
    [
        ("Please scale worker to three. web is fine.", "worker"),
        ("worker is on 0.9.2. Get the web Deployment up, scale it to 5.", "web"),
        ("web is slow. Scale it to 5 and restart api. The weather is fine.", "web api"),
        ("worker is at 0.9.2. api is at 2.3.1. Restart both.", "api worker"),
        ("Canary went well: roll {registry}/api:2.4.0 out to api. api-canary has it.", "api"),
        ("Let api-canary run {registry}/api:2.4.0 next to api, which keeps 2.3.1.", "api-canary"),
        ("api keeps crashing, restart it", "api"),
        ("Restart all three deployments", "web api worker"),
        ("Restart both deployments", ""),
        ("Restart all deployments except worker.", "web api"),
        ("Restart everything but web, that is api", "api"),
        ("除了 worker,所有 deployment 都重启一遍", "web api"),
        ("Everything but api is on the new config already, restart api", "api"),
        ("除了 worker,还要重启 api", "api worker"),
        ("把除 web 以外的都重启", "api worker"),
        ("Do not restart all deployments", ""),
        ("Restart web; then wait until all deployments are ready", "web"),
        ("web:重启", "web"),
    ],
)
def test_which_deployments_an_order_is_about(prompt: str, chosen: str) -> None:
    known = (API, CANARY) if "canary" in prompt else ALL
    found = facts(prompt, expect="none", deployments=known, tags=TAGS).chosen
    assert sorted(found) == sorted(chosen.split())


@pytest.mark.parametrize(
    ("prompt", "new"),
    [
        ("Retag {registry}/api:rc-7 to 2.5.0 and push. No rebuild.", "2.5.0"),
        ("promote api rc-7 -> 2.5.0 ({registry}/api:rc-7), push only", "2.5.0"),
        ("把 {registry}/api:rc-7 打成 2.5.0 推上去,别重新构建", "2.5.0"),
        ("镜像{registry}/api:rc-7已通过验收,请再打一个标签stable并推送,不用构建", "stable"),
        ("把{registry}/api:rc-7以2.5.0的标签推送,不要重新打包", "2.5.0"),
        ("Promote rc-7 of {registry}/api to 2.5.0, push it. Not a rebuild!", "2.5.0"),
        ("promote\nfrom: {registry}/api:rc-7\nto: {registry}/api:2.5.0\nbuild: no", "2.5.0"),
        ("tag {registry}/api:rc-7 as {registry}/api:2.5.0 in the registry, zero rebuilds", "2.5.0"),
    ],
)
def test_an_image_that_is_there_gets_the_tag_that_it_becomes(prompt: str, new: str) -> None:
    lines = facts(prompt, expect="push", deployments=ALL, tags=TAGS).commands
    assert short(lines) == [
        "docker pull api:rc-7",
        f"docker tag api:rc-7 api:{new}",
        f"docker push api:{new}",
    ]


def test_the_image_that_runs_gets_a_tag_that_is_not_there_yet() -> None:
    prompt = "The image that web is currently running gets the tag {registry}/web:good; retag, push"
    found = facts(f"{prompt}. No build.", expect="push", deployments=ALL, tags=TAGS)
    assert short(found.commands)[-1] == "docker push web:good" and not found.obstacles


def test_a_reference_right_after_a_chinese_word_is_one() -> None:
    found = facts("把web更新到{registry}/web:1.5.0,等滚动更新完成", deployments=ALL, tags=TAGS)
    assert short(found.commands)[0] == "set image deployment/web app=web:1.5.0"


@pytest.mark.parametrize(
    ("prompt", "counts"),
    [
        ("把 web 的副本数调成4", {"web": 4}),
        ("web and api both struggle: web to 4 replicas, api to 6.", {"web": 4, "api": 6}),
        ("take one replica away from api", {"api": 2}),
        ("web现在2个副本不够,再加3个", {"web": 5}),
        ("api缩容到1个副本,web扩容到4个副本", {"api": 1, "web": 4}),
        ("Bring api down to zero for the night", {"api": 0}),
        ("Could you bump the replica count of api from 3 to 5?", {"api": 5}),
        ("Set replicas: web 3, api 2", {"web": 3, "api": 2}),
        ("scale web -> 4", {"web": 4}),
        ("api 副本数 3 -> 5", {"api": 5}),
        ("worker has one replica, which is too few. Make it three.", {"worker": 3}),
        ("Take web down to 1.3.0", {}),
        ("Report on the deployments of which the 副本数为 1, web too", {}),
    ],
)
def test_numbers_of_pods(prompt: str, counts: dict[str, int]) -> None:
    began = {item.name: item.replicas for item in ALL}
    found = facts(prompt, expect="none", deployments=ALL, began=began).commands
    lines = [line for line in short(found) if line.startswith("scale")]
    assert sorted(lines) == sorted(
        f"scale deployment/{name} --replicas={count}" for name, count in counts.items()
    )


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("web 恢复到 revision 5", "web --to-revision=5"),
        ("Revert api to what ran before 2.3.1", "api --to-revision=12"),
        ("revert api to 2.3.0 please, 2.3.1 breaks login", "api --to-revision=12"),
        ("Revert api, 2.3.1 breaks login", "api"),
        ("Revert 2.3.1 of api", "api"),
        ("api 回退,2.3.1 有问题", "api"),
        ("Roll api back to the version 2.2.0", "api --to-revision=11"),
        ("Roll web back to {registry}/web:1.3.0", "web --to-revision=4"),
        ("Roll api back to 9.0.0", ""),
        ("Roll back api to revision 42", ""),
        ("Roll back api to what ran before 2.2.0", ""),
    ],
)
def test_going_back_to_what_is_named_or_not_at_all(prompt: str, line: str) -> None:
    lines = facts(prompt, expect="none", deployments=ALL, revisions=REVISIONS).commands
    assert short(lines)[:1] == ([f"rollout undo deployment/{line}"] if line else [])


@pytest.mark.parametrize(
    ("prompt", "applied"),
    [
        ("Apply all manifests in k8s except k8s/hpa.yaml", "k8s/config.yaml k8s/service.yaml"),
        ("Apply the manifests in k8s, but not hpa.yaml", "k8s/config.yaml k8s/service.yaml"),
        ("应用 k8s 目录下的清单,k8s/hpa.yaml 除外", "k8s/config.yaml k8s/service.yaml"),
        ("Apply the manifests in k8s without k8s/hpa.yaml", "k8s/config.yaml k8s/service.yaml"),
        ("Apply service.yaml", "k8s/service.yaml"),
        ("k8s/service.yaml 已经改好。请应用这个文件(Service web)", "k8s/service.yaml"),
        ("Apply ingress.yaml", ""),
        ("先应用 k8s/config.yaml", "k8s/config.yaml"),
        (
            "我们今天要更新一下配置,所有的东西都已经在仓库里准备好了,麻烦应用\nk8s/config.yaml,谢谢",
            "k8s/config.yaml",
        ),
        ("k8s/config.yaml:A 从 b 调成 c,应用后重启 web", "k8s/config.yaml"),
    ],
)
def test_which_manifests_are_applied(prompt: str, applied: str) -> None:
    found = facts(prompt, expect="none", deployments=ALL, files=MANIFESTS, policy=POLICY).commands
    lines = [line for line in short(found) if "apply" in line]
    assert lines == [f"apply -f {path}" for path in applied.split()]


def test_an_earlier_image_without_a_revision_is_set() -> None:
    prompt = "web should go back to version 1.4.0, {registry}/web:1.4.0 is in the registry"
    item, one = deployment("web", "app=web:1.5.0"), {"web": {"1": ("r/web:1.5.0",)}}
    found = facts(prompt, deployments=[item], tags=TAGS, revisions=one)
    assert short(found.commands)[:1] == ["set image deployment/web app=web:1.4.0"]
    assert not found.obstacles


@pytest.mark.parametrize(
    "prompt",
    [
        "Write README.txt on how to roll back web to 1.3.0",
        "写 a.txt,说明如何重启 web",
        "List the tags of {registry}/web in tags.txt",
    ],
)
def test_what_is_no_order_gets_no_line(prompt: str) -> None:
    found = facts(prompt, expect="none", deployments=ALL, tags=TAGS, revisions=REVISIONS)
    assert found.commands == ()


def test_the_version_that_runs_is_not_the_one_to_deploy() -> None:
    prompt = "Update web to the latest commit; api is on 2.3.1 and gets its update next week"
    lines = short(facts(prompt, deployments=ALL, tags=TAGS).commands)
    assert not [line for line in lines if "2.3.1" in line]


def test_a_rollout_is_waited_for_in_chinese() -> None:
    lines = facts("等 api 滚动更新完成", expect="none", deployments=ALL).commands
    assert short(lines) == ["rollout status deployment/api"]


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("Take the deployment web from two to four replicas and wait until all are ready", 4),
        ("web should run with four replicas from now on. Wait for them.", 4),
        ("Give web four pods instead of two", 4),
        ("web needs twice the pods", 4),
        ("We are over-provisioned: web can do with a single pod", 1),
        ("Turn web off for the night (zero replicas)", 0),
        ("web 现在两个副本,不够用,改为四个", 4),
        ("让 web 跑 4 个 Pod", 4),
        ("web 只留一个副本", 1),
    ],
)
def test_a_number_of_pods_that_is_ordered_without_a_word_for_it(prompt: str, count: int) -> None:
    lines = short(facts(prompt, expect="none", deployments=ALL).commands)
    assert lines[0] == f"scale deployment/web --replicas={count}"


@pytest.mark.parametrize(
    "prompt",
    [
        "Wait until both pods of web are ready",
        "Write the state of web, which should have 4 pods, to state.txt",
        "Release web, 4 pods are usual for it",
        "web 平时是 4 个副本,发布新版本",
    ],
)
def test_a_number_of_pods_that_is_only_told(prompt: str) -> None:
    lines = facts(prompt, deployments=ALL, tags=TAGS).commands
    assert not [line for line in lines if " scale " in line]


@pytest.mark.parametrize(
    "prompt",
    [
        "Write the bounce rate of web to out.txt",
        "Report whether the pods of web were recreated last night",
        "Write to notes.md why the pods of web have to be recreated every week",
        "web 的 pod 重建时间写到 a.txt",
        "查一下 web 能不能重启,写到 a.txt",
        "看看 web 可不可以扩到 5 个,写到 a.txt",
        "Write to why.md why not to restart web",
        "Wait until 1 pod of web is ready",
        "Show the logs of 1 pod of web",
        "Check that web runs 4 replicas",
        "Why does web have 4 replicas?",
        "web: 4 pods are failing, have a look",
        "看看 web 是不是有 4 个副本",
        "等 web 的 4 个 pod 就绪",
        "背景:上周 worker 重启了 3 次,副本从 4 调到 6,已经处理完了。看看 web",
    ],
)
def test_what_is_looked_at_or_told_is_not_ordered(prompt: str) -> None:
    lines = facts(prompt, expect="none", deployments=ALL, tags=TAGS).commands
    assert not [it for it in lines if " scale " in it or " restart " in it or " undo " in it]


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("上下文:web 有问题,请回滚", "rollout undo deployment/web"),
        ("Context: web hangs, please restart it", "rollout restart deployment/web"),
        ("Background: too much traffic, scale web to 5", "scale deployment/web --replicas=5"),
        ("把 web 重启了", "rollout restart deployment/web"),
        ("能不能帮忙把 web 重启一下", "rollout restart deployment/web"),
        ("web 的版本 5 有 bug,请回滚", "rollout undo deployment/web"),
        ("回滚 web 到版本 5", "rollout undo deployment/web --to-revision=5"),
        ("Return web to revision 4", "rollout undo deployment/web --to-revision=4"),
        ("Please bounce the web pods", "rollout restart deployment/web"),
    ],
)
def test_orders_in_unusual_words(prompt: str, line: str) -> None:
    known = (WEB, API)
    lines = facts(prompt, expect="none", deployments=known, revisions=REVISIONS).commands
    assert short(lines)[0] == line


def test_a_blank_line_ends_a_sentence() -> None:
    said = "- docker/api.Dockerfile -> api\n\nTag: 1-<short sha>\n\nWhat failed:\n\n  no such file"
    assert intents.sentences(said) == (
        "docker/api.Dockerfile -> api",
        "Tag: 1-<short sha>",
        "What failed: no such file",
    )


def test_the_steps_of_a_list_are_sentences_of_their_own() -> None:
    steps = intents.sentences("Release:\n1) build it\n2. push it\n  10) deploy it\na) wait")
    assert steps == ("Release:", "build it", "push it", "deploy it", "wait")


PINNED = f"{REGISTRY}/web@sha256:{'9d1f0c7b' * 8}"


def test_an_image_that_is_named_by_its_digest_is_set_as_it_is() -> None:
    for prompt in (
        f"Nothing is built. Set the container app of the deployment web to {PINNED} and wait.",
        f"把 deployment web 换成 {PINNED},不要构建。",
    ):
        assert short(facts(prompt, tags=TAGS).commands) == [
            f"set image deployment/web app={PINNED.removeprefix(f'{REGISTRY}/')}",
            "rollout status deployment/web",
        ]
        (found,) = facts(prompt, tags=TAGS, absent=[PINNED]).obstacles
        assert found.certain and PINNED in found.text


def test_a_digest_that_is_not_to_be_used_is_none() -> None:
    prompt = f"Build {{registry}}/web:1.9, push it and update web. Do not use {PINNED} any more."
    assert "sha256" not in " ".join(facts(prompt, tags=TAGS).commands)
