"""Files that a program imports or opens come into its image."""

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.reads import reads
from oi_deploy.agent.dockerfile.repairs import repairs

NAMES = (
    *("app.py", "settings.py", "config.json", "pages/index.html", "web/main.py", "web/views.py"),
    *(
        "dev.env",
        "private.key",
        "web/rows.csv",
        "lib/a.js",
        "lib/b/index.js",
        "server.js",
        "util/__init__.py",
    ),
)
TOP = "FROM python:3.11-slim\nWORKDIR /app\n"


@pytest.mark.parametrize(
    ("program", "text", "found"),
    [
        ("app.py", "import os, settings\nfrom util import x", "settings.py util/__init__.py"),
        ("web/main.py", "from . import views\nimport json", "web/views.py"),
        ("web/main.py", "from .views import (\n  show,\n)", "web/views.py"),
        ("app.py", "x = json.load(open('config.json'))", "config.json"),
        ("app.py", "with open('config.json') as f:\n    pass", "config.json"),
        ("app.py", "Path('pages', 'index.html').read_text()", "pages/index.html"),
        (
            "server.js",
            "const a = require('./lib/a')\nconst {b} = require('./lib/b');",
            "lib/a.js lib/b/index.js",
        ),
        ("server.js", "import x from './lib/a.js'\nimport y from 'express'", "lib/a.js"),
        # What may be missing, is written, or is only spoken of.
        ("app.py", "try:\n    import settings\nexcept ImportError:\n    pass", ""),
        ("app.py", "def late():\n    import settings\n    open('config.json')", ""),
        ("app.py", "x = open('config.json') if os.path.exists('config.json') else {}", ""),
        ("app.py", "open('config.json', 'w')\nopen('other.json')", ""),
        ("app.py", "# open('config.json')\n'import settings'\nPath('config.json').exists()", ""),
        ("app.py", "open('dev.env')\nopen('private.key')", ""),
        ("app.py", "import settings, (", ""),
        ("server.js", "// const a = require('./lib/a')\n/*\nimport './lib/a.js'\n*/", ""),
        ("server.js", "if (dev) require('./lib/a')\n  require('./lib/a')", ""),
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
        "sed -i '5i COPY util/ ./util/' Dockerfile",
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
    assert not lines(text, {"web/main.py": "import views"})
