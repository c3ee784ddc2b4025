"""Files that a prompt wants changed."""

import pytest

from oi_deploy.agent.progress import render_edit
from tests.unit.agent.worlds import FILES, PYTHON, facts

CONFIG = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: c\ndata:\n  GREETING: hello\n"
REPO = {**FILES, "k8s/config.yaml": CONFIG, "app.env": "LOG_LEVEL=info\n", "CHANGES.md": "# 1\n"}


@pytest.mark.parametrize(
    ("prompt", "paths"),
    [
        ("In k8s/config.yaml change GREETING to aloha, then apply it", ["k8s/config.yaml"]),
        ("k8s/config.yaml 里 GREETING 现在是 hello,改成 aloha,然后 apply", ["k8s/config.yaml"]),
        ("把 app.env 里的 LOG_LEVEL 设为 debug,再重启 web", ["app.env"]),
        ("Please set LOG_LEVEL in app.env to debug and restart web", ["app.env"]),
        ("Bump VERSION to 2.5.0 and roll out web", ["VERSION"]),
        ("Add a line about this release to CHANGES.md. Roll out web.", ["CHANGES.md"]),
        ("The Dockerfile has an old base image; switch it to node:22-slim", ["Dockerfile"]),
        ("Dockerfile 的基础镜像换成 python:3.11-slim,再构建 web", ["Dockerfile"]),
        ("Dockerfile 里的基础镜像很旧。请改成官方的 node:22-slim,再构建 web", ["Dockerfile"]),
        (
            "in the file k8s/config.yaml there is the key GREETING, right now it says hello, and "
            "that has to become aloha. then apply it",
            ["k8s/config.yaml"],
        ),
        ("写 Dockerfile:app.env 替换掉 conf.d/default.conf,再构建 web", []),
        ("k8s/config.yaml 里的配置改过了,请应用并重启 web", []),
        ("All there is is app.env. Add a folder for logs, then roll out web", []),
        ("k8s/config.yaml 用来替换默认的 /etc/app/config.yaml,再更新 web", []),
        ("All there is is app.env. Add it to the image, then roll out web", []),
        ("k8s/config.yaml was changed yesterday; apply it and restart web", []),
        ("k8s/config.yaml 已经改好了,apply 之后重启 web", []),
        ("Apply k8s/config.yaml and update the deployment web", []),
        ("Apply k8s/config.yaml, then set the image of web", []),
        ("应用 k8s/config.yaml,再更新 deployment web", []),
        ("用 k8s/config.yaml 创建 deployment web,再把 web 的镜像换成刚推送的", []),
        ("Use the repo's Dockerfile, push, then set the new image on deployment web with it", []),
        ("The version is the one in VERSION; push the image, and set it on the deployment web", []),
        ("The Dockerfile is broken, fix it, then roll out web", []),
        ("Take the version from VERSION, put a v in front of it, and tag web with that", []),
        ("Read VERSION, remove the leading v, use the rest as the tag of web", []),
        ("Use what is in VERSION and add -prod at the end for the tag of web", []),
        ("写 Dockerfile:FROM nginx:1.29,app.env 替换 /etc/nginx/conf.d/default.conf", []),
        ("取 VERSION 的内容,去掉开头的 v,作为 web 的标签", []),
        ("取 VERSION 的版本,追加短哈希,中间用横杠,作为 web 的标签", []),
        ("Dockerfile 写错了,请改对,再构建 web", []),
        (
            "Build {registry}/web:2. The Dockerfile has a build argument A. Build with A set to 2, "
            "that's the whole difference; please don't edit the Dockerfile.",
            [],
        ),
        ("标签用「release-」加上 app.env 里的版本,构建 web。版本号我已经改好了,你不要再改", []),
        ("The variable X has to be the path of app.env. It's not set, so set it in the image", []),
        (
            "In k8s/config.yaml, GREETING should be aloha. Change it, apply it and restart web",
            ["k8s/config.yaml"],
        ),
        ("k8s/config.yaml still says hello. We want aloha. Edit, apply.", ["k8s/config.yaml"]),
        ("k8s/config.yaml:GREETING 从 hello 调成 aloha,再重启 web", ["k8s/config.yaml"]),
        ("Do not change k8s/config.yaml; restart web", []),
        ("不要改 app.env,重启 web", []),
        ("Read app.env and write the level to out.txt", []),
        ("Build web with the tag from VERSION, push it and update the deployment", []),
        ("Deploy web. Leave CHANGES.md as it is, and put nothing into it.", []),
        ("Dockerfile 现成的,直接打镜相推送,然后把 deployment web(容器叫 app)换成新镜相", []),
        ("用 app.env 取代默认的设置(端口以这个配置为准),构建后更新 web", []),
    ],
)
def test_files_that_a_prompt_wants_changed(prompt: str, paths: list[str]) -> None:
    assert list(facts(prompt, files=REPO).edits) == paths
    assert all(facts(prompt, files=REPO).edits[path] == REPO[path] for path in paths)


def test_a_file_that_a_line_mends_is_not_asked_for() -> None:
    files = {**FILES, "Dockerfile": PYTHON.replace("COPY app.py", "COPY ap.py")}
    found = facts("The Dockerfile is broken, fix it and roll out web", files=files)
    assert not found.edits and "sed" in found.commands[0]


def test_one_of_several_files_of_a_name_is_meant_by_its_path() -> None:
    files = {**FILES, "a/Dockerfile": PYTHON, "b/Dockerfile": PYTHON}
    assert not facts("Change the Dockerfile and roll out web", files=files).edits
    found = facts("Change a/Dockerfile to node:22-slim and roll out web", files=files)
    assert list(found.edits) == ["a/Dockerfile"]


def test_a_long_file_is_not_written_anew() -> None:
    files = {**FILES, "app.env": "A=1\n" * 1000}
    assert not facts("Set A in app.env to 2", files=files).edits


BROKEN = {
    **FILES,
    "app.py": "def tax(price):\n    return price * 19\n",
    "test_app.py": "from app import tax\nassert tax(100) == 19\n",
    "test_other.py": "import other\n",
    "README.md": "The tax is 19 %.\n",
}


@pytest.mark.parametrize(
    ("prompt", "beside"),
    [
        (
            "The test stage fails since app.py is wrong; the rule is in the README. Fix app.py, "
            "leave the tests alone, then build {registry}/web:2 and roll it out.",
            ["README.md", "test_app.py"],
        ),
        (
            "测试阶段不通过,错在 app.py。请修正 app.py,不许改测试,"
            "再构建 {registry}/web:2 并更新 web。",
            ["test_app.py"],
        ),
    ],
)
def test_a_program_is_mended_beside_its_tests(prompt: str, beside: list[str]) -> None:
    found = facts(prompt, files=BROKEN)
    assert list(found.edits) == ["app.py"]
    assert sorted(found.beside["app.py"]) == beside
    message = render_edit(prompt, found, "app.py")
    assert BROKEN["test_app.py"] in message and "# app.py as it is now" in message


@pytest.mark.parametrize(
    "prompt",
    [
        "I fixed app.py yesterday. Build {registry}/web:2 and roll it out.",
        "Do not fix app.py, only build {registry}/web:2 and roll it out.",
        "app.py 已经修好了,构建 {registry}/web:2 并更新 web。",
        "Fix the Dockerfile so that app.py starts, then build {registry}/web:2.",
    ],
)
def test_a_program_that_is_not_to_be_mended_is_left(prompt: str) -> None:
    assert not facts(prompt, files=BROKEN).edits
