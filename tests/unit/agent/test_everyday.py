"""What engineers write every day, one or two orders at a time."""

import pytest

from tests.unit.agent.worlds import COMMIT, FILES, REGISTRY, deployment, facts, short

BILLING = deployment("billing", "api=billing:3.1.0")
GATEWAY = deployment("gateway", "nginx=gateway:1.4.2", "exporter=docker.io/exporter:1", replicas=3)
TAGS = {"billing": ["3.0.0", "3.1.0", "3.2.0-rc1"], "gateway": ["1.4.1", "1.4.2"]}
REVISIONS = {"gateway": {"1": (f"{REGISTRY}/gateway:1.4.1",), "2": (f"{REGISTRY}/gateway:1.4.2",)}}
POLICY = (
    "version: 1\nnamespaces:\n  production:\n"
    "  - {kinds: [deployment], verbs: [set-image, rollout, scale]}\n"
    "  staging:\n  - {kinds: ['*'], verbs: [read]}\n"
)
PROMOTED = [
    *("docker pull billing:3.2.0-rc1", "docker tag billing:3.2.0-rc1 billing:3.2.0"),
    *("docker push billing:3.2.0", "set image deployment/billing api=billing:3.2.0"),
]
RESTART, UNDO = "rollout restart deployment/gateway", "rollout undo deployment/gateway"


def new(tag: str, name: str = "billing", container: str = "api", folder: str = ".") -> list[str]:
    image = f"{name}:{tag}"
    lines = [f"docker build -t {image} {folder}", f"docker push {image}"]
    return [*lines, f"set image deployment/{name} {container}={image}"]


def lines(prompt: str, **world: object) -> list[str]:
    known = {"tags": TAGS, "revisions": REVISIONS, "deployments": (BILLING, GATEWAY), **world}
    found = facts(prompt, **known)  # type: ignore[arg-type]
    return [it for it in short(found.commands) if "rollout status" not in it]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("给 billing 加到十二个实例", ["scale deployment/billing --replicas=12"]),
        ("Scale billing to twelve replicas.", ["scale deployment/billing --replicas=12"]),
        ("大促需要 gateway 8 个 pod", ["scale deployment/gateway --replicas=8"]),
        ("Please release billing (VERSION) and bounce gateway afterwards.",
         [*new("2.4.1"), RESTART]),
        ("更新 billing(标签 VERSION)并重启 gateway", [*new("2.4.1"), RESTART]),
        ("Update billing to this commit (short sha), scale it to 3",
         [*new(COMMIT), "scale deployment/billing --replicas=3"]),
        ("Roll this commit out to billing (tag short sha) and scale gateway to 4.",
         [*new(COMMIT), "scale deployment/gateway --replicas=4"]),
        ("Release billing with VERSION; roll gateway back to the previous revision.",
         [*new("2.4.1"), UNDO]),
        ("先回滚 gateway,再把当前提交(短 SHA)发布到 billing", [*new(COMMIT), UNDO]),
        ("发版:billing,版本 2.4.1", new("2.4.1")),
        ("Deploy billing using VERSION.", new("2.4.1")),
        ("Pull {registry}/billing:3.2.0-rc1, tag it 3.2.0, push, update deployment billing.",
         PROMOTED),
        ("Finalize billing 3.2.0-rc1 as 3.2.0 and roll it out without rebuilding.", PROMOTED),
        ("把 billing:3.2.0-rc1 提升为正式版 3.2.0 并发布到 billing。", PROMOTED),
        ("把 gateway:1.4.2 同步打成 latest 并推送,然后重启 gateway",
         ["docker pull gateway:1.4.2", "docker tag gateway:1.4.2 gateway:latest",
          "docker push gateway:latest", RESTART]),
        ("deploy billing:3.0.0", ["set image deployment/billing api=billing:3.0.0"]),
    ],
)  # fmt: skip
def test_two_orders_and_versions(prompt: str, found: list[str]) -> None:
    assert lines(prompt) == found


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("把现有镜像 gateway:1.4.2 打上 latest 标签推送", "gateway:latest"),
        ("拉取 gateway:1.4.1,打成 1.4.1-lts 推上去", "gateway:1.4.1-lts"),
        ("CI job: docker build & push {registry}/billing:nightly-YYYYMMDD",
         "billing:nightly-20260309"),
    ],
)  # fmt: skip
def test_what_is_pushed(prompt: str, found: str) -> None:
    assert f"docker push {found}" in lines(prompt, expect="push")


