"""What a workflow asks for arrives at the model letter by letter."""

import pytest

from devkit.scripted_replies import Finish
from tests.e2e.prompts import PROMPTS
from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker


# The other combinations run through act.
@pytest.mark.parametrize(
    ("name", "way"), [("chinese", "prompt-file"), ("quotes and shell", "prompt")]
)
def test_a_prompt_arrives_unchanged(fresh_site: Site, name: str, way: str) -> None:
    prompt = PROMPTS[name]
    with scripted([Finish("nothing to do")]) as model:
        inputs = fresh_site.inputs(model, expect="none")
        if way == "prompt-file":
            file = fresh_site.folders.workspace / "任务.txt"
            file.write_text(prompt, encoding="utf-8")
            inputs |= {"prompt": "", "prompt-file": file.name}
        else:
            inputs["prompt"] = prompt
        result = fresh_site.start(inputs).wait(120)

    assert result.outputs["status"] == "completed", result.log
    assert prompt in model.requests[0]["messages"][-1]["content"]
    assert not [item for item in result.annotations if item.level == "warning"]
