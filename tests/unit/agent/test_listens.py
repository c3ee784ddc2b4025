"""A program that listens where its pods are not asked."""

import json
from dataclasses import replace

import pytest

from oi_deploy.verify.state import DeploymentState
from tests.unit.agent.worlds import FILES, deployment, facts, short

DOCKERFILE = (
    "FROM python:3.11-slim\nENV DEBUG=0 PORT=5000\nCOPY app.py .\nEXPOSE 5000\n"
    "CMD exec python3 app.py\n"
)
PROMPT = "The pods of web never get ready: connection refused. Fix the Dockerfile and roll web out."


def asked_at(port: int, *variables: str) -> DeploymentState:
    container = {
        "name": "app",
        "ports": [{"containerPort": port}],
        "env": [{"name": name, "value": "1"} for name in variables],
    }
    return replace(deployment("web"), template=json.dumps({"spec": {"containers": [container]}}))


def edits(prompt: str, dockerfile: str, item: DeploymentState) -> list[str]:
    found = facts(prompt, files={**FILES, "Dockerfile": dockerfile}, deployments=[item])
    return [line for line in short(found.commands) if line.startswith("sed ")]


def test_it_listens_where_its_pods_are_asked() -> None:
    assert edits(PROMPT, DOCKERFILE, asked_at(8080)) == [
        "sed -i '2s#5000#8080#' Dockerfile",
        "sed -i '4s#5000#8080#' Dockerfile",
    ]
    command = DOCKERFILE.replace(" PORT=5000", "").replace("app.py\n", "app.py --port 5000\n")
    assert "sed -i '5s#5000#8080#' Dockerfile" in edits(PROMPT, command, asked_at(8080))


@pytest.mark.parametrize(
    ("prompt", "item"),
    [
        (PROMPT, asked_at(5000)),
        # A variable of the pods counts more than one of the image.
        (PROMPT, asked_at(8080, "PORT")),
        # Nothing is said to be wrong with it.
        ("Fix the typo in the Dockerfile, and roll web out.", asked_at(8080)),
    ],
)
def test_a_port_that_may_be_right_stays(prompt: str, item: DeploymentState) -> None:
    assert edits(prompt, DOCKERFILE, item) == []