@pytest.mark.parametrize(
    "prompt",
    [
        "只构建并推送镜像 {registry}/billing,标签取 VERSION,不要部署。",
        "Build and push billing only, do not deploy. Tag from VERSION.",
        "billing 3.1.0 已验证,打 stable 标签推到仓库,Deployment 不动。",
        "Promote gateway 1.4.2 to latest; nothing gets deployed.",
    ],
)
def test_what_is_not_to_be_deployed_is_not(prompt: str) -> None:
    (found,) = facts(prompt, tags=TAGS, deployments=(BILLING, GATEWAY)).obstacles
    assert "expect: push" in found.text


@pytest.mark.parametrize(
    "prompt",
    [
        "Restart gateway in namespace staging.",
        "把 staging 的 gateway 重启",
        "In namespace staging: set billing to 3.1.0.",
        "staging 环境 billing 换成 3.0.0",
        "Deploy billing to the staging namespace, tag short sha.",
    ],
)
def test_a_namespace_that_may_only_be_read_is_not_changed(prompt: str) -> None:
    found = facts(prompt, policy=POLICY, tags=TAGS, deployments=(BILLING, GATEWAY))
    assert any("staging may be read" in it.text and it.certain for it in found.obstacles)
    told = facts("Deploy billing 3.0.0; it was tested in staging.", policy=POLICY, tags=TAGS,
                 deployments=(BILLING, GATEWAY))  # fmt: skip
    assert not told.obstacles and told.commands


def test_services_by_their_folder() -> None:
    dockerfile = 'FROM python:3.11-slim\nCOPY . .\nCMD ["a"]\n'
    files = {
        **{path: text for path, text in FILES.items() if path != "Dockerfile"},
        "services/billing/Dockerfile": dockerfile,
        "services/gateway/Dockerfile": dockerfile,
        "services/billing/VERSION": "4.0.1\n",
        "services/gateway/VERSION": "1.5.0\n",
    }
    gateway = new("1.5.0", "gateway", "nginx", "services/gateway")
    prompt = "Build services/gateway and roll it out, tag from its VERSION file."
    assert lines(prompt, files=files) == gateway
    billing = new("4.0.1", folder="services/billing")
    prompt = "Build and deploy billing and gateway, each tagged with its own VERSION."
    found = lines(prompt, files=files)
    assert found == [*billing[:2], *gateway[:2], billing[2], gateway[2]]
    prompt = "Build gateway with services/gateway/Dockerfile, context is the repo root. Roll out."
    (built,) = (it for it in lines(prompt, files=files) if it.startswith("docker build"))
    assert built == f"docker build -t gateway:{COMMIT} -f services/gateway/Dockerfile ."


def test_an_image_whose_name_stands_in_a_document() -> None:
    files = {**FILES, "docs/names.md": f"| image | `{REGISTRY}/billing` |\n"}
    prompt = (
        "Please get the pods of billing onto this commit. docs/names.md says under which name our "
        "images are kept; the part after the colon is always the short hash of the commit."
    )
    assert lines(prompt, files=files) == new(COMMIT)


def test_a_folder_of_services_that_is_not_there() -> None:
    prompt = "Build services/invoicing of this repository, and update the deployment billing."
    (found,) = facts(prompt, tags=TAGS, deployments=(BILLING, GATEWAY)).obstacles
    assert found.text == "The repository has no services/invoicing."


def test_a_report_in_the_form_that_is_shown() -> None:
    prompt = (
        "billing 刚有人换了镜像,正在滚动更新。请等它更新完,什么都不要改,然后写一个\n"
        "rollout.txt,四行,格式如下(尖括号处换成实际值):\n"
        "deployment: billing\nimage: <当前镜像全名>\nready: <就绪副本数>/<期望副本数>\n"
        "result: <complete 或 failed>\n"
    )
    found = facts(prompt, expect="none", deployments=(BILLING, GATEWAY))
    assert found.wanted == ("rollout.txt",)
    assert short(found.commands)[0] == "rollout status deployment/billing"
    assert found.commands[1].endswith(
        "print l1 $1; print l2 $2; print l3 $3 s $4; print l4}' > rollout.txt"
    )


