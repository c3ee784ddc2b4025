"""A deployment whose model is a service container of the job: another container on its network."""

import json
import secrets
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest

from devkit import images
from devkit.runner import start
from devkit.scripted_model import MODEL
from devkit.scripted_replies import Execute, Finish, Reply, to_json
from devkit.shell import ROOT
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

LABELS = {"oi-deploy.devkit": "test"}


def test_the_service_is_reached_by_its_name_on_the_job_s_network(
    fresh_site: Site, tmp_path: Path
) -> None:
    images.up()
    script = tmp_path / "script.json"
    replies: list[Reply] = [Execute(fresh_site.script()), Finish("发布完成")]
    script.write_text(json.dumps([to_json(reply) for reply in replies]), encoding="utf-8")
    client = docker.from_env()
    with ExitStack() as stack:
        stack.callback(client.close)
        # As ContainerOperationProvider.cs does it: a network for the job, on which each service
        # has its id as an alias, and to which the action's container goes too.
        network = client.networks.create(f"github_network_{secrets.token_hex(16)}", labels=LABELS)
        stack.callback(network.remove)
        command = f"-m devkit.scripted_model {script} --host 0.0.0.0 --port 8000"
        service = client.containers.create(
            images.PYTHON,
            ["python", *command.split()],
            labels=LABELS,
            volumes=[f"{ROOT}:{ROOT}:ro", f"{script}:{script}:ro"],
            working_dir=str(ROOT),
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
            network=str(network.name),
            networking_config={
                str(network.name): client.api.create_endpoint_config(aliases=["vllm"])
            },
        )
        stack.callback(service.remove, force=True, v=True)
        service.start()
        with_ = {
            **fresh_site.inputs_without_model(),
            "api-base": "http://vllm:8000/v1",
            "model": MODEL,
        }
        result = start(
            fresh_site.action,
            fresh_site.folders,
            with_,
            image=fresh_site.image,
            network=str(network.name),
        ).wait(300)
    assert result.ok, result.log
    assert result.outputs["status"] == "deployed"
    assert list(fresh_site.answers().values()) == [f"myapp {fresh_site.version}\n"] * 2
    assert not fresh_site.leftovers()
