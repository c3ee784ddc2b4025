"""What the self-check lets a scripted model answer, and what the action tells about its end."""

from bench.deploybench.agents import Run, of
from bench.deploybench.checks import says_why
from bench.deploybench.selfcheck import replies
from bench.deploybench.task import folders, load
from devkit.output_manager import Annotation
from devkit.runner import StepResult
from devkit.scripted_replies import Execute, Finish


def test_a_perfect_model_runs_the_solution_and_says_so() -> None:
    (folder,) = folders("plain_seed_en")

    script, end = replies(load(folder), "registry.example.com")

    assert isinstance(script, Execute) and "{registry}" not in script.code
    assert "image=registry.example.com/library/myapp:" in script.code
    assert isinstance(end, Finish) and end.done


def test_where_nothing_can_be_done_a_perfect_model_gives_up() -> None:
    (folder,) = folders("impossible_undo_zh")

    (only,) = replies(load(folder), "registry.example.com")

    assert isinstance(only, Finish) and not only.done


def test_a_step_is_read_as_a_run() -> None:
    outputs = {"status": "failed", "turns": "3", "prompt-tokens": "", "completion-tokens": "80"}
    annotations = (Annotation("error", "no Deployment"), Annotation("warning", "slow"))
    step = StepResult(1, outputs, "", annotations, "log", {}, (), False, "name", 12.5)

    run = of(step)

    assert (run.status, run.turns, run.prompt_tokens, run.completion_tokens) == ("failed", 3, 0, 80)
    assert (run.errors, run.log, run.seconds) == (("no Deployment",), "log", 12.5)


def test_a_run_that_failed_has_to_say_why() -> None:
    assert list(says_why(Run(status="failed", errors=("no Deployment",)))) == []
    assert list(says_why(Run(status="deployed"))) == []
    assert len(list(says_why(Run(status="refused")))) == 1
