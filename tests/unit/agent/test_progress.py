"""The message of a turn: what it says, and what it leaves out when the window is small."""

import pytest

from oi_deploy.agent.facts import Facts
from oi_deploy.agent.progress import State, render, still_to_run, tokens

TASK = "Roll out web, 请"


def test_a_message_that_is_too_long_loses_outputs_and_lists_and_never_the_task() -> None:
    facts = Facts(
        commit="abc1234",
        files=tuple(f"src/file{number}.py" for number in range(60)),
        deployments=("Deployment web in namespace p: 2 replicas, 2 ready.",),
        commands=("docker push r/web:1",),
    )
    state = State(
        script="docker push r/web:1",
        output="\n".join(f"line {number} of the output" for number in range(500)) + "\nthe error",
        missing=("It is missing.",),
    )
    whole = render(TASK, facts, state)
    assert "src/file59.py" in whole and "the error" in whole
    for budget in (700, 500, 350, 200, 120):
        text = render(TASK, facts, state, budget=budget)
        assert tokens(text) <= budget
        assert TASK in text and "docker push r/web:1" in text and "It is missing." in text
    small = render(TASK, facts, state, budget=350)
    assert "src/file59.py" not in small and "60 more" not in small
    assert "the error" in render(TASK, facts, state, budget=500)


def test_a_task_that_alone_is_too_long_stays_whole() -> None:
    assert TASK * 500 in render(TASK * 500, Facts(), State(output="x\n" * 99), budget=100)


def test_an_empty_section_has_no_heading() -> None:
    text = render(TASK, Facts(), State())
    assert text == f"# Task\n{TASK}\n"


@pytest.mark.parametrize(
    "ran",
    [
        "kubectl -n p rollout restart deployment/web",
        "kubectl rollout restart deployment web -n p",
        "kubectl --namespace=p rollout restart deployments/web",
    ],
)
def test_lines_that_ran_in_other_words_are_done(ran: str) -> None:
    restart, scale = "kubectl -n p rollout restart deployment/web", "kubectl -n p scale x"
    assert still_to_run(Facts(commands=(restart, scale)), [ran]) == (scale,)
    assert still_to_run(Facts(commands=(restart,)), ["kubectl -n p get pods"]) == (restart,)
