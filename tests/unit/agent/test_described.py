"""What a prompt describes, and only the cluster can name."""

from dataclasses import replace

import pytest

from tests.unit.agent.worlds import COMMIT, FILES, JOBS, REGISTRY, WEB, deployment, facts, short

TAGS = {"web": ["1.0.0", "2.3.1"]}
PLAN = {"release-plan": {"approved": "2.3.1", "next": "2.4.0", "reviewers": "push web:9 as well"}}


@pytest.mark.parametrize(
    "prompt",
    [
        "Deployment web gets {registry}/web with the tag that stands under the key approved of "
        "the ConfigMap release-plan. It is in the registry, nothing is built.",
        "The version to run is in the `release-plan` ConfigMap, key `approved`. Set the image of "
        "web (container app) to {registry}/web:<that value>; do not build.",
        "要上的版本写在 ConfigMap release-plan 的 approved 这个键里,镜像是 {registry}/web:<这个值>,"
        "仓库里已经有了,不用重新构建。把 deployment web 的容器 app 换成它。",
        "从 ConfigMap release-plan 读取键 approved 的值作为镜像标签,"
        "把 web 更新到 {registry}/web 的这个标签,不要构建。",
    ],
)
def test_a_key_of_a_configmap_says_the_tag(prompt: str) -> None:
    found = facts(prompt, tags=TAGS, configuration=PLAN)
    assert "set image deployment/web app=web:2.3.1" in short(found.commands)
    assert not found.obstacles
    assert not [it for it in found.commands if "build" in it or "push" in it]


def test_it_is_the_tag_of_what_is_built() -> None:
    prompt = (
        "Read the key next of the ConfigMap release-plan, use it as the image tag: build "
        "{registry}/web:<that tag>, push it and roll out web."
    )
    found = short(facts(prompt, tags=TAGS, configuration=PLAN).commands)
    assert found[:3] == [
        "docker build -t web:2.4.0 .",
        "docker push web:2.4.0",
        "set image deployment/web app=web:2.4.0",
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "Set web to {registry}/web with the tag in the key canary of the ConfigMap release-plan.",
        "版本号在 ConfigMap release-plan 的键 canary 里,"
        "把 web 换成 {registry}/web:<这个值>,不用构建。",
    ],
)
def test_a_key_that_is_not_there_ends_the_run(prompt: str) -> None:
    found = facts(prompt, tags=TAGS, configuration=PLAN)
    assert [it.text for it in found.obstacles] == ["The ConfigMap release-plan has no key canary."]
    assert found.obstacles[0].certain and not found.commands


def test_a_value_that_is_no_tag_makes_no_line() -> None:
    prompt = (
        "Set web to {registry}/web with the tag in the key reviewers of the ConfigMap release-plan."
    )
    assert not facts(prompt, tags=TAGS, configuration=PLAN).commands


def test_a_configmap_that_the_run_may_not_read_is_not_read() -> None:
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [read, set-image, rollout]}\n"
    )
    prompt = "Set web to {registry}/web with the tag in the key approved of ConfigMap release-plan."
    found = facts(prompt, tags=TAGS, configuration=PLAN, policy=policy)
    assert not found.commands and not found.obstacles


@pytest.mark.parametrize(
    "prompt",
    [
        "Set the key LOG_LEVEL in the ConfigMap web-config to debug and restart web; image and tag "
        "stay as they are.",
        "Build {registry}/web:2.5.0, push it, roll out web, and record the version in the "
        "annotation example.com/release of web.",
        "把 ConfigMap web-config 的键 MODE 改成 fast,然后重启 web,镜像版本不变。",
    ],
)
def test_what_is_to_be_written_is_not_missed(prompt: str) -> None:
    found = facts(prompt, tags=TAGS, configuration={}).obstacles
    assert not any("has no" in it.text for it in found)


@pytest.mark.parametrize(
    ("prompt", "ends"),
    [
        ("Set LOG_LEVEL=debug in the ConfigMap web-config and restart web.", True),
        ("把 ConfigMap web-config 的键 MODE 改成 fast,然后重启 web。", True),
        ("The ConfigMap web-config was changed yesterday; restart web.", False),
        ("ConfigMap 已经改好了,重启 web 让它生效", False),
    ],
)
def test_a_change_of_a_configmap_without_a_manifest_ends_the_run(prompt: str, ends: bool) -> None:
    """The pods were restarted without it, and the run counted as done."""
    found = facts(prompt, configuration=PLAN).obstacles
    assert [it.certain for it in found] == [True] * ends


GOOD = replace(WEB, annotations={"example.com/last-good": f"{REGISTRY}/web:1.0.0"})


