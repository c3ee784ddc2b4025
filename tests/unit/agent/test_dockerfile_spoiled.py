"""Dockerfiles that are right, or fail for another reason, and were once changed all the same."""

import pytest

from oi_deploy.agent.dockerfile import ignored, reads
from oi_deploy.agent.dockerfile.files import Dockerfile, is_dockerfile
from oi_deploy.agent.dockerfile.repairs import repairs

PYTHON = "FROM python:3.11-slim\nWORKDIR /app\n"
NODE = "FROM node:22-slim\nWORKDIR /app\n"
IMAGES = ("python:3.11-slim", "node:22-slim")
SCRIPT = '{"scripts": {"prepare": "babel src -d dist"}}'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # A build makes the program.
        (
            f'{NODE}COPY . .\nRUN npm ci && npm run build\nCMD ["node", "dist/main.js"]\n',
            (".eslintrc.js", "package.json", "package-lock.json", "src/main.ts"),
        ),
        # An image without a tag is no stage: what it has is not known.
        (
            'FROM acme-base\nCOPY app.py /opt/acme/\nCMD ["python", "/opt/acme/run.py"]\n',
            ("app.py",),
        ),
        # The folder above belongs to the user.
        (
            "FROM python:3.11-slim\nRUN useradd -m app && mkdir /app && chown app /app\nUSER app\n"
            "RUN mkdir -p /app/data\nCOPY . /app\nWORKDIR /app\nCMD exec python3 app.py\n",
            ("app.py",),
        ),
        (
            "FROM node:22-slim\nENV NPM_CONFIG_PREFIX=/home/node/.npm-global\nUSER node\n"
            "RUN npm install -g serve\nWORKDIR /app\nCOPY . .\nCMD exec node a.js\n",
            ("a.js", "package.json", "package-lock.json"),
        ),
        # A step makes what it needs.
        (
            f"{PYTHON}COPY app.py ./\nRUN mkdir -p data && chmod 777 data\n"
            "CMD exec python3 app.py\n",
            ("app.py", "data/x.csv"),
        ),
        (
            "FROM python:3.11-slim\nWORKDIR /build\nCOPY pyproject.toml ./\nCOPY shop ./shop\n"
            'RUN pip install .[prod]\nWORKDIR /data\nCMD ["python", "-m", "shop"]\n',
            ("pyproject.toml", "shop/__init__.py", "shop/__main__.py"),
        ),
        (
            f"{PYTHON}COPY fetch_latest.py ./\nRUN python3 fetch_latest.py\n"
            "CMD exec python3 app.py\n",
            ("fetch_latest.py", "src/app.py"),
        ),
        # Another file of the family is none that was misspelt, and a secret never is.
        (f"{PYTHON}COPY config.prod.yaml ./\n", ("config.test.yaml", "x.yaml", "y.yaml")),
        (f"{PYTHON}COPY tls/server.key ./\n", ("tls/ca.key",)),
        (f"{PYTHON}COPY .env ./\n", (".env.prod",)),
        (f"{NODE}COPY dist/app.js ./\n", ("src/app.ts",)),
        # A tab ends a word, too; an empty line ends no instruction that goes on.
        (
            "FROM python:3.11-slim\nWORKDIR\t/app\nCOPY\tapp.py ./\nCMD exec python3 app.py\n",
            ("app.py",),
        ),
        (
            f'{NODE}COPY . .\nRUN set -eux; \\\n\\\n\n make dist\nCMD ["node", "dist/main.js"]\n',
            ("src/main.js", "package.json"),
        ),
    ],
)  # fmt: skip
def test_it_stays_as_it_is(text: str, names: tuple[str, ...]) -> None:
    known = {*names, ".", *(name.rpartition("/")[0] for name in names)}
    texts = {"package.json": "{}"} if "package.json" in names else {}
    assert not repairs(Dockerfile("Dockerfile", text), names, known.__contains__, IMAGES, texts)


def test_an_installation_may_run_scripts_of_the_project() -> None:
    names = ("package.json", "package-lock.json", "src/index.js")
    text = f'{NODE}COPY . .\nRUN npm ci\nCMD ["node", "dist/index.js"]\n'
    file, exists = Dockerfile("Dockerfile", text), {*names, ".", "src"}.__contains__
    assert repairs(file, names, exists, texts={"package.json": "{}"})
    assert not repairs(file, names, exists, texts={"package.json": SCRIPT})


@pytest.mark.parametrize(
    "before",
    [
        f'FROM node:22-slim AS dev\nCMD ["npm", "run", "dev"]\n{NODE}',
        f"{NODE}HEALTHCHECK --interval=30s \\\n  CMD npm\n",
    ],
)
def test_the_words_of_another_command_belong_to_no_entry(before: str) -> None:
    text = f"{before}COPY . .\nENTRYPOINT ['node', 'server.js']\n"
    names = ("server.js", "package.json")
    (line,) = repairs(Dockerfile("Dockerfile", text), names, {*names, "."}.__contains__)
    assert "npm" not in line and "d'" not in line


def test_lines_are_counted_as_sed_counts_them() -> None:
    text = f"{PYTHON}LABEL a=x\u2028y\nCOPY ap.py ./\nCMD exec python3 app.py\n"
    (line,) = repairs(Dockerfile("Dockerfile", text), ("app.py",), {"app.py", "."}.__contains__)
    assert line.startswith("sed -i '4s")


def test_odd_files_of_a_repository_are_no_defect_of_the_action() -> None:
    chain = "a" + ".a" * 500
    assert not list(reads.reads("app.py", f'{chain}("x").read_text()\n', ["app.py", "x"]))
    file = Dockerfile("Dockerfile", f"{PYTHON}COPY app.py ./\n")
    for rules in ("[z-a]x\n", "[]\n", "[^]\n", "**/" * 40 + "x\n"):
        assert not ignored.repairs(file, ".", rules, ["app.py"])


def test_what_goes_with_a_dockerfile_is_none() -> None:
    assert is_dockerfile("docker/Dockerfile")
    assert not is_dockerfile("docker/Dockerfile.dockerignore")
