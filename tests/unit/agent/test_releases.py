"""Build, push and roll out: prompts that were once misread, each for its cause."""

import pytest

from tests.unit.agent.worlds import COMMIT, FILES, JOBS, PYTHON, WEB, deployment, facts, short

FULL = f"{COMMIT}00000000000000000000000000000000"
GIT = {"branch": "feature/login", "--points-at": "v2.5.0"}
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {A: b}\n"
POLICY = (
    "version: 1\nnamespaces:\n  production:\n  - {kinds: [configmap], verbs: [apply]}\n"
    "  - {kinds: [deployment], verbs: [rollout, set-image]}\n"
)


def released(tag: str) -> list[str]:
    """The lines that release `web`."""
    return [
        f"docker build -t web:{tag} .",
        f"docker push web:{tag}",
        f"set image deployment/web app=web:{tag}",
        "rollout status deployment/web",
    ]


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        # An article is no prefix.
        ("Push to {registry}/web, tag is the short SHA with the prefix 'sha-'", f"sha-{COMMIT}"),
        # What a reference says of its tag.
        ("Push {registry}/web:debug-<short sha>", f"debug-{COMMIT}"),
        ("构建 and 推送 {registry}/web:sha-<short sha>", f"sha-{COMMIT}"),
        ("Push {registry}/web:build-$SHORT_SHA", f"build-{COMMIT}"),
        ("Push {registry}/web:build-${GIT_SHA}", f"build-{COMMIT}"),
        # Without a word for a tag.
        ("Push it to {registry}/web under the full commit SHA", FULL),
        ("Push it to {registry}/web; write the full commit SHA into log.txt", COMMIT),
        ("镜像 {registry}/web,版本取该目录的 VERSION", "2.4.1"),
        ("Push to {registry}/web, tag in the style of `git describe --tags`", "v2.5.0"),
        # What is not to be used, or was no good.
        ("Push to {registry}/web with the short sha. Do not push {registry}/web:latest", COMMIT),
        ("推送到 {registry}/web,标签短 SHA。不要推 {registry}/web:latest", COMMIT),
        ("Build {registry}/web:1.0.1 (not {registry}/web:latest), push", "1.0.1"),
        ("Build {registry}/web:1.0.6, push, run it in place of {registry}/web:1.0.4", "1.0.6"),
        ("Push {registry}/web:1.9.8. What runs, {registry}/web:1.9.7, has a bug", "1.9.8"),
        # A tag that was described before.
        (
            "The tag is the project's version as VERSION has it. Build, push {registry}/web "
            "with that tag",
            "2.4.1",
        ),
        # `latest` and its like only where they are a tag, and wanted.
        ("Build {registry}/web. Do not also tag it latest", COMMIT),
        ("Build {registry}/web and push it as stable as it gets", COMMIT),
        ("Build {registry}/web, call it v2 internally, tag 1.2.5", "1.2.5"),
        (
            "Build {registry}/web with tag 1.2.5. Both tags and labels in the Dockerfile stay",
            "1.2.5",
        ),
        # Whatever is said of the commit means its hash.
        ("Push to {registry}/web, tag should be the commit in short form", COMMIT),
        ("{registry}/web:1.9.9 is broken. Do a fresh build, tag 1.9.10, push", "1.9.10"),
    ],
)
def test_the_tag(prompt: str, tag: str) -> None:
    assert short(facts(f"{prompt}. Update web.", git=GIT).commands) == released(tag)


@pytest.mark.parametrize(
    "prompt",
    [
        "Push three tags of the image to {registry}/web: the short SHA and the version in VERSION.",
        "Push two tags of the image to {registry}/web: short SHA and time stamp. Update web",
        "web is on 1.0.0; we want 1.1.0. Build and push {registry}/web with that tag, update web",
        "Build {registry}/web:build-$FOO, push, update web",
        "Push to {registry}/web, update web. Image tag: rel/2.4.1 is not allowed, so use rel-2.4.1",
    ],
)
def test_a_tag_that_is_not_understood_makes_no_line(prompt: str) -> None:
    assert not facts(prompt).commands


@pytest.mark.parametrize(
    ("prompt", "tags"),
    [
        (
            "Push two tags of the image to {registry}/web: short SHA and version in VERSION",
            "abc1234 2.4.1",
        ),
        ("构建镜像,打两个标签:2.0 和 latest,推到 {registry}/web,更新 web", "2.0 latest"),
        (
            "把 image push 到 {registry}/web,打两个 tag,一个是 edge(覆盖旧的),"
            "一个是 short SHA,两个都要 push。更新 web",
            "abc1234 edge",
        ),
        (
            "Build {registry}/web under two tags, the short SHA and `edge`, push both, "
            "and let web run the one with the SHA.",
            "abc1234 edge",
        ),
    ],
)
def test_several_tags_of_one_image(prompt: str, tags: str) -> None:
    first, *more = tags.split()
    build, push, *rest = released(first)
    others = [
        f"docker {it}" for tag in more for it in (f"tag web:{first} web:{tag}", f"push web:{tag}")
    ]
    assert short(facts(prompt).commands) == [build, push, *others, *rest]


@pytest.mark.parametrize(
    "prompt",
    [
        "Build both services, tag both with the short SHA, push them as {registry}/jobs and "
        "{registry}/web, and roll them out to jobs and web.",
        "Build {registry}/web, tag it with two things in mind: the short SHA, speed. Update web",
        "Tag both images with the short SHA and roll web out",
    ],
)
def test_both_may_mean_something_else_than_two_tags(prompt: str) -> None:
    assert not [line for line in facts(prompt).commands if line.startswith("docker tag")]


