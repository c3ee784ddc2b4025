"""Files that a program imports or opens come into its image."""

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.reads import is_test, reads
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
        (
            "app.py",
            "HERE = Path(__file__).resolve().parent\nX = (HERE / 'config.json').open()",
            "config.json",
        ),
        (
            "web/main.py",
            "ROOT = Path(__file__).parents[1]\nx = (ROOT / 'pages').iterdir()",
            "pages",
        ),
        (
            "web/main.py",
            "import os\nR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
            "x = open(os.path.join(R, 'config.json'), 'rb')",
            "config.json",
        ),
        (
            "app.py",
            "def load():\n    return open('config.json')\n\nif __name__ == '__main__':\n    load()",
            "config.json",
        ),
        (
            "web/test_a.py",
            "def test():\n    Path(__file__).with_name('rows.csv').read_text()",
            "web/rows.csv",
        ),
        (
            "server.js",
            "const a = fs.readFileSync(path.join(__dirname, 'web', 'rows.csv'));",
            "web/rows.csv",
        ),
        ("lib/a.js", "const v = fs.readFileSync(`${__dirname}/../config.json`);", "config.json"),
        ("server.js", "const rows = fs.readFileSync('web/rows.csv');", "web/rows.csv"),
        # What may be missing, is written, or is only spoken of.
        ("app.py", "HERE = Path(__file__).parent\n(HERE / 'config.json').open('w')", ""),
        ("app.py", "def unused():\n    open('config.json')\nopen(HERE / 'config.json')", ""),
        ("server.js", "const p = process.env.P || path.join(__dirname, 'config.json');", ""),
        ("server.js", "function f() {\n  fs.readFileSync('config.json');\n}", ""),
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
    names = {*NAMES, "pages"}
    got = reads(program, text, names, whole=is_test(program))
    assert [it.name for it in got] == found.split()


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
