"""Files that a program imports or opens come into its image."""

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.reads import reads
from oi_deploy.agent.dockerfile.repairs import repairs

NAMES = (
    *("app.py", "settings.py", "config.json", "pages/index.html", "web/main.py", "web/views.py"),
    *("web/rows.csv", "lib/a.js", "lib/b/index.js", "server.js", "util/__init__.py"),
)
TOP = "FROM python:3.11-slim\nWORKDIR /app\n"


@pytest.mark.parametrize(
    ("program", "text", "found"),
    [
        ("app.py", "import os, settings\nfrom util import x", "settings.py util/__init__.py"),
        ("app.py", "try:\n    import settings\nexcept ImportError:\n    pass", ""),
        ("web/main.py", "from . import views\nimport json", "web/views.py"),
        ("web/main.py", "from .views import show, (\n", "web/views.py"),
        ("app.py", "json.load(open('config.json'))", "config.json"),
        ("app.py", "open('config.json', 'w')\nopen('other.json')", ""),
        ("app.py", "Path('pages', 'index.html').read_text()", "pages/index.html"),
        ("web/main.py", "Path(__file__).parent / 'rows.csv'", "web/rows.csv"),
        (
            "server.js",
            "const a = require('./lib/a'), b = require('./lib/b')",
            "lib/a.js lib/b/index.js",
        ),
        ("server.js", "import x from './lib/a.js'\nimport y from 'express'", "lib/a.js"),
        ("server.js", "fs.readFileSync(__dirname + '/config.json')", "config.json"),
    ],
)
def test_what_a_program_needs(program: str, text: str, found: str) -> None:
    assert [it.name for it in reads(program, text, NAMES)] == found.split()


def lines(dockerfile: str, texts: dict[str, str]) -> list[str]:
    known = {*NAMES, ".", "web", "lib", "pages", "util"}
    item = Dockerfile("Dockerfile", dockerfile)
    return list(repairs(item, NAMES, lambda it: it in known, texts=texts))


def test_it_is_copied() -> None:
    texts = {"app.py": "import settings\nopen('pages/index.html')", "settings.py": "import util"}
    text = f"{TOP}COPY app.py ./\nCMD exec python3 app.py\n"
    assert lines(text, texts) == [
        "sed -i '3s#app.py#settings.py app.py#' Dockerfile",
        "sed -i '4i COPY pages/index.html ./pages/' Dockerfile",
        "sed -i '5i COPY util/__init__.py ./util/' Dockerfile",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{TOP}COPY . .\nCMD exec python3 app.py\n",
        f"{TOP}COPY app.py settings.py ./\nCOPY pages pages\nCMD exec python3 app.py\n",
        # What else the base image has is not known.
        "FROM team/base:1\nWORKDIR /app\nCOPY app.py ./\nCMD exec python3 app.py\n",
        f"{TOP}COPY app.py ./\nRUN python3 -m make settings.py index.html\nCMD python3 app.py\n",
    ],
)
def test_what_is_there_is_not_copied_again(text: str) -> None:
    assert not lines(text, {"app.py": "import settings\nopen('pages/index.html')"})


def test_modules_that_were_moved_together_need_nothing() -> None:
    text = f"{TOP}COPY web/ ./\nCMD exec python3 main.py\n"
    assert not lines(text, {"web/main.py": "import views\nPath(__file__).parent / 'rows.csv'"})


@pytest.mark.parametrize(
    ("start", "edit"),
    [
        ('["npm", "run", "serve"]', "serve#start"),
        ("npm run strat", "strat#start"),
        ("npm run start:all", ""),
        ('["npm", "start"]', ""),
    ],
)
def test_a_script_of_package_json_that_is_not_there(start: str, edit: str) -> None:
    text = f"FROM node:22-slim\nWORKDIR /app\nCOPY . .\nCMD {start}\n"
    package = '{"scripts": {"start": "node server.js", "start:all": "node server.js"}}'
    names = ("package.json", "server.js")
    item = Dockerfile("Dockerfile", text)
    found = repairs(item, names, lambda it: it in names, texts={"package.json": package})
    assert list(found) == ([f"sed -i '4s#{edit}#' Dockerfile"] if edit else [])
