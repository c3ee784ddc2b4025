"""Prompts and repositories that look like those a rule is for, and are none."""

import pytest

from oi_deploy.agent import versions
from tests.unit.agent.worlds import COMMIT, PYTHON, deployment, facts

APP = "import http.server\nhttp.server.test(port=8080)\n"
PLAIN = {
    "Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py config.json ./\n"
    'CMD ["python3", "app.py"]\n',
    "app.py": "text = open('config.json').read()\n",
}
REST = " build {registry}/web with the short SHA, push it and roll it out to deployment web."
NEW = "Write a Dockerfile for the service,"


def lines(prompt: str, files: dict[str, str]) -> str:
    images = ("python:3.11-slim", "node:22-slim", "nginx:1.29")
    return "\n".join(facts(prompt, files=files, images=images).commands)


@pytest.mark.parametrize(
    "prompt",
    [
        "The build fails: config.json not found. Create config.json with {} in it, then",
        "构建时报错找不到 config.json,请新建 config.json,内容为 {},然后",
    ],
)
def test_a_file_that_is_to_be_made_stays_in_copy(prompt: str) -> None:
    assert "sed" not in lines(prompt + REST, PLAIN)


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a Dockerfile that starts app.py, which must not run as root in the image, then",
        "Write a Dockerfile with app.py, which must not be changed in the image, then",
    ],
)
def test_what_must_not_happen_in_the_image_is_there(prompt: str) -> None:
    found = lines(prompt + REST, {"app.py": APP, "notes.txt": "\n"})
    assert "COPY . ." in found or "app.py ./" in found


def test_prose_is_no_argument() -> None:
    prompt = (
        "Write a Dockerfile with two stages: the first stage (python:3.11-slim) runs "
        "`python3 build.py` and makes dist/, the second (nginx:1.29) serves dist/. Then"
    )
    for notes in ("Run python3 build.py to make the pages", "`python3 build.py --help` lists all"):
        found = lines(prompt + REST, {"build.py": "import os\n", "README.md": f"{notes}\n"})
        assert "RUN python3 build.py\n" in found


@pytest.mark.parametrize(
    "prompt",
    [
        "The tag is the version, add a line for it to CHANGELOG.md. Build it, push it to "
        "{registry}/web and roll it out to deployment web.",
        "The image tag is the version (CHANGELOG.md lists the changes). Build it, push it to "
        "{registry}/web and roll it out to deployment web.",
    ],
)
def test_a_list_of_changes_that_is_only_named_is_no_version(prompt: str) -> None:
    files = {"Dockerfile": "FROM python:3.11-slim\n", "VERSION": "2.4.1\n"}
    assert "build -t r.example.com:5000/team/web:2.4.1 ." in lines(prompt, files)


def test_tags_that_are_written_stay() -> None:
    files = {"Dockerfile": "FROM python:3.11-slim\n", "VERSION": "2.0.0\n"}
    prompt = (
        "Build web and push it to {registry}/web with two tags, `1.3` and `latest`, it comes from "
        "1.3.9, then roll it out to deployment web."
    )
    assert "web:1.3" in lines(prompt, files)


def test_a_service_that_is_a_package_has_its_dockerfile_in_its_folder() -> None:
    files = {"api/__init__.py": "", "api/app.py": APP, "ui/index.html": "<p>\n"}
    found = lines("Write a Dockerfile for the service in `api/`," + REST, files)
    assert "cat > api/Dockerfile" in found


@pytest.mark.parametrize(
    "notes",
    [
        "`docker build -f docker/Dockerfile . -t web`",
        "Old: `docker build -f docker/Dockerfile docker`",
        "`docker build -f docker/Dockerfile $HOME`",
    ],
)
def test_a_readme_does_not_overrule_what_copy_finds(notes: str) -> None:
    files = {
        "docker/Dockerfile": "FROM python:3.11-slim\nCOPY web/ web/\n",
        "web/app.py": APP,
        "README.md": f"{notes}\n",
        "$HOME/x": "",
    }
    found = lines("Please" + REST, files)
    assert found.splitlines()[0].endswith("-f docker/Dockerfile .")


def test_the_port_of_the_prompt_comes_first() -> None:
    files = {"app.py": f'import os\nport = os.environ.get("PORT", "9090")\n{APP}'}
    assert "ENV PORT" not in lines(f"{NEW} it listens on port 9090,{REST}", files)


def test_packages_are_installed_where_only_the_way_is_denied() -> None:
    files = {"package.json": '{"scripts": {"start": "node a.js"}, "dependencies": {"x": "1"}}'}
    files |= {"a.js": "require('x')\n"}
    found = lines("Write a Dockerfile that does not run npm install as root," + REST, files)
    assert "RUN npm install" in found


