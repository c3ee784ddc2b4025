"""docs/engine.md says how vLLM is started, and it is started so."""

import re
import shlex

from oi_deploy.engine.flags import FLAGS, LEFT, VARIABLES, Flag, Variable, arguments
from tests.engine_table import PAGE, default_settings, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_docs_engine_md_has_the_tables_of_the_code() -> None:
    """If this fails: python -m tests.engine_table."""
    assert written(TEXT) == TEXT


def test_the_command_of_the_docs_is_what_the_default_inputs_start() -> None:
    (block,) = re.findall(r"```sh\n(vllm serve .*?)\n```", TEXT, re.DOTALL)
    words = shlex.split(block.replace("\\\n", " "))
    assert words[2:] == arguments(default_settings(), host="127.0.0.1", port=8000)


def test_everything_has_its_reason_and_what_is_conditional_says_when() -> None:
    reasons = [flag.reason for flag in FLAGS] + [variable.reason for variable in VARIABLES]
    assert all(reasons + [one.reason for one in LEFT])
    assert {bool(flag.when) == (flag.wanted is not Flag.wanted) for flag in FLAGS} == {True}
    assert {bool(one.when) == (one.wanted is not Variable.wanted) for one in VARIABLES} == {True}
