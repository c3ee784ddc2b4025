"""What a prompt is answered with: complete lines, and nothing that it does not ask for."""

import re

import pytest

from oi_deploy.agent.progress import State, render
from tests.unit.agent.worlds import (
    COMMIT,
    FILES,
    JOBS,
    PYTHON,
    REGISTRY,
    WEB,
    deployment,
    facts,
    short,
)

USUAL = [
    f"docker build -t web:{COMMIT} .",
    f"docker push web:{COMMIT}",
    f"set image deployment/web app=web:{COMMIT}",
    "rollout status deployment/web",
]

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {A: b}\n"
MAPS = (
    "version: 1\nnamespaces:\n  production:\n"
    "  - {kinds: [configmap], verbs: [apply]}\n  - {kinds: [deployment], verbs: [rollout]}\n"
)


@pytest.mark.parametrize(
    "prompt",
    [
        "Build it and roll out web",
        "Please biuld teh imgae, psuh it to {registry}/web and udpate web",
        "请构建镜像,推送到 {registry}/web,标签用短 SHA,然后更新 deployment web",
        "把代码做成镜像放进 {registry}/web,让 web 用上它",
        "Build {registry}/web:$(git rev-parse --short HEAD). If the rollout fails, roll back. "
        "There are two replicas, do not scale web. jobs belongs to another team.",
        "Ship the Deployment `web`; the release is today.",
        "更新 web。旁边的 jobs 别动",
        "请build镜像并push到{registry}/web,然后更新deployment web",
        "打包web这个服务并发布",
        "修复早已在当前提交里,线上的 web 还是旧代码,镜像放进 {registry}/web,换成新的",
    ],
)
def test_build_push_and_rollout_of_what_is_meant(prompt: str) -> None:
    assert short(facts(prompt).commands) == USUAL


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("the tag is the version in the VERSION file", "2.4.1"),
        ("标签取自 VERSION 文件", "2.4.1"),
        ("标签用VERSION文件里的版本", "2.4.1"),
        ("tagged with the git tag of this commit", "v2.4"),
        ("tag it with today's date", "2026-03-09"),
        ("以日期 yyyymmdd 作为标签", "20260309"),
        ("tag: the branch name and the short SHA (branch-sha)", f"feature-x-{COMMIT}"),
        ("标签为 版本号-短SHA", f"2.4.1-{COMMIT}"),
        (
            "标签由两段拼成:VERSION 文件里的版本号,加一个减号,再加当前提交的短哈希",
            f"2.4.1-{COMMIT}",
        ),
        ("tag: the branch name, an underscore, and the short commit hash", f"feature-x_{COMMIT}"),
        ("with the hash as tag and the version in the dashboard", COMMIT),
        ("镜像 tag = 小写字母 v + VERSION 里的 version(例如 tag 就是 v0.8.15)", "v2.4.1"),
        ("the tag is the version in VERSION, prefixed with a v", "v2.4.1"),
        ("tag it as stable", "stable"),
        ("with the tag v3.0.0-rc.1", "v3.0.0-rc.1"),
        ("标签用完整的哈希", f"{COMMIT}00000000000000000000000000000000"),
        ("tag it with the short commit hash, today please", COMMIT),
        ("tag it with the branch", "feature-x"),
    ],
)
def test_the_tag_that_the_prompt_asks_for(prompt: str, tag: str) -> None:
    git = {"branch": "feature/x", "--points-at": "v2.4"}
    lines = facts(f"Build and push {{registry}}/web, {prompt}. Update web.", git=git).commands
    assert short(lines)[0] == f"docker build -t web:{tag} ."


def test_a_tag_that_a_shell_makes_stays_as_it_is() -> None:
    lines = facts("Build {registry}/web:$(cat VERSION)-$(git rev-parse --short HEAD); roll out web")
    assert short(lines.commands)[0] == f"docker build -t web:$(cat VERSION)-{COMMIT} ."


def test_without_a_commit_no_tag_is_invented() -> None:
    assert facts("roll out web", git={"log": ""}).commands == ()


def test_a_push_needs_no_rollout_and_a_chore_no_build() -> None:
    lines = short(facts("push {registry}/web", expect="push").commands)
    assert lines == USUAL[:2]
    assert facts("have a look at web", expect="none").commands == ()


@pytest.mark.parametrize(
    "prompt",
    [
        "Let web run {registry}/web:1.5.0",
        "不要构建,让 deployment web 使用 {registry}/web:1.5.0",
        "Let web run 1.5.0; the image is already in the registry",
        "Take the image {registry}/web, version 1.5.0, from the registry and run it in web",
    ],
)
def test_an_image_that_is_there_is_not_built(prompt: str) -> None:
    lines = facts(prompt, tags={"web": ["1.0.0", "1.5.0"]}).commands
    assert short(lines) == [
        "set image deployment/web app=web:1.5.0",
        "rollout status deployment/web",
    ]


