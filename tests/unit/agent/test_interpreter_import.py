"""Open Interpreter is imported without what it is not used for, and nothing else notices."""

import json
import subprocess
import sys

import pytest

from oi_deploy.agent.interpreter_import import UNUSED


def in_a_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_none_of_the_unused_packages_is_loaded() -> None:
    code = "import json, oi_deploy.agent.session; print(json.dumps(list(sys.modules)))"
    loaded = {name.partition(".")[0] for name in json.loads(in_a_new_process(code))}
    assert "interpreter" in loaded
    # httpx loads rich, for its own command line.
    assert loaded & set(UNUSED) <= {"rich"}


def test_everybody_else_gets_the_real_packages() -> None:
    code = "import oi_deploy.agent.session, rich.console; print(rich.console.Console)"
    assert in_a_new_process(code) == "<class 'rich.console.Console'>"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        # Open Interpreter catches litellm's exceptions, and the run's own must pass by them.
        (
            "from interpreter.core.respond import litellm\n"
            "try:\n"
            "    raise ValueError('passes')\n"
            "except litellm.exceptions.BudgetExceededError:\n"
            "    print('caught')\n"
            "except ValueError as error:\n"
            "    print(error)",
            "passes",
        ),
        (
            "from interpreter.core.respond import litellm\n"
            "try:\n"
            "    litellm.completion(model='x')\n"
            "except ImportError as error:\n"
            "    print(error)",
            "litellm.completion is not part of this action",
        ),
    ],
)
def test_what_is_not_there_says_so_only_when_it_is_used(code: str, said: str) -> None:
    assert in_a_new_process(f"import oi_deploy.agent.session\n{code}") == said