@pytest.mark.parametrize(
    "prompt",
    [
        "Build {registry}/web:2.0 and {registry}/web:latest, push both, update web to 2.0",
        "Build {registry}/web:2.0 and also tag it latest, push both, update web",
        "构建 {registry}/web:2.0 推送,同时打上 latest 标签推送,更新 web",
    ],
)
def test_latest_may_be_a_tag_beside_its_own(prompt: str) -> None:
    tagged = ["docker tag web:2.0 web:latest", "docker push web:latest"]
    lines = released("2.0")
    assert short(facts(prompt).commands) == [*lines[:2], *tagged, *lines[2:]]


@pytest.mark.parametrize(
    "rest",
    [
        "Do not also tag it as latest",
        "It is also the latest one",
        "Both the latest apps are",
        "Today it runs {registry}/web:latest",
    ],
)
def test_latest_is_no_tag_where_it_is_not_said(rest: str) -> None:
    lines = facts(f"Build {{registry}}/web:2.0, push, update web. {rest}.").commands
    assert short(lines) == released("2.0")


@pytest.mark.parametrize(
    "story",
    [
        "Last week web was restarted by mistake.",
        "FYI web got scaled to 5 replicas yesterday.",
        "We restarted web twice.",
        "web keeps restarting.",
        "web restarts every hour.",
        "web 一直重启。",
        "web 昨天扩容到 4 个副本了。",
    ],
)
def test_what_is_only_told_is_not_done(story: str) -> None:
    prompt = f"{story} Build and push {{registry}}/web:3 and update web."
    assert short(facts(prompt).commands) == released("3")


@pytest.mark.parametrize(
    "order", ["I'd like web restarted", "Make sure web gets restarted", "今天上线之前重启 web"]
)
def test_what_is_wanted_in_the_same_words_is_done(order: str) -> None:
    lines = short(facts(order, expect="none").commands)
    assert lines == ["rollout restart deployment/web", "rollout status deployment/web"]


@pytest.mark.parametrize(
    "prompt",
    [
        "We release web today: build the image, push {registry}/web:3. The cluster has web and jobs"
        ". No restart of anything else.",
        "Only services/web needs a release. Build {registry}/web:3, push, roll out. jobs is done.",
        "Build {registry}/web:3, push, roll out. jobs is out of scope.",
        "发布:构建 {registry}/web:3 并推送;jobs 这次不发",
        "Build and push {registry}/web:3, then have the web deployment use it. The jobs deployment "
        "calls web, leave it alone.",
    ],
)
def test_who_is_named_beside_it_gets_no_image(prompt: str) -> None:
    assert short(facts(prompt).commands) == released("3")


def test_where_nothing_is_rolled_out_the_word_deployment_names_none() -> None:
    found = facts("publish {registry}/web:3. deployment comes later", expect="push")
    assert short(found.commands) == released("3")[:2]
    assert not facts("update deployment comes to {registry}/web:3").commands


@pytest.mark.parametrize(
    ("prompt", "file"),
    [
        ("Use the plain Dockerfile, not Dockerfile.prod", ""),
        ("别用 Dockerfile.prod", ""),
        ("Use Dockerfile.prod and never docker/debug.Dockerfile", " -f Dockerfile.prod"),
    ],
)
def test_a_dockerfile_that_is_not_to_be_used(prompt: str, file: str) -> None:
    files = {**FILES, "Dockerfile.prod": PYTHON, "docker/debug.Dockerfile": PYTHON}
    lines = facts(f"{prompt}. Build {{registry}}/web:3, push, update web.", files=files).commands
    assert short(lines)[0] == f"docker build -t web:3{file} ."


def test_manifests_that_others_apply_are_left_alone() -> None:
    prompt = "Build, push {registry}/web:3, update web. The manifests in k8s/ are applied by Flux, "
    files = {**FILES, "k8s/config.yaml": MAP}
    found = facts(f"{prompt} don't apply them.", files=files, policy=POLICY)
    assert short(found.commands) == released("3")
    found = facts("Apply the manifests in k8s/", files=files, policy=POLICY)
    assert short(found.commands)[0] == "apply -f k8s"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("The build needs RELEASE to be 4.0.0", " --build-arg RELEASE=4.0.0"),
        ("Set the build argument RELEASE to canary", " --build-arg RELEASE=canary"),
        ('Pass RELEASE="beta" to it', " --build-arg RELEASE=beta"),
        ("Set RELEASE to something that fits", ""),
    ],
)
def test_the_value_of_a_build_argument(words: str, value: str) -> None:
    files = {**FILES, "Dockerfile": f"FROM python:3.11-slim\nARG RELEASE=1\n{PYTHON[22:]}"}
    lines = facts(f"{words}. Build {{registry}}/web:3, push, update web.", files=files).commands
    assert short(lines)[0] == f"docker build -t web:3{value} ."


def test_another_deployment_may_get_the_image_where_it_is_said() -> None:
    canary = deployment("canary", "app=canary:1")
    prompt = "Build {registry}/web:3, push it. canary should run it, web is fine as it is."
    found = facts(prompt, deployments=(WEB, JOBS, canary))
    assert found.chosen == ("canary",)


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("构建镜像,标签为 web:$(git rev-parse --short HEAD),推送,更新 deployment web", "abc1234"),
        ("Build web:$(git rev-parse --short HEAD), push it, update the deployment web", "abc1234"),
        ("Tag it rc-$(git rev-parse --short HEAD), push, roll out web", "rc-abc1234"),
        ("镜像标签用 web:rc-$(git rev-parse --short=7 HEAD),发布 web", "rc-abc1234"),
    ],
)
def test_a_tag_that_a_shell_would_fill_in(prompt: str, tag: str) -> None:
    assert short(facts(prompt).commands)[1] == f"docker push web:{tag}"