@pytest.mark.parametrize(
    ("prompt", "expect"),
    [
        ("Promote {registry}/web:rc-2 to {registry}/web:2.0.0; do not build.", "push"),
        ("给 {registry}/web:rc-2 再打上标签 2.0.0 并推送,无需构建", "push"),
        ("Retag {registry}/web:rc-2 as 2.0.0 and push it", "push"),
        ("把 {registry}/web:rc-2 原封不动地发布成 {registry}/web:2.0.0,严禁重新打包", "push"),
        (
            "这个 build 可以上线了。请把 {registry}/web:rc-2 原样 retag 成 {registry}/web:2.0.0 "
            "and push it(不要 rebuild,digest 必须一致)",
            "push",
        ),
    ],
)
def test_another_tag_for_an_image_that_is_there(prompt: str, expect: str) -> None:
    lines = facts(prompt, expect=expect, tags={"web": ["rc-2"]}).commands
    assert short(lines) == [
        "docker pull web:rc-2",
        "docker tag web:rc-2 web:2.0.0",
        "docker push web:2.0.0",
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "Retag for me: {registry}/web:lkg becomes the very image that the deployment web runs at"
        " this\nmoment, not the newest one. lkg exists already. No build, just retag and push.",
        "把 deployment web 现在跑的那个镜像再打一个标签 {registry}/web:lkg 推上去,不要构建",
    ],
)
def test_the_image_that_runs_gets_another_tag(prompt: str) -> None:
    lines = facts(prompt, expect="push", tags={"web": ["0.9.0", "1.0.0", "1.1.0", "lkg"]}).commands
    assert short(lines) == [
        "docker pull web:1.0.0",
        "docker tag web:1.0.0 web:lkg",
        "docker push web:lkg",
    ]


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("scale web to four", 4),
        ("把 web 扩容到五个副本", 5),
        ("Please run 3 replicas of web", 3),
        ("web 需要 6 个副本", 6),
        ("Reduce the replicas of web from 2 to 1", 1),
        ("web 缩到 1 个副本", 1),
        ("把web扩到4个副本", 4),
        ("web 现在 2 个 pod 扛不住,先加到 4 个,确认 4 个都 Ready 再结束", 4),
        ("web is too slow, go to three pods", 3),
    ],
)
def test_scaling(prompt: str, count: int) -> None:
    assert short(facts(prompt, expect="none").commands) == [
        f"scale deployment/web --replicas={count}",
        "rollout status deployment/web",
    ]


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("web needs one more replica, scale it", 5),
        ("scale web up by two", 6),
        ("Please add 2 pods to web", 6),
        ("add another replica to web", 5),
        ("increase the replicas of web by 3", 7),
        ("scale web down by one", 3),
        ("remove a replica from web", 3),
        ("run web with one pod fewer, scale it", 3),
        ("double the replicas of web", 8),
        ("halve the replicas of web", 2),
        ("给 web 再加两个副本", 6),
        ("web 增加 1 个副本", 5),
        ("web 减少两个副本", 2),
        ("web 的副本数翻倍", 8),
        ("把 web 的副本数增加到 6 个", 6),
        ("web 的副本数减半", 2),
        ("raise the replicas of web by one to 5", 5),
    ],
)
def test_scaling_counts_from_what_was_there_before_the_run(prompt: str, count: int) -> None:
    before = (deployment("web", "app=web:1.0.0", replicas=4),)
    line = f"scale deployment/web --replicas={count}"
    found = facts(prompt, expect="none", deployments=before, began={"web": 4})
    assert short(found.commands)[:1] == [line]
    after = (deployment("web", "app=web:1.0.0", replicas=count),)
    again = facts(prompt, expect="none", deployments=after, began={"web": 4})
    assert again.commands == ()


def test_a_version_that_is_not_meant_is_not_taken() -> None:
    prompt = "web 回到升级前的那个版本(应该是 1.1.0,不是更早的 1.0.0)。不需要重新构建。"
    for rest in ("", "恢复之后确认 Pod 全部就绪。"):
        found = facts(prompt + rest, revisions=REVISIONS, tags={"web": ["1.0.0", "1.1.0", "1.2.0"]})
        assert short(found.commands)[0] == "rollout undo deployment/web --to-revision=2"


def test_a_build_that_fails_is_not_one_that_is_denied() -> None:
    for words in ("doesn't build any more", "can't be built now", "fails to build"):
        prompt = (
            f"The image {words}, put the Dockerfile straight. Then ship {{registry}}/web:2 to web"
        )
        lines = short(facts(prompt, tags={"web": ["1.0.0"]}).commands)
        assert lines[0] == "docker build -t web:2 ."
    assert not facts("Do not build anything. Ship {registry}/web:2 to web").commands


@pytest.mark.parametrize("held", ["TAG", "$TAG", "${TAG}", "<tag>", "v<version>", "VERSION-SHA"])
def test_a_placeholder_is_no_tag(held: str) -> None:
    prompt = (
        f"Push {{registry}}/web:{held}. The tag is the version in VERSION, a hyphen, the short SHA"
    )
    lines = short(facts(prompt, expect="push").commands)
    assert lines[-1] == "docker push web:2.4.1-abc1234"


def test_a_git_tag_without_what_it_begins_with() -> None:
    for words in (
        "镜像标签取当前提交的 git tag 去掉 release- 之后的部分(比如 release-1.2.3 对应 1.2.3)",
        "The image's tag is the git tag without the prefix `release-`",
    ):
        git = {"--points-at": "release-2.4.18", "--list": "release-2.4.18"}
        found = facts(f"推送 {{registry}}/web。{words}", expect="push", git=git)
        assert short(found.commands)[-1] == "docker push web:2.4.18"


def test_a_monorepo_s_git_tag() -> None:
    prompt = "Push {registry}/web with the part of the git tag after the slash as the tag"
    lines = short(facts(prompt, expect="push", git={"--points-at": "web/0.7.3"}).commands)
    assert lines[-1] == "docker push web:0.7.3"


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("Build {registry}/web:2 with CHANNEL set to beta", "--build-arg CHANNEL=beta ."),
        ("构建 {registry}/web:2,构建参数 CHANNEL=beta。", "--build-arg CHANNEL=beta ."),
        ("构建 {registry}/web:2,把 CHANNEL 设为 beta", "--build-arg CHANNEL=beta ."),
        ("Build {registry}/web:2; it has an argument CHANNEL", "web:2 ."),
    ],
)
def test_build_arguments(prompt: str, line: str) -> None:
    files = {**FILES, "Dockerfile": "ARG CHANNEL=stable\n" + PYTHON}
    assert facts(prompt, files=files, expect="push").commands[0].endswith(line)