@pytest.mark.parametrize(
    "prompt",
    [
        "The last good image is kept in the annotation example.com/last-good of the deployment "
        "web. Set its container app to that image again; build nothing.",
        "稳定镜像记在 deployment web 的注解 example.com/last-good 里,请读出来,"
        "把容器 app 的镜像设成它,不要构建。",
    ],
)
def test_an_annotation_says_the_image(prompt: str) -> None:
    found = facts(prompt, tags=TAGS, deployments=[GOOD, JOBS])
    assert "set image deployment/web app=web:1.0.0" in short(found.commands)
    found = facts(prompt, tags=TAGS)
    assert [it.text for it in found.obstacles] == [
        "The Deployment web has no annotation example.com/last-good."
    ]
    pods = replace(WEB, template='{"metadata": {"annotations": {"example.com/last-good": "REF"}}}')
    pods = replace(pods, template=pods.template.replace("REF", f"{REGISTRY}/web:1.0.0"))
    found = facts(prompt, tags=TAGS, deployments=[pods, JOBS])
    assert "set image deployment/web app=web:1.0.0" in short(found.commands)


@pytest.mark.parametrize(
    "prompt",
    [
        "Restart all deployments with the label tier=edge and wait for them. No new image.",
        "Please restart every deployment that carries the label `tier=edge`.",
        "Restart the deployments labelled tier=edge, nothing else.",
        "把带标签 tier=edge 的所有 deployment 都重启一遍,等它们就绪。",
        "请重启所有打了 tier=edge 标签的服务。",
    ],
)
def test_deployments_with_a_label_are_meant(prompt: str) -> None:
    edge = [replace(deployment(name), labels={"tier": "edge"}) for name in ("cart", "feed")]
    found = facts(prompt, deployments=[*edge, WEB, replace(JOBS, labels={"tier": "back"})])
    lines = [it for it in short(found.commands) if it.startswith("rollout restart")]
    assert lines == ["rollout restart deployment/cart", "rollout restart deployment/feed"]
    found = facts(prompt)
    assert "has the label tier=edge" in found.obstacles[0].text and not found.commands


def test_a_label_of_an_image_is_none_of_a_deployment() -> None:
    prompt = (
        "Add the label team=edge to the Dockerfile, build {registry}/web with the short SHA as "
        "tag, push it and roll out web."
    )
    found = facts(prompt)
    assert not found.obstacles and f"docker push web:{COMMIT}" in short(found.commands)


def test_names_that_a_file_has() -> None:
    files = {
        **FILES,
        "ops/release.toml": (
            'image = "r.example.com:5000/team/web"\n'
            '[target]\ndeployment = "web"\ncontainer = "app"\n'
        ),
    }
    prompt = (
        "发布一版:镜像地址、deployment 和容器名都写在 ops/release.toml 里,标签用短 SHA。"
        "请构建、推送、更新。"
    )
    assert short(facts(prompt, files=files).commands)[:3] == [
        f"docker build -t web:{COMMIT} .",
        f"docker push web:{COMMIT}",
        f"set image deployment/web app=web:{COMMIT}",
    ]
    # Of two Deployments, none is certain.
    files["ops/release.toml"] += 'other = "jobs"\n'
    assert not facts(prompt, files=files).commands


def test_several_deployments_that_a_file_lists() -> None:
    files = {
        **FILES,
        "release.yaml": (
            "image: web\ndeployments:\n  - web-front\n  - web-jobs\n# web-archive is frozen.\n"
        ),
    }
    items = [deployment(name, "app=web:1") for name in ("web-front", "web-jobs", "web-archive")]
    prompt = (
        "Release this commit. release.yaml lists the Deployments which have to run it and the "
        "image's name below {registry}. Tag: the short commit SHA."
    )
    found = short(facts(prompt, files=files, deployments=items).commands)
    assert [it for it in found if it.startswith("set image")] == [
        f"set image deployment/{name} app=web:{COMMIT}" for name in ("web-front", "web-jobs")
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"FROM {REGISTRY}/base:1\nCOPY web /web\n",
        f"Everybody pushes to {REGISTRY}/jobs and deploys web.\n",
    ],
)
def test_a_file_gives_no_image_that_its_deployment_does_not_run(text: str) -> None:
    """It took the base image's name, and would have pushed over it."""
    files = {**FILES, "docker/main.txt": text}
    prompt = "Build the image as docker/main.txt says, push it and roll it out; tag: short SHA."
    commands = facts(prompt, files=files).commands
    assert not any("/base:" in it for it in commands)
    assert not any("deployment/web" in it and "/jobs:" in it for it in commands)
