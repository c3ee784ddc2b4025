"""What surely is wrong in a Dockerfile is put right, and what is right stays as it is."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.dockerfile.repairs import repairs

PYTHON = ("VERSION", "app.py", "make_dist.py", "requirements.txt", "rates.py")
TREE = (
    *("VERSION", "package.json", "src/app.py", "src/util.py", "config/app.json", "start.sh"),
    *("tariff/__init__.py", "tariff/__main__.py", "tests/__init__.py", "tests/test_app.py"),
    *("test_web.py", "tools/check.py", "public/index.html", "bin/serve.js", "lib/sizes.js"),
)
IMAGES = ("python:3.11-slim", "node:22-slim", "nginx:1.29")


def mended(text: str, names: Sequence[str], tmp_path: Path, images: Sequence[str] = ()) -> str:
    """The Dockerfile after all lines, which contain nothing that ends a JSON string."""
    known = {*names, ".", *(name.rpartition("/")[0] for name in names)}
    path = tmp_path / "Dockerfile"
    path.write_text(text, encoding="utf-8")
    for line in repairs(
        Dockerfile("Dockerfile", text), names, lambda it: it in known or it == "dist.tar", images
    ):
        assert "\\" not in line and '"' not in line
        subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=True)
    return path.read_text(encoding="utf-8")


RIGHT = {
    "an argument with a value": "ARG A=1\nFROM python:3.11-slim\nENV A=2\nRUN echo $A\n"
    "COPY app.py .\nCMD python3 app.py\n",
    "an argument of another stage": "ARG A=1\nFROM python:3.11-slim AS base\nARG A\nFROM base\n"
    "RUN echo $A\nCOPY app.py .\nCMD python3 app.py\n",
    "a text that a shell reads": 'FROM python:3.11-slim\nENV S="python3 app.py"\nCOPY app.py .\n'
    'CMD ["sh", "-c", "$S"]\n',
    "env twice": 'FROM python:3.11-slim\nCOPY app.py .\nENTRYPOINT ["env"]\n'
    'CMD ["env", "A=1", "python3", "app.py"]\n',
    "an image of tools": "FROM python:3.11-slim AS build\nFROM python:3.11-slim\n"
    "COPY --from=docker /x /y\nCOPY app.py .\nCMD python3 app.py\n",
    "a script after its sources": "FROM node:22-slim\nWORKDIR /app\nCOPY package.json ./\n"
    "COPY src ./src\nRUN npm run build\nRUN npm prune --omit=dev\nCOPY . .\nCMD node a.js\n",
    "an argument for the base only": "ARG TAG=3.11-slim\nFROM python:${TAG}\nCOPY app.py .\n"
    "CMD python3 app.py\n",
    "entry and its words": 'FROM python:3.11-slim\nCOPY app.py .\nENTRYPOINT ["python3"]\n'
    'CMD ["app.py"]\n',
    "an image to copy from": "FROM python:3.11-slim AS build\nFROM python:3.11-slim\n"
    "COPY --from=busybox /bin/sh /bin/bsh\nCOPY app.py .\nCMD python3 app.py\n",
    "plain": "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py VERSION ./\n"
    "CMD exec python3 app.py\n",
    "list": 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD ["python3", "-u", "app.py"]\n',
    "no folder": "FROM python:3.11-slim\nCOPY app.py /\nCMD python3 /app.py\n",
    "root": "FROM python:3.11-slim\nCOPY app.py .\nCMD python3 app.py\n",
    "another place": "FROM python:3.11-slim\nWORKDIR /app\nCOPY app.py /srv/\n"
    "CMD python3 /srv/app.py\n",
    "one file": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/app.py main.py\n"
    "CMD python3 main.py\n",
    "contents": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ ./\nCMD python3 app.py\n",
    "folder": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ ./src/\n"
    "CMD exec python3 src/app.py\n",
    "folder by name": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src src\n"
    "RUN cd src && python3 app.py\n"
    "WORKDIR src\nCMD exec python3 app.py\n",
    "package": "FROM python:3.11-slim\nWORKDIR /app\nCOPY VERSION ./\nCOPY tariff/ ./tariff/\n"
    "USER 10001\nCMD exec python3 -m tariff\n",
    "package path": "FROM python:3.11-slim\nENV PYTHONPATH=/opt/lib\nWORKDIR /app\n"
    "COPY tariff/ /opt/lib/tariff/\nCMD exec python3 -m tariff\n",
    "installed": "FROM python:3.11-slim\nWORKDIR /src\nCOPY . .\nRUN pip install .\nWORKDIR /\n"
    "CMD exec python3 -m tariff\n",
    "library": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ .\n"
    "RUN pip install gunicorn\nCMD exec python3 -m http.server\n",
    "stages": "FROM python:3.11-slim AS build\nWORKDIR /src\nCOPY . .\nRUN python3 make_dist.py\n"
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY --from=build /src/dist/ ./\nCMD python3 app.py\n",
    "stage of another place": "FROM python:3.11-slim AS build\nWORKDIR /src\nCOPY . .\n"
    "RUN python3 make_dist.py\nFROM python:3.11-slim\nCOPY --from=build /out/ /app/\n"
    "CMD python3 /app/server.py\n",
    "tests": "FROM python:3.11-slim AS base\nWORKDIR /app\nCOPY src/ src/\nFROM base AS test\n"
    "COPY tests/ tests/\nRUN python3 -m unittest tests.test_app > tested.txt\nFROM base\n"
    "COPY --from=test /app/tested.txt ./\nCMD exec python3 src/app.py\n",
    "made": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/app.py ./\nRUN cp app.py start.py\n"
    "CMD python3 start.py\n",
    "written": "FROM node:22-slim\nWORKDIR /app\nRUN echo 1 > VERSION\nCOPY bin/ bin/\n"
    "RUN cat VERSION\nCMD node bin/serve.js\n",
    "control": "FROM python:3.11-slim\nRUN if [ -f app.py ]; then python3 app.py; fi\nCOPY . .\n"
    "CMD test -f gone.py || exec python3 /src/app.py\n",
    "own base": "FROM registry.example.com/team/base:3\nCOPY src/app.py plugins/\n"
    "CMD exec python3 main.py\n",
    "variables": "ARG V=3.11-slim\nFROM python:${V}\nARG D=/app\nWORKDIR $D\nCOPY src/ ${D}/\n"
    "CMD exec python3 app.py\n",
    "user": "FROM python:3.11-slim\nRUN useradd -m web && mkdir -p /data && chown web /data\n"
    "WORKDIR /app\nCOPY . .\nUSER web\n"
    "RUN mkdir -p /tmp/x && pip install --user -r requirements.txt\n"
    "USER root\nRUN apt-get clean\nUSER web\nCMD exec python3 src/app.py\n",
    "user and owner": "FROM python:3.11-slim\nWORKDIR /app\nRUN chown 10001 /app\nUSER 10001\n"
    "RUN mkdir data && touch data/x\nCOPY --chown=10001 src/ .\nRUN chmod +x app.py\n"
    "CMD ./app.py\n",
    "node": "FROM node:22-slim\nWORKDIR /app\nCOPY package*.json ./\nRUN npm install --omit=dev\n"
    "COPY bin ./bin\nCOPY lib ./lib\nEXPOSE 8080/tcp 8081\nUSER node\nCMD exec npm start\n",
    "pages": "FROM nginx:1.29\nCOPY public/ /usr/share/nginx/html/\n"
    "COPY VERSION /usr/share/nginx/html/\n"
    "RUN cat /etc/nginx/conf.d/default.conf /usr/share/nginx/html/index.html\n",
    "environment": "FROM python:3.11-slim\nENV A 1 2\nENV B=1 C=2\nENV D='a b'\nENV E http://x:80\n"
    "COPY . /app\nCMD python3 /app/src/app.py\n",
    "ignored by git": "FROM python:3.11-slim\nWORKDIR /app\nADD dist.tar ./\nCMD python3 main.py\n",
    "entry": 'FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ ./\nENTRYPOINT ["python3"]\n'
    'CMD ["app.py"]\n',
    "entry script": "FROM python:3.11-slim\nCOPY start.sh /usr/local/bin/\n"
    'RUN chmod +x /usr/local/bin/start.sh\nENTRYPOINT ["start.sh"]\nCMD ["server.py"]\n',
    "stage like an image": "FROM python:3.11-slim AS python3\nFROM python\nCOPY --from=0 /x /y\n",
    "useless": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/ src/\nRUN cd src\n"
    "CMD exec python3 src/app.py\n",
    "lone word": "FROM python:3.11-slim\nRUN useradd worker\nCOPY worker /usr/bin/\nCMD worker\n",
    "onbuild": "FROM python:3.11-slim\nONBUILD COPY . .\nCMD python3 app.py\n",
    "test": "FROM python:3.11-slim\nCMD [ -f app.py ] && exec python3 app.py\n",
    "lines": "FROM python:3.11-slim\nWORKDIR /app\nCOPY src/app.py \\\n  src/util.py \\\n  ./\n"
    "RUN python3 -m compileall . \\\n  && python3 -c 'import app'\nCMD exec python3 app.py\n",
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_is_right_stays_as_it_is(text: str, tmp_path: Path) -> None:
    names = (*TREE, "app.py", "worker", "requirements.txt", "make_dist.py")
    assert mended(text, names, tmp_path, (*IMAGES, "python:latest")) == text
    assert mended(text, names, tmp_path) == text


TOP = "FROM python:3.11-slim\nWORKDIR /app\n"
NODE = "FROM node:22-slim\nWORKDIR /app\n"
WRONG = {
    "a line that should go on after a sign": (
        f"{TOP}RUN mkdir a &&\n  mkdir b\nCOPY src/ .\nCMD exec python3 app.py\n",
        f"{TOP}RUN mkdir a && mkdir b\nCOPY src/ .\nCMD exec python3 app.py\n",
    ),
    "the only stage under another name": (
        "FROM python:3.11-slim AS catalog\nWORKDIR /gen\nRUN touch x\n"
        f"{TOP}COPY src/ .\nCOPY --from=generator /gen/x ./\nCMD exec python3 app.py\n",
        "FROM python:3.11-slim AS catalog\nWORKDIR /gen\nRUN touch x\n"
        f"{TOP}COPY src/ .\nCOPY --from=catalog /gen/x ./\nCMD exec python3 app.py\n",
    ),
    "an argument of the lines before": (
        f"ARG MAIN=app.py\n{TOP}ENV MAIN=${{MAIN}}\nCOPY src/ .\nCMD exec python3 app.py\n",
        f"ARG MAIN=app.py\n{TOP}ENV MAIN=${{MAIN}}\nCOPY src/ .\nCMD exec python3 app.py\n".replace(
            "slim\n", "slim\nARG MAIN\n"
        ),
    ),
    "a program that is started twice": (
        f'{TOP}COPY src/ .\nENTRYPOINT ["python3"]\nCMD ["python3", "app.py"]\n',
        f'{TOP}COPY src/ .\nCMD ["python3", "app.py"]\n',
    ),
    "a script before its sources": (
        f"{NODE}COPY package.json ./\nRUN npm run build\nCOPY . .\nCMD exec node out/main.js\n",
        f"{NODE}COPY package.json ./\nCOPY . .\nRUN npm run build\nCMD exec node out/main.js\n",
    ),
    "contents of a folder": (
        f"{TOP}COPY src/ ./\nCMD exec python3 src/app.py\n",
        f"{TOP}COPY src/ ./\nCMD exec python3 app.py\n",
    ),
    "a folder": (
        f'{TOP}COPY src/ ./src/\nCMD ["python3", "app.py"]\n',
        f'{TOP}COPY src/ ./src/\nCMD ["python3", "src/app.py"]\n',
    ),
    "another folder": (
        f"{TOP}COPY src/app.py VERSION /srv/\nCMD python3 app.py\n",
        "FROM python:3.11-slim\nWORKDIR /srv\nCOPY src/app.py VERSION /srv/\nCMD python3 app.py\n",
    ),
    "a file elsewhere": (
        f"{TOP}COPY VERSION ./\nCOPY src/app.py /srv/\nCMD python3 app.py\n",
        f"{TOP}COPY VERSION ./\nCOPY src/app.py /srv/\nCMD python3 /srv/app.py\n",
    ),
    "a package's contents": (
        f"{TOP}COPY tariff/ ./\nCMD exec python3 -m tariff\n",
        f"{TOP}COPY tariff/ ./tariff/\nCMD exec python3 -m tariff\n",
    ),
    "no package": (
        f"{TOP}COPY VERSION ./\nCMD exec python3 -m tariff\n",
        f"{TOP}COPY VERSION ./\nCOPY tariff/ ./tariff/\nCMD exec python3 -m tariff\n",
    ),
    "late folder": (
        "FROM python:3.11-slim\nCOPY src/app.py ./\nWORKDIR /app\nCMD python3 app.py\n",
        f"{TOP}COPY src/app.py ./\nCMD python3 app.py\n",
    ),
    "several folders into one": (
        f"{TOP}COPY VERSION tests src ./\nRUN python3 tests/test_app.py\nCMD python3 src/app.py\n",
        f"{TOP}COPY VERSION ./\nCOPY tests ./tests/\nCOPY src ./src/\n"
        "RUN python3 tests/test_app.py\nCMD python3 src/app.py\n",
    ),
    "a comma of full width": (
        f'{TOP}COPY src/ .\nCMD ["python3"\uff0c"app.py"]\n',
        f"{TOP}COPY src/ .\nCMD exec python3 app.py\n",
    ),
    "a comment behind an instruction": (
        f"{TOP}COPY src/ .  # the code\nCMD exec python3 app.py\n",
        f"{TOP}COPY src/ .\nCMD exec python3 app.py\n",
    ),
    "several sources into a folder": (
        f"{TOP}COPY src/app.py VERSION web\nCMD exec python3 web/app.py\n",
        f"{TOP}COPY src/app.py VERSION web/\nCMD exec python3 web/app.py\n",
    ),
    "a variable without a shell": (
        f'{TOP}ENV PORT=80\nCOPY src/ .\nCMD ["python3", "app.py", "$PORT"]\n',
        f"{TOP}ENV PORT=80\nCOPY src/ .\nCMD exec python3 app.py $PORT\n",
    ),
    "a module of another kind": (
        f'{NODE}COPY lib/sizes.js ./\nCMD ["node", "sizes.mjs"]\n',
        f'{NODE}COPY lib/sizes.js ./\nCMD ["node", "sizes.js"]\n',
    ),
    "late folder for a check": (
        "FROM python:3.11-slim\nCOPY src/app.py VERSION ./\nWORKDIR /srv\n"
        "RUN python3 -m py_compile app.py\nCMD python3 app.py\n",
        "FROM python:3.11-slim\nWORKDIR /srv\nCOPY src/app.py VERSION ./\n"
        "RUN python3 -m py_compile app.py\nCMD python3 app.py\n",
    ),
    "late folder for a step": (
        "FROM python:3.11-slim\nCOPY tools/check.py /app/\nRUN python3 check.py\nWORKDIR /app\n",
        "FROM python:3.11-slim\nCOPY tools/check.py /app/\nWORKDIR /app\nRUN python3 check.py\n",
    ),
    "cd": (
        f"{TOP}COPY src/ src/\nRUN cd src\nCMD exec python3 app.py\n",
        f"{TOP}COPY src/ src/\nWORKDIR src\nCMD exec python3 app.py\n",
    ),
    "not copied": (
        f"{TOP}COPY VERSION ./\nCMD exec sh start.sh\n",
        f"{TOP}COPY start.sh VERSION ./\nCMD exec sh start.sh\n",
    ),
    "not copied, below": (
        f"{TOP}COPY VERSION ./\nRUN python3 tools/check.py\n",
        f"{TOP}COPY VERSION ./\nCOPY tools/check.py ./tools/\nRUN python3 tools/check.py\n",
    ),
    "tests not copied": (
        f"{TOP}COPY src/ ./\nRUN python3 -m unittest test_web\n",
        f"{TOP}COPY test_web.py src/ ./\nRUN python3 -m unittest test_web\n",
    ),
    "tests of a folder not copied": (
        f"{TOP}COPY src/ src/\nRUN python3 -m unittest discover -s tests\nCMD python3 src/app.py\n",
        f"{TOP}COPY src/ src/\nCOPY tests/ ./tests/\nRUN python3 -m unittest discover -s tests\n"
        "CMD python3 src/app.py\n",
    ),
    "test module not copied": (
        f"{TOP}COPY src/ src/\nRUN python3 -m unittest tests.test_app\nCMD python3 src/app.py\n",
        f"{TOP}COPY src/ src/\nCOPY tests/ ./tests/\nRUN python3 -m unittest tests.test_app\n"
        "CMD python3 src/app.py\n",
    ),
    "misspelt in a step": (
        f"{TOP}COPY tools/check.py ./\nRUN python3 chekc.py\n",
        f"{TOP}COPY tools/check.py ./\nRUN python3 check.py\n",
    ),
    "case": (
        f"{TOP}COPY Src/ ./\nCMD python3 App.py\n",
        f"{TOP}COPY src/ ./\nCMD python3 app.py\n",
    ),
    "misspelt folder": (
        f"{NODE}COPY package.json ./\nCOPY bni/ bin/\nCMD node bin/serve.js\n",
        f"{NODE}COPY package.json ./\nCOPY bin/ bin/\nCMD node bin/serve.js\n",
    ),
    "case in the command": (
        f"{NODE}COPY . .\nCMD node bin/Serve.js\n",
        f"{NODE}COPY . .\nCMD node bin/serve.js\n",
    ),
    "no lock": (
        f"{NODE}COPY package.json package-lock.json ./\nRUN npm ci --omit=dev\nCOPY bin bin\n"
        "CMD node bin/serve.js\n",
        f"{NODE}COPY package.json ./\nRUN npm install --omit=dev\nCOPY bin bin\n"
        "CMD node bin/serve.js\n",
    ),
    "from a stage": (
        "FROM node:22-slim AS build\nWORKDIR /src\nCOPY . .\nFROM node:22-slim\nWORKDIR /app\n"
        "COPY --from=build /src/serve.js ./\nCMD node serve.js\n",
        "FROM node:22-slim AS build\nWORKDIR /src\nCOPY . .\nFROM node:22-slim\nWORKDIR /app\n"
        "COPY --from=build /src/bin/serve.js ./\nCMD node serve.js\n",
    ),
    "user": (
        f"{TOP}USER 10001\nRUN mkdir -p /data\nCOPY src/ .\nCMD exec python3 app.py\n",
        f"{TOP}RUN mkdir -p /data\nCOPY src/ .\nUSER 10001\nCMD exec python3 app.py\n",
    ),
    "user that is made later": (
        f"{TOP}USER web\nRUN useradd web \\\n  && chown -R web /app\nCOPY src/ .\n\n# start\n"
        "CMD exec python3 app.py\n",
        f"{TOP}RUN useradd web \\\n  && chown -R web /app\nCOPY src/ .\nUSER web\n\n# start\n"
        "CMD exec python3 app.py\n",
    ),
    "stage": (
        "FROM node:22-slim AS builder\nFROM bulider\nCMD node\n",
        "FROM node:22-slim AS builder\nFROM builder\nCMD node\n",
    ),
    "environment": (
        f"{TOP}ENV A = 1\nENV B= 2\nENV C:3\nENV D=1 E 2\nEXPOSE 80:8080\nEXPOSE 1, 2\n"
        "EXPOSE 3/http\n",
        f"{TOP}ENV A=1\nENV B=2\nENV C=3\nENV D=1 E=2\nEXPOSE 8080\nEXPOSE 1 2\nEXPOSE 3\n",
    ),
    "lists": (
        f"{TOP}COPY src/ .\nCMD [python3, app.py]\n",
        f"{TOP}COPY src/ .\nCMD exec python3 app.py\n",
    ),
    "list without an end": (
        f'{TOP}COPY src/ .\nCMD ["python3", "app.py"\n',
        f"{TOP}COPY src/ .\nCMD exec python3 app.py\n",
    ),
    "entry and list": (
        f"{TOP}COPY src/ .\nENTRYPOINT ['python3']\nCMD ['app.py']\n",
        f"{TOP}COPY src/ .\nENTRYPOINT exec python3 app.py\n",
    ),
    "two slips": (
        "FORM python:3.11-slim\nWORKDIR /app\nRUN mkdir a\n  && mkdir b\nCOPY src/\n"
        "CMD python3 src/app.py\n",
        f"{TOP}RUN mkdir a && mkdir b\nCOPY src/ ./\nCMD python3 app.py\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), WRONG.values(), ids=WRONG)
def test_a_slip_is_put_right(wrong: str, right: str, tmp_path: Path) -> None:
    assert mended(wrong, TREE, tmp_path) == right


def test_a_folder_that_was_renamed(tmp_path: Path) -> None:
    text = f"{TOP}COPY VERSION ./\nCOPY prices/ ./prices/\nCMD exec python3 -m prices\n"
    one = ("VERSION", "tariff/__init__.py", "tariff/__main__.py", "tests/test_tariff.py")
    assert mended(text, one, tmp_path) == text.replace("prices", "tariff")
    assert mended(text, (*one, "rates/__main__.py"), tmp_path) == text
    # A generated folder is no renamed one, and a part of a word no name.
    assert mended(text.replace("-m prices", "app.py"), one, tmp_path).count("prices") == 2
    other = text.replace("CMD", "RUN pip install prices-api\nCMD")
    assert mended(other, one, tmp_path) == other


GONE = {
    f"{TOP}COPY requirements.lock ./\nRUN pip install --no-cache-dir -r requirements.lock\n"
    "COPY src/app.py ./\nCMD exec python3 app.py\n": "'3d;4d'",
    f"{TOP}COPY src/app.py ./\nCOPY notes.rst ./\nCMD exec python3 app.py\n": "'4d'",
    f"{TOP}COPY notes.rst src/app.py ./\nCMD exec python3 app.py\n": "'3s#notes.rst ##'",
    # Something else needs it.
    f"{TOP}COPY notes.rst ./\nRUN test -s /app/notes.rst\n": "",
}


@pytest.mark.parametrize(("text", "edit"), GONE.items())
def test_what_is_said_to_be_gone_is_not_copied_any_more(text: str, edit: str) -> None:
    item = Dockerfile("Dockerfile", text)
    known = {*TREE, ".", "src"}

    def lines(gone: Sequence[str]) -> list[str]:
        return list(repairs(item, TREE, lambda it: it in known, gone=gone))

    found = lines(("requirements.lock", "notes.rst"))
    assert found == ([f"sed -i {edit} Dockerfile"] if edit else [])
    # It may be made before the build.
    assert lines(()) == []


@pytest.mark.parametrize(
    ("base", "better"),
    [
        ("mirror.example.com/library/python:3.11-slim", "python:3.11-slim"),
        ("mirror:5000/python:3.11-slim", "python:3.11-slim"),
        ("--platform=linux/amd64 dockr.io/library/python:3.11-slin", "python:3.11-slim"),
        ("mirror.example.com/team/service:4", ""),
    ],
)
def test_a_base_image_of_a_mirror(base: str, better: str, tmp_path: Path) -> None:
    text = f"FROM {base} AS build\nFROM {base}\nCMD python3\n"
    flag = "--platform=linux/amd64 " if "--" in base else ""
    right = text.replace(base, flag + better) if better else text
    assert mended(text, TREE, tmp_path, IMAGES) == right
    assert mended(text, TREE, tmp_path) == text
