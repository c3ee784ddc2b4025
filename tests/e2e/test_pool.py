"""Whole deployments on a pool of two real vLLM servers, of which one dies while it writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import pool, world
from devkit.demo import PROMPT, inputs_for
from devkit.pool import Server
from tests.e2e.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.engine]

# What only the action's own server needs to know.
_OF_OUR_SERVER = ("engine", "gpus", "vllm-image", "max-model-len", "keep-warm")


@pytest.fixture(scope="module")
def both() -> Iterator[list[Server]]:
    values = world.up(with_model=True)
    model = Path(values["MODEL_PATH"])
    with pool.servers(values["VLLM_IMAGE"], model, 2, max_model_len=8192) as started:
        yield started


@pytest.mark.parametrize("way", ["behind a router", "as a list"])
def test_a_deployment_survives_the_death_of_the_server_that_writes(
    fresh_site: Site, both: list[Server], way: str
) -> None:
    prompt = PROMPT.replace("{registry}", fresh_site.values["REGISTRY"])
    given = inputs_for(world.up(with_model=True), prompt)
    inputs = {name: value for name, value in given.items() if name not in _OF_OUR_SERVER}
    inputs |= {"api-key": both[0].key, "model": both[0].model, "timeout": "1h"}
    killed: list[Server] = []
    killers = {server.container: server.killer() for server in both}

    def on_line(line: str) -> None:
        # The first line of the model's script, which is not at its end yet.
        if "│ " in line and not killed:
            (busy,) = [server for server in both if server.running()]
            killed.append(busy)
            killers[busy.container]()

    def deploy(api_base: str) -> None:
        result = fresh_site.start({**inputs, "api-base": api_base}, on_line=on_line).wait(3600)
        assert result.ok, result.log
        assert result.outputs["status"] == "deployed"
        log = fresh_site.folders.workspace / result.outputs["log-path"]
        again = [line for line in log.read_text().splitlines() if " model.again " in line]
        # A router needs a moment to see that its server is gone; a list needs none.
        assert "broke-off=true" in again[0]
        assert way == "behind a router" or len(again) == 1
        assert both[0].key not in result.log + log.read_text()

    try:
        if way == "as a list":
            deploy("\n".join(server.api_base for server in both))
        else:
            with pool.router(both) as url:
                deploy(f"{url}/v1")
    finally:
        for server in killed:
            server.restart()
    assert list(fresh_site.answers().values()) == [f"myapp {fresh_site.version}\n"] * 2
    assert not fresh_site.leftovers()
