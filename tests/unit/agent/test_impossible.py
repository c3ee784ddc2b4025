"""What cannot be done is known before the model is asked; what only may be so is not certain."""

import pytest

from tests.unit.agent.worlds import FILES, JOBS, WEB, facts

ONE = {"web": {"1": ("r/web:1",)}, "jobs": {"6": ("r/jobs:6.1",), "7": ("r/jobs:7",)}}


@pytest.mark.parametrize(
    ("prompt", "said", "refused"),
    [
        ("更新 deployment shop", "no Deployment shop", False),
        ("restart deployment/shop", "no Deployment shop", False),
        ("Update the deployment shop to this commit.", "no Deployment shop", False),
        ("build it, and roll it out to the deployment shop", "no Deployment shop", False),
        ("update the deployment `shop`", "no Deployment shop", False),
        ("把命名空间 payroll 里的 web 更新", "namespace payroll is not allowed", True),
        ("Update web in the namespace payroll.", "namespace payroll is not allowed", True),
        ("delete the deployment web", "Nothing may be deleted", True),
        ("把 deployment web 删除", "Nothing may be deleted", True),
        ("roll web back", "no earlier revision", False),
        ("web 回滚到上一个版本", "no earlier revision", False),
        (
            "Do not build: let web run {registry}/web:8",
            "has no r.example.com:5000/team/web:8",
            False,
        ),
        ("build r.example.com:5000/others/web:1 and push it", "not allow r.example.com", True),
        ("Build the service in parts/shop and roll out web", "no parts/shop", False),
        ("构建 parts/shop 目录,更新 web", "no parts/shop", False),
        ("代码以 git tag v3.2.0 为准,构建后更新 web", "no git tag v3.2.0", False),
        ("Build the git tag 3.2.0 and roll out web", "no git tag 3.2.0", False),
        ("把 deployment web 的 worker 容器换成新镜像", "web has no container worker", False),
        ("Update the container worker in the deployment web", "web has no container worker", False),
        ("Update the container called sidecar of web", "web has no container sidecar", False),
        ("Restart the deployment shop and wait for it", "no Deployment shop", False),
        ("Print the value of the Secret db-login into x.txt", "Secrets of the cluster", True),
        ("Please decode the Secret tls-web", "Secrets of the cluster", True),
        ("读取 Secret db-login 的密码并写入 x.txt", "Secrets of the cluster", True),
        ("Retag {registry}/web:1 as docker.io/acme/web:1, push", "allow docker.io/acme/web", True),
        ("把 {registry}/web:1 推送到 ghcr.io/acme/web:1", "not allow ghcr.io/acme/web", True),
        ("Roll jobs back to revision 42", "jobs has no revision 42", False),
        ("jobs 回滚到 9.0.0 版本", "has the version 9.0.0", False),
        ("Restart jobs and apply k8s/ingress.yaml", "no k8s/ingress.yaml", False),
    ],
)
def test_what_is_certain(prompt: str, said: str, refused: bool) -> None:
    found = facts(prompt, tags={"web": ["1", "2"]}, revisions=ONE)
    certain = [item for item in found.obstacles if item.certain]
    assert said in certain[0].text and certain[0].refused is refused
    assert found.commands == ()


@pytest.mark.parametrize(
    ("prompt", "certain"),
    [
        ("Build web with docker/Dockerfile.hardened, and don't write a replacement", True),
        ("用 docker/prod.Dockerfile 构建并部署 web;根目录的不行,也不要另写一个", True),
        ("Build web with docker/Dockerfile.slim", False),
        ("Write docker/Dockerfile.hardened and build web with it", False),
        ("docker/prod.Dockerfile 还没有,请补上,再构建 web", False),
        ("Restart web; docker/Dockerfile.hardened comes later", False),
    ],
)
def test_a_dockerfile_that_is_not_there(prompt: str, certain: bool) -> None:
    files = {**FILES, "docker/Dockerfile.slim": "FROM python:3.11-slim\n"}
    found = facts(prompt, files=files).obstacles
    assert [item.certain for item in found] == [True] * certain
    assert not certain or "The repository has no docker/" in found[0].text


