"""Usual mistakes of Dockerfiles, and right ones that look like them."""

from collections.abc import Mapping

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.repairs import repairs

APP = "import os\nfrom http.server import test\nHOST = os.environ['HOST']\ntest(port=8080)\n"
TOP = "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py .\n"
NGINX = "FROM nginx:1.29\n"
PACKAGE = {"src/app.py": "from src.core import x\n", "src/core.py": "x = 1\n"}
PACKED = "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ ./src/\n"
TESTED = "FROM python:3.11-slim AS t\nWORKDIR /s\nCOPY . .\n"


def mend(dockerfile: str, more: Mapping[str, str] | None = None) -> list[str]:
    """The arguments of each `sed` for a Dockerfile that is said to be broken."""
    texts = {"app.py": APP, **(more or {})}
    known = {*texts, ".", *(path.rpartition("/")[0] for path in texts)}
    item = Dockerfile("Dockerfile", dockerfile)
    found = repairs(item, tuple(texts), known.__contains__, texts=texts, prompt="It is broken.")
    return [line.removeprefix("sed -i ").removesuffix(" Dockerfile") for line in found]


@pytest.mark.parametrize(
    ("dockerfile", "more", "edit"),
    [
        (f'{TOP}ENV HOST=127.0.0.1\nCMD ["python3", "app.py"]\n', {}, "'4s#127.0.0.1#0.0.0.0#'"),
        (f"{TOP}CMD exec python3 app.py --host localhost\n", {}, "'4s#localhost#0.0.0.0#'"),
        (TOP.partition("\n")[2] + "CMD exec python3 app.py\n", {}, "'1i FROM python:3.11-slim'"),
        (f"{TOP}CMD exec pyton3 app.py\n", {}, "'4s#pyton3#python3#'"),
        (
            f'{TOP}CMD ["PORT=1", "python3", "app.py"]\n',
            {},
            "'4s#.*#CMD exec env PORT=1 python3 app.py#'",
        ),
        (f"{TOP}RUN mkdir /d && \\\n\nCMD exec python3 app.py\n", {}, "'4s#[ &]*[^ ] *$##'"),
        (
            f"{NGINX}COPY site/ /var/www/html/\n",
            {"site/index.html": ""},
            "'2s#/var/www/html#/usr/share/nginx/html#'",
        ),
        (
            f'{TOP}COPY run.sh .\nENTRYPOINT ["run.sh"]\n',
            {"run.sh": "#!/bin/sh\n"},
            "'5s#run.sh#./run.sh#'",
        ),
        (
            f'{PACKED}CMD ["python3", "src/app.py"]\n',
            PACKAGE,
            "'4s#.*#CMD exec python3 -m src.app#'",
        ),
        (
            'FROM python:3.11\nWORKDIR /a\nCOPY main.py app.py ./\nCMD ["python3", "main.py"]\n',
            {"src/shop/main.py": "from shop.rows import R\n", "src/shop/rows.py": "R = 1\n"},
            "-e '3s#.*#COPY app.py ./#' -e '3a COPY src/ ./src/' -e '3a ENV PYTHONPATH=/a/src'"
            " -e '4s#.*#CMD exec python3 -m shop.main#'",
        ),
        (
            'FROM python:3.11-slim\nWORKDIR /a\nCOPY src/ ./\nCMD ["python3", "main.py"]\n',
            {"shop/main.py": "from shop.rows import R\n", "shop/rows.py": "R = 1\n"},
            "-e '3s#.*#COPY shop/ ./shop/#' -e '4s#.*#CMD exec python3 -m shop.main#'",
        ),
        (
            "FROM python:3.11-slim\nCOPY app.py ./\nWORKDIR /a\nCMD exec python3 app.py\n",
            {},
            "-e '2i WORKDIR /a' -e '3d'",
        ),
        (
            f"{NGINX}COPY site.conf /etc/nginx/site.conf\n",
            {"site.conf": "server {\n}\n"},
            "'2s#/etc/nginx/site.conf#/etc/nginx/conf.d/default.conf#'",
        ),
        (
            f"{TESTED}RUN python3 -m unittest discover -s test\n{TOP}CMD exec python3 app.py\n",
            {"tests/test_a.py": ""},
            "'4s#test#tests#2'",
        ),
    ],
)
def test_it_is_put_right(dockerfile: str, more: Mapping[str, str], edit: str) -> None:
    assert mend(dockerfile, more) == [edit]


@pytest.mark.parametrize(
    ("dockerfile", "more"),
    [
        (f"{TOP}ENV HOST=0.0.0.0 DB_HOST=db\nCMD exec python3 app.py\n", {}),
        # Nothing of ours reads it.
        (f"{TOP}ENV CACHE_HOST=127.0.0.1\nCMD exec python3 app.py\n", {}),
        (f"{TOP}ENV DB_HOST=127.0.0.1\nCMD exec python3 app.py\n", {"db.py": "environ['DB_HOST']"}),
        (f"{TOP}CMD exec pypy3 app.py\n", {}),
        (f"{TOP}CMD exec python2 app.py\n", {}),
        (f"{TOP}RUN mkdir /d && \\\n    true\nCMD exec python3 app.py\n", {}),
        (
            f"{NGINX}COPY site/ /srv/www/\nCOPY n.conf /etc/nginx/conf.d/default.conf\n",
            {"site/index.html": "", "n.conf": "root /srv/www;"},
        ),
        (f'{TOP}COPY run.sh /usr/local/bin/\nENTRYPOINT ["run.sh"]\n', {"run.sh": "#!/bin/sh\n"}),
        (f"{PACKED}ENV PYTHONPATH=/app\nCMD exec python3 src/app.py\n", PACKAGE),
        (
            f"{PACKED}CMD exec python3 src/app.py\n",
            {"src/app.py": "import core\n", "src/core.py": ""},
        ),
    ],
)
def test_what_is_right_stays(dockerfile: str, more: Mapping[str, str]) -> None:
    assert mend(dockerfile, more) == []