def test_a_build_argument_that_nobody_names_keeps_its_default() -> None:
    files = {
        "Dockerfile": "FROM python:3.11-slim\nARG VARIANT=full\nCOPY config/${VARIANT}/ ./\n",
        "config/full/a": "",
        "config/web/a": "",
    }
    assert "--build-arg" not in lines("Please" + REST, files)


def test_a_tool_that_starts_is_not_what_a_program_became() -> None:
    files = {
        "Dockerfile": 'FROM python:3.11-slim\nCOPY server.py ./\nCMD ["python3", "server.py"]\n',
        "api/main.py": APP,
        "tools/__main__.py": "",
    }
    prompt = "The build fails: COPY server.py not found. Mend the Dockerfile,"
    assert "-m tools" not in lines(prompt + REST, files)


def test_a_folder_is_read_and_not_the_files_of_the_root_that_are_called_so() -> None:
    files = {
        "site/public/index.html": "<p>\n",
        "site/conf/own.conf": "events {}\nhttp {\n  server { listen 8080; }\n}\n",
        "conf/own.conf": "server { listen 80; }\n",
        "api/app.py": APP,
    }
    prompt = (
        "Write site/Dockerfile: nginx:1.29 serves public/ with our configuration conf/own.conf,"
    )
    found = lines(prompt + REST, files)
    assert "COPY conf/own.conf /etc/nginx/nginx.conf" in found


@pytest.mark.parametrize(
    ("prompt", "path"),
    [
        ("The key is mounted from a Secret.", "deploy/tls.pem"),
        ("/etc/web/settings.json comes from a ConfigMap.", "examples/settings.json"),
        ("Nothing from conf/ may be in the image.", "conf/settings.json"),
        ("Only app.py goes into the image.", "conf/settings.json"),
        ("It listens on port 8080.", "fixtures/settings.json"),
        ("It listens on port 8080.", "conf/credentials.json"),
    ],
)
def test_what_a_program_reads_is_not_copied_against_the_prompt(prompt: str, path: str) -> None:
    name = path.rpartition("/")[2]
    files = {"app.py": f'print(open("/etc/web/{name}").read())\n{APP}', path: "{}\n"}
    assert path not in lines(f"{NEW} {prompt} Then{REST}", files)


@pytest.mark.parametrize(
    "prompt",
    [
        "Deployment web should run {registry}/web:latest instead. {registry}/web is ours.",
        "{registry}/web 仓库里已经有 latest。把 deployment web 切到 {registry}/web:latest。",
    ],
)
def test_a_latest_that_is_there_is_not_built(prompt: str) -> None:
    found = facts(prompt, files={"Dockerfile": PYTHON, "app.py": APP}, tags={"web": ["latest"]})
    assert not [it for it in found.commands if it.startswith("docker")]


@pytest.mark.parametrize(
    "prompt",
    [
        "The service is fast and stable.",
        "Wait until web is ready and stable.",
        "标签用短哈希,stable 由运维维护。",
        "标签用短哈希,stable 暂时不动。",
        "标签用短哈希,latest 之类的都不要。",
    ],
)
def test_stable_is_a_word_like_any_other(prompt: str) -> None:
    found = lines(f"{prompt} Then{REST}", {"Dockerfile": PYTHON, "app.py": APP})
    assert "docker tag" not in found


@pytest.mark.parametrize(
    "prompt",
    [
        "The tag is the full commit hash, not the first 8 characters.",
        "标签用完整的提交哈希,不要 7 位的短哈希。",
    ],
)
def test_a_length_that_is_denied_is_none(prompt: str) -> None:
    ask = f"Build {{registry}}/web, push it and roll out web. {prompt}"
    found = facts(ask, files={"Dockerfile": PYTHON, "app.py": APP}, tags={"web": ["1.0.0"]})
    assert f"web:{COMMIT}{'0' * 32}" in found.commands[0]


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("app.properties", "kotlin.version=1.9.0\nversion=3.2.1\n", "3.2.1"),
        ("app.properties", "java.version=17\napp.version=3.4.5\n", "3.4.5"),
        ("app.properties", "spring.version=1\nkotlin.version=2\n", ""),
        ("setup.cfg", "[mypy]\npython_version = 3.9\n[metadata]\nversion = 1.4.2\n", "1.4.2"),
        ("v.h", '#define API_VERSION 3\n#define APP_VERSION "2.1.0"\n', "2.1.0"),
        ("v.h", "#define P_MAJOR 1\n#define P_MINOR 0\n#define APP_PATCH 6\n", ""),
        ("a.json", '{"schema": {"version": "1"}, "app": {"version": "7.8.9"}}', ""),
        ("a.json", '{"schema": {"version": "1"}, "version": "7.8.9"}', "7.8.9"),
    ],
)
def test_only_the_project_s_own_version_counts(name: str, text: str, version: str) -> None:
    assert versions.version(name, text, named=True) == version


