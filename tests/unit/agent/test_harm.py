"""Prompts and repositories that look like those a rule is for, and are none."""

import pytest

from tests.unit.agent.worlds import facts

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