def test_a_name_that_is_an_example_is_no_file_to_write() -> None:
    prompt = (
        'logs/ 下每个 .log 文件每行的格式是"时间 设备 级别 内容",'
        "请按级别(第三列)统计各文件里 ERROR 和 WARN 的行数,写成 Markdown 表格存到 log-summary.md,\n"
        "表头为:文件 | ERROR | WARN,每个文件一行(文件列写文件名,例如 gate.log)。"
    )
    found = facts(prompt, expect="none", files={**FILES, "logs/gate.log": "8 g ERROR x\n"})
    assert found.wanted == ("log-summary.md",)
    assert "| 文件 | ERROR | WARN |" in found.commands[0]


NOTIFY = deployment("notify", "app=notify:0.9.3", replicas=1)
ALL = {"deployments": (BILLING, GATEWAY, NOTIFY)}


@pytest.mark.parametrize(
    "prompt",
    [
        "Service: billing\nTag: 3.3.0\nBackground: gateway got timeouts from billing.\n"
        "Steps: build, push, deploy\nNot in scope: gateway, notify",
        "服务:billing\n标签:3.3.0\n上游:gateway\n下游:notify\n步骤:构建、推送、部署",
        "背景:周日 gateway 出过故障。\n任务:构建本次提交,标签 3.3.0,推送并部署到 billing。",
        "I already released gateway. Please release billing, tag 3.3.0.",
        "gateway 我已经发完了,请发布 billing,标签 3.3.0。",
        "The edge team deploys gateway on its own. Release billing with tag 3.3.0.",
        "gateway talks to billing. Release billing with tag 3.3.0.",
        "和上周 gateway 的流程一样:构建、推送、部署。服务 billing,标签 3.3.0。",
        "notify was released, now it's billing's turn: build, push, roll out, tag 3.3.0.",
        "No restart of others. Build, push and deploy billing, tag 3.3.0.",
        "昨天 gateway 发布失败了,已经回滚。今天发布 billing,标签 3.3.0。",
        "李四今晚会把 gateway 扩到 5 个,那是他的事。现在发布 billing,标签 3.3.0。",
        "Ann will restart gateway afterwards. Deploy billing with tag 3.3.0.",
    ],
)
def test_a_service_that_is_only_spoken_of_is_left_alone(prompt: str) -> None:
    assert lines(prompt, **ALL) == new("3.3.0")


@pytest.mark.parametrize(
    "prompt",
    [
        "Release billing and notify, tag 3.3.0.",
        "构建并部署 billing、notify,标签 3.3.0",
        "服务:billing、notify\n标签:3.3.0\n步骤:构建、推送、部署",
        "billing and notify: build this commit with tag 3.3.0 and roll it out to both.",
    ],
)
def test_a_list_of_services_is_for_all_of_them(prompt: str) -> None:
    billing, notify = new("3.3.0"), new("3.3.0", "notify", "app")
    assert lines(prompt, **ALL) == [*billing[:2], *notify[:2], billing[2], notify[2]]


@pytest.mark.parametrize(
    "prompt",
    [
        "服务:billing\n版本:3.3.0\n请构建、推送、部署。",
        "发布 billing,版本号:3.3.0。",
        "Application: billing\nVersion: 3.3.0\nActions: build image, push image, update deployment",
        "应用:billing\n旧版本:3.1.0\n新版本:3.3.0\n请构建并部署。",
        "Ship it as 3.3.0 to billing.",
        "billing 3.1.0 has a bug, see OPS-99. Build 3.3.0 from this commit and roll it out.",
        "镜像打成 3.3.0,推送后更新 billing。",
        "billing 从 3.1.0 升级到 3.3.0(用本次提交构建)。",
        "给billing发个新版本3.3.0",
        "现在已修复。构建本次提交为 3.3.0 并部署到 billing。",
    ],
)
def test_a_version_in_any_field(prompt: str) -> None:
    assert lines(prompt, **ALL) == new("3.3.0")


def test_a_part_of_a_version_is_no_number_of_pods() -> None:
    """It was scaled to the 0 of 3.3.0, which stood in the line before."""
    prompt = "服务:billing\n标签:3.3.0\n副本数:4\n步骤:构建、推送、部署、扩容"
    assert "scale deployment/billing --replicas=0" not in lines(prompt, **ALL)