@pytest.mark.parametrize(
    ("prompt", "value"),
    [
        ("Build web with the short SHA and pass the same as the build argument GIT_SHA", COMMIT),
        ("构建 web 并更新,构建参数 GIT_SHA 传完整的提交哈希", f"{COMMIT}{'0' * 32}"),
        ("Build and roll out web with tag 7; pass the tag as build arg GIT_SHA, too", "7"),
        ("Build and roll out web. GIT_SHA shows the commit in the page.", ""),
        ("Build web with --build-arg GIT_SHA=$(git rev-parse --short HEAD)", COMMIT),
        ("build web,记得带 --build-arg GIT_SHA=$(date +%s)", "$(date"),
        ("Build web with `--build-arg GIT_SHA=v7.1`, then roll it out", "v7.1"),
    ],
)  # fmt: skip
def test_a_build_argument_that_is_only_described(prompt: str, value: str) -> None:
    files = {**FILES, "Dockerfile": f"{PYTHON}ARG GIT_SHA=unknown\n"}
    line = next(it for it in facts(prompt, files=files).commands if it.startswith("docker build"))
    assert re.findall(r"GIT_SHA=(\S+)", line) == ([value] if value else [])


def test_each_deployment_is_scaled_to_its_own_number() -> None:
    for prompt in (
        "web 调整为 4 个副本,jobs 调整为 3 个副本",
        "Scale web to 4 pods and jobs to 3, please",
    ):
        lines = short(facts(prompt, expect="none").commands)
        assert [line for line in lines if "scale" in line] == [
            "scale deployment/web --replicas=4",
            "scale deployment/jobs --replicas=3",
        ]


def test_what_must_not_be_built_again_is_not_built() -> None:
    prompt = (
        "{registry}/web:rc 已经验收通过。不用再构建,直接把这个镜像以标签 3.2.0 推送,"
        "再更新 deployment web"
    )
    lines = short(facts(prompt, tags={"web": ["1.0.0", "rc"]}).commands)
    assert lines[:3] == [
        "docker pull web:rc",
        "docker tag web:rc web:3.2.0",
        "docker push web:3.2.0",
    ]


def test_what_is_so_already_is_not_asked_for() -> None:
    assert facts("scale web to 2 replicas", expect="none").commands == ()


REVISIONS = {"web": {"1": ("r/web:1.0.0",), "2": ("r/web:1.1.0",), "3": ("r/web:1.2.0",)}}


@pytest.mark.parametrize(
    ("prompt", "to"),
    [
        ("Roll web back to the previous version", ""),
        ("把 web 回滚到 1.0.0", " --to-revision=1"),
        ("1.2.0 is bad: undo it, web had 1.1.0 before", " --to-revision=2"),
        ("roll back web by two versions", " --to-revision=1"),
        ("rollback web to revision 2", " --to-revision=2"),
        ("web 恢复到上一个版本", ""),
        ("把web回滚到1.0.0的版本", " --to-revision=1"),
        ("Go back to 1.1.0 in web", " --to-revision=2"),
        (
            "revision 2 of web was good, so take it back to revision 2 - no builds",
            " --to-revision=2",
        ),
    ],
)
def test_going_back(prompt: str, to: str) -> None:
    lines = facts(prompt, revisions=REVISIONS).commands
    assert short(lines) == [f"rollout undo deployment/web{to}", "rollout status deployment/web"]


def test_manifests_and_a_restart() -> None:
    files = {**FILES, "deploy/settings.yaml": MAP}
    prompt = "Apply deploy/settings.yaml and restart web"
    assert short(facts(prompt, expect="none", files=files, policy=MAPS).commands) == [
        "apply -f deploy/settings.yaml",
        "rollout restart deployment/web",
        "rollout status deployment/web",
    ]
    # What the policy forbids is not proposed.
    assert not [
        line for line in facts(prompt, expect="none", files=files).commands if "apply" in line
    ]


def test_a_deployment_that_a_manifest_makes() -> None:
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [apply, set-image]}\n"
    )
    manifest = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fresh}\nspec:\n  template:\n"
        f"    spec: {{containers: [{{name: main, image: {'r.example.com:5000/team/fresh:0'}}}]}}\n"
    )
    lines = facts(
        "First apply k8s/fresh.yaml, then build {registry}/fresh for the deployment fresh.",
        files={**FILES, "k8s/fresh.yaml": manifest},
        policy=policy,
    ).commands
    assert short(lines) == [
        "apply -f k8s/fresh.yaml",
        f"docker build -t fresh:{COMMIT} .",
        f"docker push fresh:{COMMIT}",
        f"set image deployment/fresh main=fresh:{COMMIT}",
        "rollout status deployment/fresh",
    ]


