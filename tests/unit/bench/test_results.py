"""Results: judged, kept, gone on with, shown."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.deploybench.__main__ import missing
from bench.deploybench.agents import Run
from bench.deploybench.picture import picture
from bench.deploybench.results import Result, append, judge, read, rows, table
from bench.deploybench.task import folders, load

TASK, OTHER = (load(folder) for folder in folders("plain_seed_zh plain_seed_en"))
RUN = Run(status="deployed", turns=2, prompt_tokens=900, completion_tokens=120, seconds=33.33)


def result(**changes: object) -> Result:
    """A run that passed, but for the changes."""
    good = judge(TASK, 1, RUN, (), agent="ours", model="small")
    return replace(good, **changes)  # type: ignore[arg-type]


def test_a_run_passes_with_a_right_status_and_nothing_found() -> None:
    found = result()

    assert found.passed and found.failures == ()
    assert (found.task, found.run, found.status, found.turns) == (TASK.id, 1, "deployed", 2)
    assert (found.prompt_tokens, found.completion_tokens, found.seconds) == (900, 120, 33.3)


def test_what_the_verifier_found_comes_before_a_wrong_status() -> None:
    found = judge(TASK, 1, Run(status="failed"), iter(["no image"]), agent="ours", model="small")

    assert not found.passed
    assert found.failures == ("no image", "the status is failed, not deployed")


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    first, second = result(), result(run=2, passed=False, failures=("标签不对",), errors=("e",))

    append(path, first)
    append(path, second)

    assert read(path) == (first, second)
    assert "标签不对" in path.read_text(encoding="utf-8")


def test_a_line_that_was_cut_off_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append(path, result())
    path.write_text(path.read_text(encoding="utf-8") + '{"agent": "ours", "mo', encoding="utf-8")

    assert read(path) == (result(),)


@pytest.mark.parametrize("line", ["no json", "[]", '{"agent": "ours"}'])
def test_another_line_that_is_no_result_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    append(path, result())

    with pytest.raises(ValueError, match=r"results\.jsonl:1"):
        read(path)


def test_a_run_that_was_repeated_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append(path, result(passed=False))
    append(path, result())

    assert read(path) == (result(),)


def test_no_file_has_no_results(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == ()


def test_only_what_is_missing_is_run_first_runs_first() -> None:
    done = [result(), result(task=OTHER.id, model="another")]

    todo = missing([TASK, OTHER], 2, done, agent="ours", model_name="small")

    assert [(task.id, number) for task, number in todo] == [
        (OTHER.id, 1),
        (TASK.id, 2),
        (OTHER.id, 2),
    ]


def test_a_row_counts_and_takes_medians() -> None:
    runs = [
        result(turns=1, completion_tokens=100, seconds=10),
        result(run=2, turns=2, completion_tokens=200, seconds=20),
        result(run=3, turns=9, completion_tokens=900, seconds=300, passed=False),
        result(task="scale_x", family="scale", turns=1, completion_tokens=50, seconds=5),
    ]

    plain, scale, everything = rows(runs, lambda item: item.family)

    assert (plain.name, plain.runs, plain.passed, plain.turns) == ("plain", 3, 2, 2)
    assert (plain.completion_tokens, plain.seconds) == (200, 20)
    assert (scale.name, scale.rate) == ("scale", 1.0)
    assert (everything.name, everything.runs, everything.rate) == ("all", 4, 0.75)


def test_the_table_names_each_failure_in_one_line() -> None:
    text = table([result(), result(run=2, passed=False, failures=("a | b\nc", "later"))])

    assert "| plain | 2 | 1 | 50% |" in text
    assert f"| {TASK.id} | 2 | deployed | a \\| b c |" in text
    assert "later" not in text


def test_the_table_adds_up_the_families_of_the_main_job() -> None:
    runs = [
        result(),
        result(task="tag_x", family="tags", passed=False),
        result(task="scale_x", family="scale"),
    ]

    assert "| build, push, rollout | 2 | 1 | 50% |" in table(runs)
    assert "build, push" not in table(runs[2:])


def test_a_table_without_failures_has_no_list_of_them() -> None:
    assert "failure" not in table([result()])


def test_the_picture_has_a_bar_for_each_family_and_agent() -> None:
    runs = [
        result(),
        result(agent="<other>", passed=False),
        result(agent="<other>", task="scale_x", family="scale"),
    ]

    texts = [item.text for item in ElementTree.fromstring(picture(runs)).iter() if item.text]

    assert {"plain", "scale", "all", "ours", "<other>"} <= set(texts)
    assert texts.count("1/1") == 3  # ours: plain and all; the other: scale
    assert {"0/1", "1/2"} <= set(texts)
