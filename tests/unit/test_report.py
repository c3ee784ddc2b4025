"""What a run leaves behind, and that hostile content stays content."""

import ast
import errno
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from oi_deploy.errors import Status
from oi_deploy.redact import Redactor
from oi_deploy.report import (
    DeployLog,
    Transcript,
    outputs_of,
    publish,
    summary_markdown,
    table,
)
from oi_deploy.result import CheckLine, CommandLine, RunResult
from oi_deploy.workflow import OUTPUTS, Workflow

ROOT = Path(__file__).parents[2]

RESULT = RunResult(
    status=Status.DEPLOYED,
    prompt="部署 it",
    image_tag="r.example.com/a:1",
    image_digest="sha256:abc",
    deployment="web",
    namespace="production",
    revision="7",
    previous_image="r.example.com/a:0",
    changed=True,
    log_path="deploy.log",
    turns=2,
    model="m",
    phases=(("engine", 61.5), ("agent", 3.0)),
    checks=(CheckLine(True, "The registry has <b>it</b>."),),
    commands=(CommandLine("docker push a", True, 0, 1.0, True),),
)


def test_every_declared_output_is_set() -> None:
    assert list(outputs_of(RESULT)) and set(outputs_of(RESULT)) == {name for name, _ in OUTPUTS}
    assert outputs_of(RESULT)["changed"] == "true"


def test_the_log_is_one_line_an_event(tmp_path: Path) -> None:
    log = DeployLog(tmp_path / "log", Redactor(["topsecret"]))
    log.event(
        "broker.command", command='docker push "x"\ntopsecret', exit_code=0, allowed=True, x=None
    )
    time, rest = (tmp_path / "log").read_text().rstrip("\n").split(" ", 1)
    assert time.endswith("Z") and "T" in time
    assert "None" not in rest
    assert rest == 'broker.command command="docker push \\"x\\"\\n***" exit-code=0 allowed=true'


def test_the_transcript_is_redacted_json_lines(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "t", Redactor(["topsecret"]))
    transcript.add("command", argv=["a", "topsecret"], exit_code=None, seconds=1.5)
    record = json.loads((tmp_path / "t").read_text())
    assert record["argv"] == ["a", "***"]
    assert (record["kind"], record["exit_code"], record["seconds"]) == ("command", None, 1.5)


def test_half_a_character_does_not_end_a_run(tmp_path: Path) -> None:
    Transcript(tmp_path / "t", Redactor([])).add("answer", text="\ud83d 部署")
    line = (tmp_path / "t").read_text(encoding="utf-8")
    assert json.loads(line)["text"] == "\ud83d 部署" and "部署" in line
    DeployLog(tmp_path / "log", Redactor([])).event("turn.answer", text="\ud83d")
    assert (tmp_path / "log").read_text().endswith("text=<U+D83D>\n")


def published(tmp_path: Path, relative: str = "deploy.log") -> tuple[str, Path]:
    source = tmp_path / "private.log"
    source.write_text("our line\n")
    workspace = tmp_path / "workspace"
    workspace.mkdir(exist_ok=True)
    return publish(source, workspace, relative, redactor=Redactor(["topsecret"])), workspace