@pytest.mark.parametrize(
    ("prompt", "edited"),
    [
        ("Build {registry}/fresh, apply k8s/fresh.yaml, which makes fresh, and set the new image"
         " in it.", False),
        ("Build {registry}/fresh, write the new image into k8s/fresh.yaml, and apply it.", True),
        ("构建 {registry}/fresh 并推送,把 k8s/fresh.yaml 里的镜像换成新的,再应用它", True),
    ],
)  # fmt: skip
def test_a_manifest_is_changed_where_its_own_image_is_meant(prompt: str, edited: bool) -> None:
    manifest = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fresh}\nspec:\n  template:\n"
        "    spec:\n      containers:\n        - name: main\n"
        "          image: r.example.com:5000/team/fresh:0\n"
    )
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [apply, set-image]}\n"
    )
    found = facts(prompt, files={**FILES, "k8s/fresh.yaml": manifest}, policy=policy)
    assert any(line.startswith("sed -i ") for line in found.commands) is edited


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("Apply k8s/web.yaml, then build {registry}/web, push it and update web", "apply"),
        ("Build {registry}/web, push it, apply k8s/web.yaml, then update web", "docker"),
        ("先构建 {registry}/web 并推送,再应用 k8s/web.yaml,然后更新 web", "docker"),
    ],
)
def test_manifests_are_applied_where_the_prompt_has_them(prompt: str, first: str) -> None:
    """A small model that takes the prompt's order leaves out a line that stands elsewhere."""
    manifest = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n"
        "    spec: {containers: [{name: app, image: web}]}\n"
    )
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [apply, set-image]}\n"
    )
    files = {**FILES, "k8s/web.yaml": manifest}
    lines = short(facts(prompt, files=files, policy=policy).commands)
    assert lines[0].startswith(first)
    assert [line.split()[0] for line in lines[:3]].count("apply") == 1


def test_a_manifest_that_is_not_to_be_applied_is_not() -> None:
    policy = "version: 1\nnamespaces:\n  production:\n  - {kinds: [configmap], verbs: [apply]}\n"
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    files = {**FILES, "k8s/new.yaml": manifest, "old/old.yaml": manifest}
    for prompt in (
        "应用 k8s/new.yaml。web 保持原样,old/old.yaml 不要应用。",
        "Apply k8s/new.yaml. The files in old are for a training room and must not be applied.",
    ):
        found = facts(prompt, expect="none", files=files, policy=policy)
        assert short(found.commands) == ["apply -f k8s/new.yaml"]


def test_what_stands_for_the_tag_in_a_manifest_is_filled_in() -> None:
    manifest = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n"
        "    spec:\n      containers:\n      - name: app\n"
        "        image: r.example.com:5000/team/web:__TAG__\n"
    )
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [deployment], verbs: [apply, set-image]}\n"
    )
    prompt = "Build {registry}/web, put the short SHA for __TAG__ in k8s/web.yaml, and apply it."
    found = facts(prompt, files={**FILES, "k8s/web.yaml": manifest}, policy=policy)
    assert short(found.commands)[2:4] == [
        f"sed -i 's#__TAG__#{COMMIT}#' k8s/web.yaml",
        "apply -f k8s/web.yaml",
    ]
    assert not found.edits
    # A plain word is a part of others; without a word for it, it is the tag.
    plain = {**FILES, "k8s/web.yaml": manifest.replace("__TAG__", "TAG") + "# STAGING\n"}
    found = facts(prompt.replace("__TAG__", "the placeholder TAG"), files=plain, policy=policy)
    assert short(found.commands)[2] == f"sed -i 's#:TAG#:{COMMIT}#' k8s/web.yaml"
    found = facts("Build {registry}/web:TAG and apply k8s/web.yaml.", files=plain, policy=policy)
    assert "sed" not in " ".join(found.commands)
    # Only what the prompt names.
    other = manifest.replace("__TAG__", "__OTHER__")
    found = facts(prompt, files={**FILES, "k8s/web.yaml": other}, policy=policy)
    assert "sed" not in " ".join(found.commands)


@pytest.mark.parametrize(
    ("prompt", "set_image"),
    [
        ("Build {registry}/pair and update both containers of pair", "api=pair:T worker=pair:T"),
        ("Build {registry}/pair and update pair, only its container worker", "worker=pair:T"),
        ("Build {registry}/pair and update pair", "api=pair:T worker=pair:T"),
    ],
)
def test_several_containers(prompt: str, set_image: str) -> None:
    pair = deployment("pair", "api=pair:1", "worker=pair:1", "log=docker.io/fluentd:1")
    lines = short(facts(prompt, deployments=[pair, JOBS]).commands)
    assert lines[2].replace(COMMIT, "T") == f"set image deployment/pair {set_image}"


def test_several_images_with_a_dockerfile_each() -> None:
    files = {f"{name}/{path}": text for name in ("web", "jobs") for path, text in FILES.items()}
    lines = facts("Build {registry}/web and {registry}/jobs; update deployments web and jobs.",
                  files=files).commands  # fmt: skip
    assert short(lines) == [
        f"docker build -t web:{COMMIT} web",
        f"docker push web:{COMMIT}",
        f"docker build -t jobs:{COMMIT} jobs",
        f"docker push jobs:{COMMIT}",
        f"set image deployment/web app=web:{COMMIT}",
        f"set image deployment/jobs worker=jobs:{COMMIT}",
        "rollout status deployment/web",
        "rollout status deployment/jobs",
    ]


@pytest.mark.parametrize(
    ("path", "copies", "line"),
    [
        ("web/Dockerfile", "app.py", "docker build -t web:T web"),
        ("web/Dockerfile", "web/app.py", "docker build -t web:T -f web/Dockerfile ."),
        ("build/web.Dockerfile", "web/app.py", "docker build -t web:T -f build/web.Dockerfile ."),
    ],
)
def test_the_context_is_where_the_copied_files_are(path: str, copies: str, line: str) -> None:
    files = {path: f"FROM python:3.11-slim\nCOPY {copies} ./\n", "web/app.py": "", "jobs/x.py": ""}
    assert short(facts("roll out web", files=files).commands)[0].replace(COMMIT, "T") == line