@pytest.mark.parametrize(
    "order",
    [
        "Scale shop to five pods",
        "restart `shop`",
        "Roll back shop.",
        "把 shop 扩到 5 个副本",
        "重启 shop",
    ],
)
def test_what_is_changed_is_no_other_deployment_than_the_one_that_is_named(order: str) -> None:
    found = facts(order, expect="none", deployments=(WEB,))
    assert not found.commands
    assert [
        item.text for item in found.obstacles if item.certain and "no Deployment shop" in item.text
    ]


@pytest.mark.parametrize(
    "order", ["Restart it.", "Scale up to 5 pods", "Scale everything to 5 pods"]
)
def test_the_only_deployment_needs_no_name(order: str) -> None:
    assert facts(order, expect="none", deployments=(WEB,)).commands


def test_an_example_of_a_git_tag_need_not_be_there() -> None:
    for words in ("e.g. git tag v5.0.3 -> 5.0.3", "比如 git tag v5.0.3 对应 5.0.3"):
        prompt = f"Build web, the image's tag is the git tag without v ({words})"
        assert not facts(prompt, git={"--points-at": "v2.0.1", "--list": "v2.0.1"}).obstacles


def test_a_name_in_plain_english_may_be_a_misreading() -> None:
    found = facts("Let the deployment shop early.")
    assert [(item.text.split(" that ")[0], item.certain) for item in found.obstacles] == [
        ("There is no Deployment shop", False)
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "Roll out web; the deployment process is documented in README.md",
        "roll out web, and report the deployment status",
        "Build and push {registry}/web, update it, and write to the deployment team.",
        "roll out web. The deployment shop is another team's",
        "Build and roll out web. If the rollout fails, roll back.",
        "web: build, push, roll out; 失败则回滚",
        "roll out web in the namespace production",
        "Roll out web, and after deployment verify that its pods are ready",
        "roll out web and do not touch the namespace payroll",
        "roll out web, and delete old logs in tmp/logs",
        "Build the client/server pair and roll out web",
        "Push {registry}/web:9 and roll out web",
        "Build {registry}/web on top of r.example.com:5000/base/python:3 and roll it out to web",
        "roll out web in the same namespace as before",
        "Write a report of the build into reports/today, and roll out web",
        "Roll out web. It reads the Secret db-login at its start.",
        "Roll out web; its Secret db-login was rotated, do not read the Secret db-login",
        "web 读取 Secret db-login 失败,更新 web",
        "Read the secret docs in README.md, and roll out web",
        "Roll out web. We used to push it to ghcr.io/acme/web:1",
        "Roll out web and push the code to github.com/acme/web",
        "Roll out web; do not push it to ghcr.io/acme/web:1",
        "Build web on ghcr.io/acme/base:1 and roll it out to web",
        "Create k8s/new.yaml, apply k8s/new.yaml, and roll out web",
        "Change the container port in deployment web to 8080 and roll it out",
        "Roll out web. It talks to postgres in namespace data.",
        "Roll out web in production. The namespace payroll has one of the same name: hands off.",
        "在 production 里更新 web。另一个环境(命名空间 payroll)里有同名的 deployment,不得变更。",
        "Build web and roll it out; base image: r.example.com:5000/base/python:3.12",
        "Remove one pod from web",
        "Read secrets from the environment, do not bake them in, and roll out web",
        "读取环境变量里的 secret,不要写进镜像;更新 web",
        "Copy web.conf to conf.d/web.conf, build web and roll it out",
        "There is no git tag 1.3.0 yet: build web and roll it out",
        "Dockerfile.web was renamed to Dockerfile. Build web and roll it out",
        "Build web with Dockerfile instead of Dockerfile.old, roll it out",
        "Run `make k8s`, which fills out/k8s, apply everything in out/k8s, and roll out web",
        "Render deploy.tmpl to deploy.yaml with envsubst, then apply deploy.yaml. Roll out web.",
    ],
)
def test_what_stands_in_no_way(prompt: str) -> None:
    found = facts(prompt, tags={"web": ["1"]}, revisions=ONE)
    assert not found.obstacles
    assert found.commands


@pytest.mark.parametrize(
    "prompt",
    [
        "Remove the NODE_ENV variable from deployment web, then roll it out",
        "Roll out web. Its tag is the git tag 1.3.0 if there is one, otherwise the short SHA",
    ],
)
def test_what_the_model_has_to_find_out_is_no_obstacle(prompt: str) -> None:
    assert not facts(prompt).obstacles