def test_a_folder_that_has_what_is_copied_is_the_context() -> None:
    """A file of the same name in the root let another service's folder be taken."""
    dockerfile = 'FROM python:3.11-slim\nCOPY app.py ./\nCMD ["python3", "app.py"]\n'
    files = {"README.md": "# x\n", "VERSION": "2.4.1\n", "app.py": "1\n"}
    for name in ("billing", "notify"):
        files |= {f"{name}/Dockerfile": dockerfile, f"{name}/app.py": "1\n"}
    found = lines("Release billing, tag 3.3.0.", files=files, **ALL)
    assert found == new("3.3.0", folder="billing")


def test_a_number_of_pods_in_a_question() -> None:
    prompt = "Doors open in half an hour. Can we have four pods of billing instead of the two?"
    assert lines(prompt, **ALL) == ["scale deployment/billing --replicas=4"]


def test_only_two_of_three() -> None:
    prompt = "{registry}/billing 构建当前提交并推送后,只升级 billing 和 billing-jobs;notify 不动。"
    jobs = deployment("billing-jobs", "api=billing:3.1.0")
    found = lines(prompt, deployments=(BILLING, jobs, NOTIFY))
    assert [it for it in found if it.startswith("set image")] == [
        f"set image deployment/{name} api=billing:{COMMIT}" for name in ("billing", "billing-jobs")
    ]


def test_a_condition_that_denies_nothing() -> None:
    prompt = (
        "先看一眼 app.py,没有语法问题就把当前提交构建成 {registry}/billing:<短 SHA> 推送,"
        "并更新 billing。"
    )
    assert lines(prompt, **ALL) == new(COMMIT)


@pytest.mark.parametrize(
    "said",
    [
        "The notify team may also need a restart, but they'll do that themselves.",
        "notify 团队可能也要重启,他们会自己做。",
        "Is a restart of notify needed? I don't think so.",
        "notify 需要重启吗?我觉得不用。",
        "The runbook says: on failure run `kubectl rollout restart deployment/notify`.",
        "手册写着:失败时执行 `kubectl rollout restart deployment/notify`。",
        "We've discussed whether to scale billing to 5 and decided against it.",
        "Follow-up (not part of this run): restart notify, scale gateway to 6.",
        "待办(以后):gateway 扩到 6 个副本。",
        "昨天运维把 notify 缩到 0 又恢复了,与本次无关。",
        "Restart others: no",
    ],
)
def test_what_is_not_for_now_is_not_done(said: str) -> None:
    prompt = f"Build {{registry}}/billing, tag short SHA, push and roll out to billing.\n\n{said}"
    assert lines(prompt, **ALL) == new(COMMIT)


@pytest.mark.parametrize(
    "prompt",
    [
        "Replace {registry}/billing:3.1.0 by a new build with the short SHA.",
        "用短 SHA 的新构建替换 {registry}/billing:3.1.0,更新 billing。",
        "The last deploy of billing was {registry}/billing:3.1.0. Deploy the new one with the "
        "short SHA.",
        "上次 billing 部署的是 {registry}/billing:3.1.0,这次用短 SHA 部署新的。",
    ],
)
def test_an_image_of_the_last_time_is_not_built_over(prompt: str) -> None:
    assert lines(prompt, **ALL) == new(COMMIT)


@pytest.mark.parametrize(
    "prompt",
    [
        "构建并推送 {registry}/billing(短 SHA)。QA 还没通过,通过之后再部署,现在只推送。",
        "Build {registry}/billing with the short SHA and push it. Deployment will be done by Argo "
        "CD, not here.",
        "Build {registry}/billing with the short SHA and push it; leave the deployment alone.",
        "构建 {registry}/billing(短 SHA)并推送,不要动 Deployment。",
    ],
)
def test_what_others_bring_out_is_only_pushed(prompt: str) -> None:
    found = facts(prompt, tags=TAGS, deployments=(BILLING, GATEWAY)).obstacles
    assert any("expect: push" in it.text and it.certain for it in found)


def test_a_commit_that_is_not_to_be_released() -> None:
    prompt = "当前提交不要发布,只重启 gateway 和 billing。"
    assert lines(prompt, **ALL) == ["rollout restart deployment/billing", RESTART]


def test_a_key_with_its_sign_of_equality() -> None:
    prompt = (
        "Release billing, please. The image tag is whatever `release=` says in version.properties, "
        "just the value. Image repository {registry}/billing."
    )
    files = {**FILES, "version.properties": "name=billing\nrelease=2.3.60-w\n"}
    assert lines(prompt, files=files) == new("2.3.60-w")