def test_the_dockerfile_that_is_named_is_meant() -> None:
    files = {**FILES, "Dockerfile.debug": PYTHON}
    prompt = "用 Dockerfile.debug 构建(不是默认那个 Dockerfile),推送 {registry}/web:1-debug"
    assert short(facts(prompt, expect="push", files=files).commands)[0] == (
        "docker build -t web:1-debug -f Dockerfile.debug ."
    )


def test_the_one_in_the_root_is_meant_where_that_is_said() -> None:
    files = {**FILES, "Dockerfile.dev": PYTHON}
    for prompt in (
        "用根目录的 Dockerfile 构建(Dockerfile.dev 是调试用的,别用错了),再更新 web",
        "Use the Dockerfile in the root (Dockerfile.dev is for our laptops), and roll out web",
    ):
        assert short(facts(prompt, files=files).commands)[0] == f"docker build -t web:{COMMIT} ."


def test_the_word_dockerfile_means_none_for_certain() -> None:
    files = {**FILES, "teams/growth/web/Dockerfile": PYTHON, "teams/growth/web/app.py": ""}
    files["teams/growth/web/VERSION"] = "1\n"
    prompt = (
        "The Dockerfile in the root is NOT what I want; web is in teams/growth/web. Roll out web"
    )
    line = short(facts(prompt, files=files).commands)[0]
    assert line == f"docker build -t web:{COMMIT} teams/growth/web"


def test_a_missing_dockerfile_is_written_first() -> None:
    files = {"app.py": "", "requirements.txt": "flask==3.1.0\n"}
    line = facts("roll out web", files=files, images=["python:3.12"]).commands[0]
    assert line.startswith("cat > Dockerfile <<'EOF'\nFROM python:3.12\n")
    assert "pip install --no-cache-dir -r requirements.txt" in line
    assert "CMD exec python3 app.py\n" in line
    # Without an image, no line sets it.
    assert facts("roll out web", files={"main.rs": ""}).commands == ()
    files = {"server/run.py": "", "server/util.py": "", "config/x.json": ""}
    prompt = (
        "No Dockerfile here, write one: the entry point is server/run.py, USER 10001. Roll out web"
    )
    line = facts(prompt, files=files).commands[0]
    assert line.endswith("COPY . .\nUSER 10001\nCMD exec python3 server/run.py\nEOF")


def test_a_dockerfile_with_a_stage_that_makes_the_files() -> None:
    files = {"app.py": "", "pack.py": ""}
    prompt = "Write a multi-stage Dockerfile: `python3 pack.py` fills the folder out. Roll out web."
    line = facts(prompt, files=files).commands[0]
    assert "RUN python3 pack.py\nFROM" in line and "COPY --from=build /src/out/ ./" in line


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("COPY app.py", "COPY ap.py", "sed -i '3s#ap.py#app.py#' Dockerfile"),
        ("python3 app.py", "python3 server.py", "sed -i '4s#server.py#app.py#' Dockerfile"),
        ("WORKDIR /app", "RUN cat VERSION", "sed -i -e '2{h;d}' -e '3G' Dockerfile"),
    ],
)
def test_what_is_surely_wrong_in_a_dockerfile_is_mended_first(
    old: str, new: str, line: str
) -> None:
    files = {**FILES, "Dockerfile": PYTHON.replace(old, new)}
    assert facts("roll out web", files=files).commands[0] == line


def test_a_file_that_was_renamed_is_copied_and_started() -> None:
    dockerfile = PYTHON.replace("app.py", "server.py")
    files = {"Dockerfile": dockerfile, "main.py": "", "VERSION": "1\n", "tests/x.py": ""}
    assert facts("roll out web", files=files).commands[:2] == (
        "sed -i '3s#server.py#main.py#' Dockerfile",
        "sed -i '4s#server.py#main.py#' Dockerfile",
    )
    two = {**files, "other.py": ""}
    assert "sed" not in facts("roll out web", files=two).commands[0]


def test_a_file_that_git_does_not_know_is_not_missing() -> None:
    files = {**FILES, "Dockerfile": PYTHON.replace("COPY app.py", "COPY dist.tar app.py")}
    assert "sed" not in facts("roll out web", files=files, hidden={"dist.tar": ""}).commands[0]


def test_a_base_image_is_only_looked_at_where_the_prompt_doubts_it() -> None:
    files = {**FILES, "Dockerfile": PYTHON.replace("3.11-slim", "3.11-slin")}
    assert "sed" not in facts("roll out web", files=files).commands[0]
    line = facts("roll out web; its base image is misspelt", files=files).commands[0]
    assert line == "sed -i '1s#python:3.11-slin#python:3.11-slim#' Dockerfile"


@pytest.mark.parametrize(
    ("base", "right"),
    [
        ("ngnix:1.29", "nginx:1.29"),
        ("pyhton:3.12-slim", "python:3.12-slim"),
        ("ndoe:22", "node:22"),
        ("python:3.12-slin", "python:3.12-slim"),
        ("node:22-apline", "node:22-alpine"),
        # They may be there, under names of their own.
        ("node:22-slim", ""),
        ("node:22-alpine3.20", ""),
        ("pythons/app:1", ""),
        ("r.example.com/ngnix:1", ""),
        ("noda:1", ""),
        ("mono:6.12", ""),
        ("golang:1.25-rc", ""),
    ],
)
def test_a_base_image_whose_name_is_misspelt(base: str, right: str) -> None:
    files = {**FILES, "Dockerfile": PYTHON.replace("python:3.11-slim", base)}
    found = facts("Roll out web. If the build fails, repair the Dockerfile.", files=files).commands
    assert found[0] == f"sed -i '1s#{base}#{right}#' Dockerfile" if right else "sed" not in found[0]