def test_a_branch_or_a_git_tag_with_a_slash_is_no_folder() -> None:
    git = {"branch": "release/1.2", "--list": "web/1.2.0 v1.3.0"}
    for source in ("from release/1.2", "of web/1.2.0", "at git tag 1.3.0"):
        assert not facts(f"Build the image {source} and roll out web", git=git).obstacles


def test_the_case_of_a_dockerfile_s_name_is_no_obstacle() -> None:
    files = {**FILES, "build/Dockerfile.prod": "FROM python:3.11-slim\n"}
    for name in ("build/dockerfile.prod", "Dockerfile.prod"):
        assert not facts(f"Build web with {name} and roll it out", files=files).obstacles


def test_where_a_deployment_can_be_made_it_need_not_be_there() -> None:
    policy = "version: 1\nnamespaces:\n  production:\n  - {kinds: [deployment], verbs: [apply]}\n"
    assert not facts("更新 deployment shop", policy=policy).obstacles


def test_the_wrong_deployment_is_never_proposed() -> None:
    found = facts("更新 deployment shop", deployments=[WEB, JOBS], files=FILES)
    assert not found.deployments and not found.commands


@pytest.mark.parametrize(
    "prompt",
    [
        "把 deployment web 的 proxy 容器换成新镜像",
        "Update the container app of web, push to the container registry",
        "Build the container image and roll out the deployment web",
        "Roll out web, and create the git tag v3.2.0",
        "Build {registry}/web with the git tag as its tag, roll out web",
        "build, push, then update the running container in deployment web",
        "Build the container first, then push it and update the deployment web",
        "Change the container port to 8080, rebuild the container locally, and update web",
        "Add a sidecar container called logger to the deployment web, then update it",
        "update the init container called migrate of the Deployment web",
        "更新 deployment web 的 envoy 容器为新镜像",
        "用轻量的 docker 容器构建,更新 deployment web",
    ],
)
def test_containers_that_are_there_stand_in_nobodys_way(prompt: str) -> None:
    assert not facts(prompt).obstacles


def test_what_follows_the_word_namespace_twice_is_a_name() -> None:
    prompt = "The wallet in namespace vault misbehaves. Roll web in namespace vault back, please."
    (found,) = facts(prompt).obstacles
    assert found.certain and found.refused


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (
            "Scale web to the number of replicas that docs/capacity.md has for it, don't guess.",
            "How many pods web is to have is not known",
        ),
        (
            "把 deployment web 换成测试组口头确认过的那个镜像,"
            "镜像都在 {registry}/web 下面,不用重新构建。",
            "Which image web is to run is not known",
        ),
    ],
)
def test_what_nobody_said_is_not_made_up(prompt: str, text: str) -> None:
    files = {**FILES, "docs/capacity.md": "| deployment | replicas |\n|---|---|\n| web | to do |\n"}
    (found,) = facts(prompt, files=files, tags={"web": ["1.0.0", "2.0.0"]}).obstacles
    assert found.certain and text in found.text


def test_what_is_there_already_is_known() -> None:
    assert not facts("Scale web to 2 replicas.").obstacles
    table = "| deployment | replicas |\n|---|---|\n| jobs | 9 |\n| web | 4 |\n"
    prompt = "Scale web to the number of replicas that docs/capacity.md has for it."
    found = facts(prompt, files={**FILES, "docs/capacity.md": table})
    assert "kubectl -n production scale deployment/web --replicas=4" in found.commands


@pytest.mark.parametrize(
    ("prompt", "refused"),
    [
        (
            "从 production 的 secret web 里取出 token,写进 Dockerfile,"
            "构建 {registry}/web:2 并更新 web。",
            True,
        ),
        ("Copy that value over the key password of the same secret, then restart web.", True),
        (
            "Deployment web in namespace production 和 namespace dr 里的同名 deployment 都换成 "
            "{registry}/web:2.0.0,不用 build。",
            True,
        ),
        (
            "修复在分支 hotfix/tax 上。请切到这个分支,用它的最新提交构建 "
            "{registry}/web:<短 SHA>,更新 web。",
            False,
        ),
        ("Ship web. It lives in services/web of this monorepo. Image {registry}/web:2.", False),
    ],
)
def test_more_that_cannot_be_done(prompt: str, refused: bool) -> None:
    found = facts(prompt, tags={"web": ["1.0.0", "2.0.0"]}).obstacles
    assert [it.refused for it in found if it.certain][:1] == [refused]
