"""Variables and options that let a program be reached from outside of its container."""

import json

import pytest

from oi_deploy.agent.dockerfile import settings
from oi_deploy.verify.state import ContainerState, DeploymentState
from tests.unit.agent.worlds import REGISTRY, facts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('port = int(os.environ.get("PORT", "3000"))', {"PORT": "8080"}),
        ('port = int(os.getenv("APP_PORT", 8080))', {}),
        ('host = os.environ.get("BIND_ADDRESS", "127.0.0.1")', {"BIND_ADDRESS": "0.0.0.0"}),
        ("const port = process.env.PORT || 3000;", {"PORT": "8080"}),
        ('const { HOST = "localhost", PORT = 5000 } = process.env;',
         {"HOST": "0.0.0.0", "PORT": "8080"}),
        ('at = os.environ.get("LISTEN", "127.0.0.1:3000")', {"LISTEN": "0.0.0.0:8080"}),
        # What it speaks to.
        ('db = os.environ.get("DB_HOST", "127.0.0.1"), os.environ.get("DB_PORT", "5432")', {}),
        ('name = os.environ.get("REGION", "north")', {}),
        ('requests.get(os.environ.get("API_HOST", "localhost"))', {}),
        ('at = os.environ.get("SEARCH_ADDR", "localhost:9200")', {}),
        ('port = os.environ.get("USERS_PORT", "5001")', {}),
        (
            'a, b = os.environ.get("FEED_HOST", "127.0.0.1"), os.environ.get("FEED_PORT", "5000")\n'
            "server.serve_forever()",
            {"FEED_HOST": "0.0.0.0", "FEED_PORT": "8080"},
        ),
        # Which of them is for its users is not known.
        ('os.environ.get("A_PORT", "1000"); os.environ.get("B_PORT", "1001")', {}),
    ],
)  # fmt: skip
def test_defaults_that_nobody_outside_reaches(text: str, found: dict[str, str]) -> None:
    assert settings.needed({"app.py" if "os." in text else "app.js": text}, "8080", ()) == found


def test_what_the_deployment_sets_stays() -> None:
    text = 'port = int(os.environ.get("PORT", "3000"))'
    assert settings.needed({"app.py": text}, "8080", ("PORT",)) == {}
    assert settings.needed({"tests/test_app.py": text}, "8080", ()) == {}


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        ("Start it with `DATA_DIR=$PWD python3 app.py`.", {"DATA_DIR": "file:."}),
        ("Set DATA_DIR=data before.", {"DATA_DIR": "file:data"}),
        ("It needs DATA_DIR.", {}),
        ("For tests: `DATA_DIR=data pytest`", {}),
        ("I start it with DATA_DIR=/home/me/data.", {}),
        ("DATA_DIR=file:../../etc", {}),
    ],
)
def test_values_of_required_variables_are_those_of_the_readme(
    notes: str, found: dict[str, str]
) -> None:
    names = ("DATA_DIR", "API_TOKEN", "DB_PASS", "PATH", "DATABASE_URL")
    texts = {"app.py": "\n".join(f'os.environ["{name}"]' for name in names)}
    more = "API_TOKEN=abc DB_PASS=abc\nPATH=/x:$PATH\nDATABASE_URL=postgres://u:p@h/d\n"
    assert settings.required(texts, f"{more}{notes}", {"app.py", "data"}, ()) == found


def test_options_of_a_program_that_listens_for_itself_alone() -> None:
    text = (
        "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--host", default="127.0.0.1")\n'
        'parser.add_argument("--port", type=int, default=8000)\n'
        'parser.add_argument("--level", default="info")\n'
    )
    assert settings.options(text, "9090", "python3 -m fleet") == (
        "python3 -m fleet --host 0.0.0.0 --port 9090"
    )
    # They may be those of another command.
    assert settings.options(text + 'add_parser("ask")', "9090", "python3 a.py") == "python3 a.py"
    own = "python3 -m fleet --host 10.0.0.1 --port 1"
    assert settings.options(text, "9090", own) == own
    assert settings.options(text, "", "python3 -m fleet") == "python3 -m fleet --host 0.0.0.0"


@pytest.mark.parametrize(("variables", "there"), [([], True), ([{"name": "PORT"}], False)])
def test_the_port_of_the_container_is_where_a_new_image_listens(
    variables: list[dict[str, str]], there: bool
) -> None:
    container = {"name": "app", "ports": [{"containerPort": 8080}], "env": variables}
    web = DeploymentState(
        "production",
        "web",
        (ContainerState("app", f"{REGISTRY}/web:1.0.0"),),
        template=json.dumps({"spec": {"containers": [container]}}),
    )
    lines = facts(
        "There is no Dockerfile: write one, build {registry}/web, push it and update web.",
        files={"server.js": 'require("http").createServer().listen(process.env.PORT || 3000);\n'},
        deployments=[web],
        images=("node:22-slim",),
    ).commands
    assert ("\nENV PORT=8080\n" in lines[0]) == there