def test_a_command_that_is_one_word_of_a_list_is_put_right() -> None:
    whole = '["python3 app.py --port 8080"]'
    files = {**FILES, "Dockerfile": PYTHON.replace("exec python3 app.py", whole)}
    line = "sed -i '4s#.*#CMD exec python3 app.py --port 8080#' Dockerfile"
    assert facts("Roll out web", files=files).commands[0] == line


PAIR = deployment("pair", "api=pair-api:1.0.0", "front=pair-front:1.0.0", "log=log:3")


@pytest.mark.parametrize(
    "prompt",
    [
        "deployment pair 的两个容器一起升级:\n| api | 根目录 | {registry}/pair-api:2 |\n"
        "| front | front/ | {registry}/pair-front:2 |\n容器 log 别碰。",
        "Build {registry}/pair-api:2 (root of the repo)\nand {registry}/pair-front:2 (folder"
        " front),\npush both, then update both containers in the deployment pair",
    ],
)
def test_two_images_of_one_deployment(prompt: str) -> None:
    files = {**FILES, "front/Dockerfile": PYTHON, "front/app.py": "", "front/VERSION": "1\n"}
    assert short(facts(prompt, files=files, deployments=(PAIR, JOBS)).commands) == [
        "docker build -t pair-api:2 .",
        "docker push pair-api:2",
        "docker build -t pair-front:2 front",
        "docker push pair-front:2",
        "set image deployment/pair api=pair-api:2 front=pair-front:2",
        "rollout status deployment/pair",
    ]


def test_an_image_that_runs_already_is_not_built() -> None:
    prompt = (
        "Build {registry}/pair-api:2 for deployment pair; {registry}/log:3 stays in container log"
    )
    assert short(facts(prompt, deployments=(PAIR, JOBS)).commands)[-2:] == [
        "set image deployment/pair api=pair-api:2",
        "rollout status deployment/pair",
    ]


def test_folders_are_found_by_the_end_of_an_image_s_name() -> None:
    files = {f"{folder}/{name}": text for folder in ("api", "web") for name, text in FILES.items()}
    prompt = (
        "Build and roll out {registry}/shop-web:2 in shop-web and {registry}/shop-api:2 in shop-api"
    )
    both = (deployment("shop-web"), deployment("shop-api"))
    found = short(facts(prompt, files=files, deployments=both).commands)
    assert "docker build -t shop-web:2 web" in found and "docker build -t shop-api:2 api" in found


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        (
            "两个 deployment:web 是正式的,jobs 是灰度的。只给 jobs 换上。"
            "正式的 web 今天一个字都别改。",
            "jobs",
        ),
        ("Roll the new image out to jobs only; web runs another version.", "jobs"),
        ("web and jobs use it, but only restart jobs with the new image", "jobs"),
        ("jobs 和 web 都在跑旧版,web 先别动,jobs 换成新镜像", "jobs"),
    ],
)
def test_only_one_of_the_deployments(prompt: str, name: str) -> None:
    assert facts(prompt).chosen == (name,)


def test_a_deployment_that_runs_something_else_does_not_get_the_image() -> None:
    prompt = "Build {registry}/web:2, the deployment web gets it. If you see the deployment jobs: "
    for rest in ("not ours, a different team's.", "that one has a job queue."):
        lines = facts(prompt + rest).commands
        assert not any("deployment/jobs" in line for line in lines) and len(lines) == 4
    both = facts("Build {registry}/web:2 and roll it out to the deployments web and jobs").commands
    assert sum("set image" in line for line in both) == 2


def test_reports() -> None:
    lines = facts("把每个 deployment 的镜像列出,写入 images.txt", expect="none").commands
    assert len(lines) == 1 and lines[0].endswith("> images.txt") and "get deployments" in lines[0]
    pods = facts("查看所有 pod,写入 pods.txt", expect="none").commands
    assert short(pods) == ["get pods -o wide > pods.txt"]
    lines = facts("Wait for web, and report its state in state.md", expect="none").commands
    assert short(lines)[0] == "rollout status deployment/web"
    assert "get deployment web" in lines[1] and "-v h='| Name | Image |" in lines[1]


@pytest.mark.parametrize(
    ("prompt", "condition"),
    [
        ("Write a table s.md: deployments that have just one replica", "$3 == 1"),
        ("Report in s.md the deployments with more than 2 replicas", "$3 > 2"),
        ("写报告 s.md:集群里只列出副本少于 2 的 deployment", "$3 < 2"),
        ("Report to s.md those deployments that are not fully ready", "$4 < $3"),
        ("写一份表格 s.md:只列出没有全部就绪的 deployment", "$4 < $3"),
    ],
)
def test_a_report_on_some_deployments(prompt: str, condition: str) -> None:
    (line,) = facts(prompt, expect="none").commands
    assert f" {condition} {{print b, $1, b, $2, b, $3, b, $4, b}}' > s.md" in line


def test_no_report_where_it_is_not_known_which_are_wanted() -> None:
    prompt = "Write a report s.md: those that have an old image in the cluster"
    assert facts(prompt, expect="none").commands == ()


def test_a_report_on_a_data_file_is_none_on_the_cluster() -> None:
    files = {**FILES, "jobs.csv": "service,ms\nweb,3\n"}
    prompt = "Write a table to s.md: the ms of jobs.csv per service. Do not touch the cluster."
    assert not any("kubectl" in line for line in facts(prompt, expect="none", files=files).commands)


