"""However a command is written, it stays what it is: refused, or passed with one meaning."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oi_deploy.broker.policy import Policy, Tool
from tests.unit.broker.asking import ask, comparable, narrowest, widest, workspace
from tests.unit.broker.commands import COMMANDS, DOCKER_GLOBAL, FORBIDDEN, Command
from tests.unit.broker.settings import steady
from tests.unit.broker.spellings import Line, Option, same, spell

SEEDS = st.integers(0, 2**32)
NAMES = [f"{one.tool} {' '.join(one.line.plain())}"[:60] for one in COMMANDS]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return widest(workspace(tmp_path_factory.mktemp("commands")))


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
@steady(20)
@given(seed=SEEDS)
def test_a_command_that_passes_does_so_in_every_spelling(
    policy: Policy, command: Command, seed: int
) -> None:
    plain = ask(policy, command.tool, command.line.plain(), command.stdin)
    assert plain.allowed, plain.reason
    chance = Random(seed)
    for _ in range(4):
        words = spell(chance, command.line, repeat=False)
        spelled = ask(policy, command.tool, words, command.stdin)
        assert (spelled.allowed, spelled.reason, words) == (True, "", words)
        assert comparable(spelled) == comparable(plain)
        assert same(spelled.argv) == same(plain.argv)


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
@steady(15)
@given(seed=SEEDS)
def test_no_spelling_turns_a_refusal_into_a_pass(
    policy: Policy, command: Command, seed: int
) -> None:
    chance = Random(seed)
    for line in command.hostile():
        for _ in range(2):
            words = spell(chance, line)
            decision = ask(policy, command.tool, words, command.stdin)
            assert (decision.allowed, words) == (False, words)
            assert decision.reason and decision.rule.startswith(f"{command.tool}.")
            assert (decision.argv, decision.stdin, decision.context) == ((), b"", None)


@steady(20)
@given(seed=SEEDS)
def test_no_global_flag_of_docker_passes_before_any_command(policy: Policy, seed: int) -> None:
    chance = Random(seed)
    for command in COMMANDS:
        for flag in DOCKER_GLOBAL if command.tool == "docker" else ():
            words = spell(chance, Line("", options=(flag,)), repeat=False)
            assert not ask(policy, "docker", (*words, *spell(chance, command.line))).allowed


@pytest.mark.parametrize("tool", ["docker", "kubectl"])
@steady(20)
@given(seed=SEEDS)
def test_forbidden_commands_stay_forbidden(policy: Policy, tool: Tool, seed: int) -> None:
    chance = Random(seed)
    harmless = [Option("help", "false", joined=True), Option("namespace", "production", "n")]
    for text in FORBIDDEN[tool]:
        head, *rest = text.split()
        flags = harmless[: 1 + (tool == "kubectl")]
        words = spell(chance, Line(head, tuple(rest), (), tuple(flags)))
        assert (ask(policy, tool, words).allowed, words) == (False, words)


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_no_command_and_no_flag_can_be_shortened(policy: Policy, command: Command) -> None:
    head = command.line.command.split()
    rest = command.line.plain()[len(head) :]
    known = {one.line.command.split()[0] for one in COMMANDS} | {"image", "config", "login"}
    for length in range(1, len(head[0])):
        short = head[0][:length]
        if short not in known:
            assert not ask(policy, command.tool, (short, *head[1:], *rest), command.stdin).allowed
    longs = {option.long for option in (*command.line.options, *command.line.anywhere)}
    for option in (*command.flags, *command.anywhere):
        for length in range(1, len(option.long)):
            short = option.long[:length]
            if short not in longs and not any(one.long == short for one in command.flags):
                line = command.line.adding(Option(short, option.value))
                assert not ask(policy, command.tool, line.plain(), command.stdin).allowed, short


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
@steady(5)
@given(seed=SEEDS)
def test_the_default_policy_allows_nothing_that_the_widest_refuses(
    policy: Policy, command: Command, seed: int
) -> None:
    chance, default = Random(seed), narrowest(Path(policy.workspace))
    for line in [command.line, *command.hostile()]:
        words = spell(chance, line)
        if ask(default, command.tool, words, command.stdin).allowed:
            assert ask(policy, command.tool, words, command.stdin).allowed, words
