"""The main job with a real model on a real vLLM, which the action starts beside itself."""

from pathlib import Path

import pytest

from devkit import world
from devkit.demo import PROMPT, inputs_for
from tests.e2e.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.model]


def test_a_chinese_sentence_becomes_a_running_deployment(
    fresh_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    values = world.up(with_model=True)
    prompt = PROMPT.replace("{registry}", values["REGISTRY"])
    with capsys.disabled():
        result = fresh_site.start(inputs_for(values, prompt), on_line=print).wait(1500)
    outputs = result.outputs
    assert result.ok, result.log
    assert outputs["status"] == "deployed"
    tag = outputs["image-tag"].rpartition(":")[2]
    assert outputs["image-digest"] == fresh_site.digest(tag) != ""
    answers = fresh_site.answers()
    assert list(answers.values()) == [f"myapp {fresh_site.version}\n"] * 2, answers
    assert outputs["model"] == Path(values["MODEL_PATH"]).name
    assert not fresh_site.leftovers()