def test_a_file_of_data_says_no_version_of_the_project() -> None:
    files = {"Dockerfile": PYTHON, "app.py": APP, "VERSION": "2.4.1\n",
             "data/stations.json": '{"version": "2025-11"}\n'}  # fmt: skip
    ask = (
        "Build web, tag = the project's version. The image reads data/stations.json at start. "
        "Push it as {registry}/web and roll it out."
    )
    found = facts(ask, files=files, deployments=[deployment("web", "app=web:1.0.0")])
    assert ":2.4.1 " in found.commands[0]


@pytest.mark.parametrize(
    "prompt",
    [
        "The base image for dev is python:3.12-slim.",
        "The error: base image python:3.12-slim: manifest unknown.",
        "Our base image registry has python:3.12-slim too.",
        "We use python:3.12-slim in CI.",
        "Do not switch to python:3.12-slim.",
    ],
)
def test_a_base_image_that_is_only_mentioned_is_not_taken(prompt: str) -> None:
    ask = f"{prompt} The build fails, fix the Dockerfile,{REST}"
    assert "3.12" not in lines(ask, {"Dockerfile": PYTHON, "app.py": APP})


def test_a_file_on_a_volume_stays_there() -> None:
    text = (
        "FROM python:3.11-slim\nWORKDIR /app\nVOLUME /data\nCOPY seed/app.db app.py ./\n"
        'ENV DB=/data/app.db\nCMD ["python3", "app.py"]\n'
    )
    ask = f"The pods crash, fix the Dockerfile,{REST}"
    assert "/data/app.db" not in lines(ask, {"Dockerfile": text, "app.py": APP, "seed/app.db": ""})


def test_a_dockerfile_without_from_is_read() -> None:
    text = 'ENV X=/app/app.py\nCOPY app.py /srv/\nCMD ["python3", "/srv/app.py"]\n'
    assert "docker build" in lines(f"The build fails, fix the Dockerfile,{REST}",
                                   {"Dockerfile": text, "app.py": APP})  # fmt: skip


@pytest.mark.parametrize("word", ["default", "same", "right", "single"])
def test_an_adjective_is_no_user(word: str) -> None:
    assert f"USER {word}" not in lines(f"{NEW} Use the {word} user.{REST}", {"app.py": APP})


def test_a_missing_library_is_no_old_name_of_a_package() -> None:
    text = PYTHON.replace('["python3", "app.py"]', '["python3", "-m", "gunicorn", "web.app"]')
    files = {"Dockerfile": text, "web/__main__.py": APP, "web/app.py": APP, "app.py": APP}
    ask = f"The pods end with: No module named gunicorn. Fix the Dockerfile,{REST}"
    assert "s#gunicorn#" not in lines(ask, files)


@pytest.mark.parametrize(
    "prompt", ["Our kubectl context is app.", "Until 2.0 the build context was in app."]
)
def test_another_context_is_none_of_the_build(prompt: str) -> None:
    files = {"docker/Dockerfile": PYTHON, "app/x.py": "", "docker/app.py": APP}
    assert "docker/Dockerfile app\n" not in lines(f"{prompt} Please{REST}", files)


def test_what_runs_before_the_start_is_not_lost() -> None:
    package = '{"scripts": {"prestart": "node gen.js", "start": "node server.js"}}\n'
    files = {"package.json": package, "server.js": "require('http').createServer().listen(80)\n"}
    assert "CMD exec npm start" in lines(f"{NEW}{REST}", files)


@pytest.mark.parametrize(
    "prompt",
    [
        "In config.yaml, for deployment web, set log to debug.",
        "config.yaml 里,web 的 log 改成 debug。",
        "把 config.yaml 的 log 配置为 debug。",
    ],
)
def test_a_value_for_a_deployment_is_still_changed_in_its_file(prompt: str) -> None:
    files = {"Dockerfile": PYTHON, "app.py": APP, "config.yaml": "log: info\n"}
    found = facts(f"{prompt} Then{REST}", files=files)
    assert list(found.edits) == ["config.yaml"]


@pytest.mark.parametrize("tag", ["1.3.0-0e1a2b3c", "hotfix-7f3e2d1"])
def test_a_tag_with_a_number_like_a_hash_is_taken(tag: str) -> None:
    ask = f"Build web, push it as {{registry}}/web:{tag} and roll it out."
    found = facts(ask, files={"Dockerfile": PYTHON, "app.py": APP}, tags={"web": ["1.0.0"]})
    assert f"web:{tag} " in found.commands[0]


def test_the_stage_that_is_to_be_used_is_built() -> None:
    text = "FROM python:3.11-slim AS runtime\nFROM runtime AS debug\n"
    ask = f"Production must use the `runtime` stage (the debug stage keeps a shell open).{REST}"
    assert "--target runtime" in lines(ask, {"Dockerfile": text, "app.py": APP})