def test_the_models_own_lines_stay_apart_from_ours(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/deploy.log").write_text("forged topsecret\n")
    path, workspace = published(tmp_path)
    lines = (workspace / path).read_text().splitlines()
    assert lines[0] == "our line"
    assert lines[1].startswith("# ---") and "written by the model's code" in lines[1]
    assert lines[2:] == ["# forged ***"]


def test_a_transcript_stays_json_lines_whatever_was_there(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "t.jsonl").write_text('{"kind": "end", "status": "deployed"}\n')
    source = tmp_path / "transcript.jsonl"
    Transcript(source, Redactor([])).add("end", status="failed")
    publish(source, workspace, "t.jsonl", redactor=Redactor([]))
    records = [json.loads(line) for line in (workspace / "t.jsonl").read_text().splitlines()]
    assert [record["kind"] for record in records] == ["end", "note", "note"]
    assert records[0]["status"] == "failed"


def test_what_is_kept_of_the_models_lines_is_bounded_and_cuts_no_secret(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    size = 64 * 1024
    (tmp_path / "workspace/deploy.log").write_text("x" * (size - 5) + "\ntopsecret\n")
    path, workspace = published(tmp_path)
    lines = (workspace / path).read_text().splitlines()
    assert lines[-1] == f"# (the rest of its {size + 6} bytes is left out)"
    assert "tops" not in (workspace / path).read_text()


def test_a_link_in_the_logs_place_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/deploy.log").symlink_to(victim)
    path, workspace = published(tmp_path)
    assert victim.read_text() == "untouched"
    assert not (workspace / path).is_symlink()
    assert (workspace / path).read_text() == "our line\n"


def test_a_second_name_of_another_file_is_not_copied_into_the_log(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("private")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/deploy.log").hardlink_to(victim)
    path, workspace = published(tmp_path)
    assert (workspace / path).read_text() == "our line\n"
    assert victim.read_text() == "private"


def test_a_folder_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/logs").symlink_to(outside)
    path, workspace = published(tmp_path, "logs/deploy.log")
    assert not list(outside.iterdir())
    assert re.fullmatch(r"deploy\.[0-9a-f]{8}\.log", path)
    first, second = (workspace / path).read_text().splitlines()
    assert first == "our line" and second.startswith("# logs/deploy.log is taken")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_in_the_logs_place_gives_another_name(tmp_path: Path, kind: str) -> None:
    taken = tmp_path / "workspace/deploy.log"
    taken.parent.mkdir()
    if kind == "folder":
        taken.mkdir()
    else:
        os.mkfifo(taken)
    path, workspace = published(tmp_path)
    assert path != "deploy.log" and (workspace / path).read_text().startswith("our line\n# ")


def test_nothing_is_left_behind_when_the_log_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        published(tmp_path)
    assert not list((tmp_path / "workspace").iterdir())


def test_the_log_belongs_to_the_workspaces_owner(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    if os.geteuid() == 0:
        os.chown(workspace, 1001, 1001)
    path, _ = published(tmp_path, "logs/deploy.log")
    for item in (workspace / path, (workspace / path).parent):
        assert item.stat().st_uid == workspace.stat().st_uid
    assert (workspace / path).stat().st_mode & 0o777 == 0o644


def test_nothing_breaks_out_of_the_summary() -> None:
    attack = "```\n# owned\n<script>alert(1)</script> | `x` [a](javascript:b)"
    hostile = replace(
        RESULT,
        prompt=attack,
        deployment="a|b`<i>",
        error=attack,
        checks=(CheckLine(False, attack),),
        commands=(CommandLine(attack, True, 0, 1.0, True),),
    )
    outside, fence = [], ""
    for line in summary_markdown(hostile).splitlines():
        if not fence and line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    text = "\n".join(outside)
    assert not fence
    assert "<script>" not in text and "# owned" not in text.splitlines()
    assert "<i>" not in text and "[a](" not in text


def test_a_failure_shows_the_cause_first() -> None:
    failed = replace(RESULT, status=Status.FAILED, error="the cause", remedy="do this")
    text = summary_markdown(failed)
    assert text.index("the cause") < text.index("do this") < text.index("r.example.com")


def test_no_secret_gets_into_the_summary_by_being_escaped(tmp_path: Path) -> None:
    secret = 'a|b*c<d>&e_f"g`h'
    leaking = replace(
        RESULT,
        prompt=secret,
        image_tag=f"r.example.com/{secret}",
        error=f"denied: {secret}",
        checks=(CheckLine(False, f"found {secret}"),),
        commands=(CommandLine(f"docker build {secret}", False, None, 0.0, False),),
    )
    file = tmp_path / "summary"
    workflow = Workflow({"GITHUB_STEP_SUMMARY": str(file)}, io.StringIO(), Redactor([secret]))
    workflow.summary(summary_markdown(leaking))
    assert file.read_text().count("***") == 5
    assert "g`h" not in file.read_text() and "g&#" not in file.read_text()


def test_the_summary_shows_what_changed_and_what_failed() -> None:
    commands = (
        CommandLine("docker push a", True, 1, 1.0, True),
        CommandLine("kubectl apply -f x", True, None, 1.0, True),
        CommandLine("kubectl get pods", True, 0, 1.0, False),
        CommandLine("kubectl delete ns x", False, None, 0.0, True),
    )
    text = summary_markdown(replace(RESULT, commands=commands, changed=False))
    assert "```sh\ndocker push a  # exit code 1\nkubectl apply -f x  # killed\n```" in text
    assert "### Refused commands\n\n```sh\nkubectl delete ns x\n```" in text
    assert "get pods" not in text
    assert "nothing had to change" in text and "nothing had to change" not in summary_markdown(
        RESULT
    )


def test_the_time_line_has_one_bar_a_phase() -> None:
    lines = summary_markdown(RESULT).split("```mermaid\n")[1].split("\n```")[0].splitlines()
    assert lines[-2:] == [
        "    engine 62 s : 00:00:00, 00:01:02",
        "    agent 3 s : 00:01:02, 00:01:05",
    ]


def test_a_long_prompt_is_shown_by_its_first_lines() -> None:
    text = summary_markdown(replace(RESULT, prompt="a line\n" * 1000))
    assert text.count("a line") == 200 and "... and 800 more" in text


def test_the_table_begins_with_the_status() -> None:
    assert table(RESULT).splitlines()[0].split() == ["status", "deployed"]


@pytest.mark.parametrize("method", ["event", "add"])
def test_every_event_and_kind_is_documented_with_its_fields(method: str) -> None:
    calls = [
        node
        for path in (ROOT / "src/oi_deploy").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and ast.unparse(node.func.value).split(".")[-1] in ("log", "transcript")
    ]
    assert calls
    rows = {
        line.split("`")[1]: line
        for line in (ROOT / "docs/log-format.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    }
    for call in calls:
        name = ast.literal_eval(call.args[0])
        fields = [word.arg for word in call.keywords if word.arg]
        written = [field.replace("_", "-") if method == "event" else field for field in fields]
        assert all(f"`{field}`" in rows[name] for field in written), (name, written)