@pytest.mark.parametrize(
    ("prompt", "heads"),
    [
        ("Write a table s.md: columns Deployment, Image and Ready for all deployments.",
         "Deployment | Image | Ready"),
        ("写表格 s.md,列为 名称、镜像,每个 deployment 一行", "名称 | 镜像"),
        ("写表格 s.md,每个 deployment 一行,列出名称、镜像。", "名称 | 镜像"),
        ("Write a table of all deployments to s.md, the columns have to be narrow",
         "Name | Image | Replicas | Ready"),
        ("List all deployments with their images in a table in s.md",
         "Name | Image | Replicas | Ready"),
        ("把没有就绪的 deployment 列到 s.md 的表格里,不要改动集群",
         "Name | Image | Replicas | Ready"),
    ],
)  # fmt: skip
def test_the_columns_of_a_table_in_words(prompt: str, heads: str) -> None:
    (line,) = facts(prompt, expect="none").commands
    assert f" | awk -v h='| {heads} |' -v l=" in line and line.endswith("> s.md")


def test_images_of_every_deployment_are_a_report() -> None:
    prompt = "Write s.txt with name and image of every deployment in the cluster."
    (line,) = facts(prompt, expect="none").commands
    assert "get deployments" in line and line.endswith("> s.txt")


def test_a_report_as_a_list() -> None:
    prompt = "Write a bullet list of all deployments in the cluster to s.md, one with its image"
    (line,) = facts(prompt + ". Report only.", expect="none").commands
    assert line.endswith("{print d, $1, $2, $3, $4}' > s.md") and "awk -v d=- '" in line


def test_a_report_with_the_columns_that_the_prompt_has() -> None:
    prompt = "Write a table of all deployments to T.md:\nImage | Deployment | Ready\nReady as 1/3"
    (line,) = facts(prompt, expect="none").commands
    assert " -v h='| Image | Deployment | Ready |' -v l='|---|---|---|' -v b" in line
    assert "C0:.spec.template.spec.containers[*].image,C1:.metadata.name," in line
    assert line.endswith("print b, $1, b, $2, b, $3 s $4, b}' > T.md")
    (line,) = facts(prompt.replace("1/3", "a number"), expect="none").commands
    assert line.endswith("print b, $1, b, $2, b, $3, b}' > T.md")


@pytest.mark.parametrize(
    ("prompt", "applied"),
    [
        (
            "deploy/a.yaml was merged; kubectl apply it and restart web.\n"
            "There's also deploy/b.yaml, which isn't approved yet, leave it out.",
            ["deploy/a.yaml"],
        ),
        ("Apply deploy/a.yaml and leave deploy/b.yaml alone, restart web", ["deploy/a.yaml"]),
        ("应用 deploy/a.yaml 并保持 deploy/b.yaml 不变,重启 web", ["deploy/a.yaml"]),
        ("Apply deploy/a.yaml without editing it and restart web", ["deploy/a.yaml"]),
        (
            "Apply the manifests in deploy, but leave deploy/b.yaml out. Restart web",
            ["deploy/a.yaml"],
        ),
        (
            "Apply deploy/a.yaml. The one in deploy/b.yaml is somebody else's; leave it alone. "
            "Restart web",
            ["deploy/a.yaml"],
        ),
        (
            "Apply the manifests (deploy/b.yaml belongs to another cluster). Restart web",
            ["deploy/a.yaml"],
        ),
        ("In deploy/a.yaml all is new. Apply all manifests in deploy. Restart web", ["deploy"]),
        ("Apply the manifests, restart web", ["deploy"]),
    ],
)
def test_manifests_that_are_to_be_left_out_get_no_line(prompt: str, applied: list[str]) -> None:
    files = {"deploy/a.yaml": MAP, "deploy/b.yaml": MAP}
    commands = facts(prompt, expect="none", files=files, policy=MAPS).commands
    lines = [line for line in commands if "apply" in line]
    assert lines == [f"kubectl -n production apply -f {path}" for path in applied]


@pytest.mark.parametrize(
    "prompt",
    [
        "Push {registry}/web and move web to it. web-cron uses that image too but is pinned to "
        "1.0.0 -- don't upgrade that one.",
        "The Deployment web is slow, scale it to 5 and do not restart it. Restart jobs.",
        "web runs 1.0.0, move it to {registry}/web:2.0.0 without downtime. Restart jobs.",
        "web 现在是 1.0.0,把它更新到 {registry}/web:2.0.0 且不要重新构建,再重启 jobs。",
    ],
)
def test_a_deployment_is_left_out_only_where_that_is_said_of_it(prompt: str) -> None:
    cron = deployment("web-cron", "app=web:1.0.0")
    chosen = facts(prompt, deployments=[WEB, JOBS, cron]).chosen
    assert "web" in chosen and "web-cron" not in chosen


def test_only_the_rest_is_shown_when_the_deployment_is_done() -> None:
    known = facts("Push {registry}/web and write its digest to digest.txt", expect="push")
    text = render("x", known, State(closing="Done.", deployed=True))
    assert "> digest.txt" in text and "docker push" not in text


def test_the_digest_of_what_was_pushed() -> None:
    prompt = "Push {registry}/web and write its digest to digest.txt"
    lines = short(facts(prompt, expect="push").commands)
    assert lines[-1].startswith("docker inspect") and lines[-1].endswith("> digest.txt")


def test_lines_have_no_characters_that_end_a_string() -> None:
    prompts = [
        "roll out web",
        "把每个 deployment 列出,写入 a.md",
    ]
    for prompt in prompts:
        for expect in ("deploy", "none"):
            for line in facts(prompt, expect=expect, files={"app.py": "", "d/x": ""}).commands:
                assert '"' not in line and "\\" not in line


def test_no_lines_for_others_when_several_could_be_meant() -> None:
    assert facts("roll it out").commands == ()
    assert short(facts("roll it out", deployments=[WEB]).commands) == USUAL


