"""The benchmark's tasks: each can be read, and nothing of them is in the action."""

import re
from collections import Counter
from pathlib import Path

import pytest

from bench.deploybench.task import TASKS, Task, TaskError, folders, load
from oi_deploy import inputs
from oi_deploy.errors import Status

ROOT = Path(__file__).parents[3]
OURS = [load(folder) for folder in folders("")]
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in (ROOT / "src" / "oi_deploy").rglob("*")
    if path.is_file() and path.suffix not in (".pyc", ".typed")
}


def test_there_are_at_least_forty_in_both_languages() -> None:
    languages = Counter(task.spec.language for task in OURS)

    assert len(OURS) >= 40
    assert min(languages["zh"], languages["en"]) >= 15
    assert languages["mixed"]


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.id)
def test_a_task_uses_inputs_and_statuses_that_exist(task: Task) -> None:
    assert set(task.spec.inputs) <= set(inputs.names())
    assert set(task.spec.expect) <= {str(status) for status in Status}
    assert not set(task.spec.inputs) & {"prompt", "registry", "model", "api-base", "max-turns"}


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.id)
def test_a_task_that_can_be_done_ends_green_and_another_does_not(task: Task) -> None:
    green = {"deployed", "pushed", "completed"}

    if task.passive:
        assert {"refused", "failed"} <= set(task.spec.expect)
    else:
        assert set(task.spec.expect) <= green


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.id)
def test_nothing_of_a_task_is_in_the_action(task: Task) -> None:
    # What any prompt may have: a reference, and the command that names the commit.
    parts = re.split(r"\{registry\}[^\s$]*|\$\([^)]*\)|[,。:;.\n]", task.spec.prompt)
    sentences = [part.strip() for part in parts if len(part.strip().encode()) >= 30]
    for path, text in SOURCES.items():
        assert task.id not in text, path
        assert not [part for part in sentences if part in text], path


def test_the_sources_are_looked_at() -> None:
    assert any(path.name == "loop.py" for path in SOURCES)


def task_folder(folder: Path, **changes: str) -> Path:
    """A folder with a well-formed task, but for the changes."""
    files = {
        "task.yaml": f"id: {folder.name}\nlanguage: en\ndifficulty: easy\nfamily: plain\n"
        "prompt: do it at {registry}\nexpect: [deployed]\n",
        "task.py": "def setup(world): ...\ndef verify(world, run): return ()\n",
        "solution.sh": "true\n",
    }
    folder.mkdir(parents=True)
    for name, text in (files | changes).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_task_outside_the_repository_is_read(tmp_path: Path) -> None:
    task = load(task_folder(tmp_path / "one_task"))

    assert (task.id, task.solution, task.wrong) == ("one_task", "true\n", "")
    assert task.text("registry.example.com") == "do it at registry.example.com"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task.yaml": "id: other_name"}, "language"),
        ({"task.yaml": "id: [\n"}, "task.yaml"),
        ({"task.py": "def setup(world): ...\n"}, "it needs setup"),
        ({"task.py": "import no_such_module\n"}, "ModuleNotFoundError"),
    ],
)
def test_a_malformed_task_is_named(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        load(task_folder(tmp_path / "one_task", **changes))


def test_the_id_must_be_the_folder_s_name(tmp_path: Path) -> None:
    task_folder(tmp_path / "one_task").rename(tmp_path / "another_task")

    with pytest.raises(TaskError, match="the id is one_task"):
        load(tmp_path / "another_task")


@pytest.mark.parametrize("family", ["impossible", "plain"])
def test_a_task_without_a_solution_needs_a_wrong_script(tmp_path: Path, family: str) -> None:
    folder = task_folder(tmp_path / "one_task")
    (folder / "solution.sh").unlink()

    with pytest.raises(TaskError, match=r"wrong\.sh"):
        load(folder)


def test_no_pattern_means_all_of_our_tasks() -> None:
    assert folders("") == folders("*")
    assert set(folders("plain_*")) < set(folders(""))
    assert {path.parent for path in folders("")} == {TASKS}


def test_a_path_means_a_task_or_all_in_a_folder(tmp_path: Path) -> None:
    one, two = task_folder(tmp_path / "one_task"), task_folder(tmp_path / "two_task")
    (tmp_path / "no_task").mkdir()

    assert folders(f"{tmp_path}/") == (one, two)
    assert folders(f"{tmp_path}/two_*") == (two,)
    assert folders(f"{two} {tmp_path}/*") == (two, one)


def test_a_run_may_get_less_time_than_its_task_has_and_never_more(tmp_path: Path) -> None:
    task = load(task_folder(tmp_path / "one_task"))
    usual = task.spec.limits
    assert task.within(usual.minutes - 1).spec.limits.minutes == usual.minutes - 1
    assert task.within(usual.minutes + 1).spec.limits == usual


@pytest.mark.parametrize("pattern", ["nothing_like_it", "/no/such/folder"])
def test_a_pattern_that_means_nothing_is_an_error(pattern: str) -> None:
    with pytest.raises(TaskError, match=pattern):
        folders(pattern)


def test_the_documentation_counts_the_families() -> None:
    text = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", text, flags=re.MULTILINE)

    assert {name: int(number) for name, number in rows} == Counter(
        task.spec.family for task in OURS
    )