def test_a_file_that_is_said_to_be_gone_goes_out_of_the_dockerfile() -> None:
    text = FILES["Dockerfile"].replace("COPY app.py", "COPY rates.csv app.py")
    files, order = {**FILES, "Dockerfile": text}, "Build and roll out web."
    gone = facts(f"rates.csv was removed last week. {order}", files=files).commands
    assert "sed -i '3s#rates.csv ##' Dockerfile" in gone
    for other in ("Run ./gen.sh, which makes rates.csv.", "Create rates.csv with eur,1 in it."):
        lines = facts(f"{other} {order}", files=files).commands
        assert not [line for line in lines if line.startswith("sed")]


def test_a_prompt_that_is_too_long_to_be_read_gets_no_lines() -> None:
    story = " ".join(f"In sprint {number} we did thing {number * 7}." for number in range(400))
    assert not facts(f"Build and roll out web. {story}").commands
    # What nobody means is no length.
    assert facts("Build and roll out web." + "-=" * 9000 + "\n" * 9000).commands


def test_what_a_pod_wrote_before_it_ended_mends_the_image() -> None:
    python = "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py ./\nCMD exec python3 app.py\n"
    files = {
        "Dockerfile": python,
        "app.py": "def load(name):\n    return open(name).read()\n\n\nload('texts/hello.txt')\n",
        "texts/hello.txt": "hello\n",
    }
    prompt = "Build {registry}/web:1.1, push it and update web."
    log = "app wrote: FileNotFoundError: [Errno 2] No such file or directory: 'texts/hello.txt'"
    now = [deployment("web", "app=web:1.1")]

    before = short(facts(prompt, files=files, deployments=[WEB]).commands)
    after = short(facts(prompt, files=files, deployments=now, failures=log).commands)

    assert not any(line.startswith("sed") for line in before)
    assert after == [
        "sed -i '4i COPY texts/hello.txt ./texts/' Dockerfile",
        "docker build -t web:1.1 .",
        "docker push web:1.1",
        "set image deployment/web app=web:1.1",
        # Its pods would go on with the image that they have.
        "rollout restart deployment/web",
        "rollout status deployment/web",
    ]


def test_pods_restart_where_they_are_to_read_a_configuration_that_is_applied() -> None:
    policy = (
        "version: 1\nnamespaces:\n  production:\n"
        "  - {kinds: [configmap], verbs: [apply]}\n"
        "  - {kinds: [deployment], verbs: [set-image, rollout]}\n"
    )
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {A: b}\n"
    files = {**FILES, "config/words.yaml": config}
    expected = [
        "apply -f config/words.yaml",
        "rollout restart deployment/web",
        "rollout status deployment/web",
    ]
    for prompt in (
        "Apply the ConfigMap config/words.yaml and make sure the pods of web use it. No new image.",
        "应用 config/words.yaml 这个 ConfigMap,不用构建,确保 web 的 pod 读到新值。",
    ):
        assert short(facts(prompt, files=files, policy=policy).commands) == expected
    # A new image brings new pods.
    prompt = (
        "Apply config/words.yaml, build and push {registry}/web, and let the pods of web use it."
    )
    assert not any("restart" in it for it in facts(prompt, files=files, policy=policy).commands)


def test_an_image_may_be_pushed_by_a_run_that_deploys_nothing() -> None:
    prompt = "Build the image and push it as {registry}/web:$(git rev-parse --short HEAD)."
    lines = [f"docker build -t web:{COMMIT} .", f"docker push web:{COMMIT}"]
    assert short(facts(prompt, expect="none").commands) == lines
    prompt = "Write a note on how we build and push {registry}/web:1.0.0 into NOTES.md."
    assert not facts(prompt, expect="none", tags={"web": ["1.0.0"]}).commands


def test_a_deployment_as_kubectl_writes_it_is_one_unless_it_is_a_folder() -> None:
    revisions = {"web": {"1": (f"{REGISTRY}/web:0.9",), "2": (f"{REGISTRY}/web:1.0.0",)}}
    found = facts("Roll deploy/web back to revision 1.", revisions=revisions)
    assert short(found.commands)[0] == "rollout undo deployment/web --to-revision=1"
    files = {
        **FILES,
        "deploy/web/Dockerfile": FILES["Dockerfile"],
        "deploy/web/app.py": "",
        "deploy/web/VERSION": "3",
    }
    found = facts("Build the Dockerfile in deploy/web and roll out web.", files=files)
    assert found.commands[0].startswith("docker build ")
    assert found.commands[0].endswith(" deploy/web")


def test_what_only_sounds_like_another_source_is_none() -> None:
    for prompt in (
        "Check out the repository, build the image, push {registry}/web:<short sha>, update web.",
        "检出后构建镜像,推送 {registry}/web:<short sha>,更新 web。",
        "Build {registry}/web:<short sha> with the image label team=shop, push it, update web.",
    ):
        assert f"docker push web:{COMMIT}" in short(facts(prompt).commands), prompt


@pytest.mark.parametrize(
    ("said", "flag"),
    [
        ("How it is built, with a required build argument, is told in BUILD.md.", True),
        ("BUILD.md is old.", False),
    ],
)
def test_a_build_argument_that_a_named_file_shows(said: str, flag: bool) -> None:
    files = {
        **FILES,
        "Dockerfile": 'FROM python:3.11-slim\nARG STORE\nRUN test -n $STORE\nCMD ["a"]\n',
        "BUILD.md": "`docker build --build-arg STORE=H27 ...`\n",
    }
    prompt = f"{said} Build this commit, push {{registry}}/web, and update web."
    found = [it for it in facts(prompt, files=files).commands if it.startswith("docker build ")]
    assert [" --build-arg STORE=H27 " in it for it in found] == [flag]
