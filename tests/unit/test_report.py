"""What a run leaves behind, and that hostile content stays content."""

import ast
import errno
import html
import io
import json
import os
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from devkit.output_manager import OutputManager
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
from oi_deploy.result import CheckLine, CommandLine, DeploymentLine, Phase
from oi_deploy.workflow import OUTPUTS, Workflow
from tests.transcripts import SCHEMA, problems
from tests.unit.runs import ATTACKS, RESULT, told

ROOT = Path(__file__).parents[2]


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
    assert json.loads(line)["text"] == "<U+D83D> 部署" and "部署" in line
    DeployLog(tmp_path / "log", Redactor([])).event("turn.answer", text="\ud83d")
    assert (tmp_path / "log").read_text().endswith("text=<U+D83D>\n")


# What could reach a terminal, the runner or a reader's eyes from a log that somebody prints.
_HOSTILE = (
    "\x1b[2J\x1b]0;title\x07\x9b31m\u202egro.live\u2066\u200b\U000e0041\ufe00\u2028\x85\x7f\x0c"
    "\r::error::forged\n##[add-mask]forged\n##\x00[error]forged ##[group]forged"
)


def test_both_logs_can_be_printed_by_a_later_step(tmp_path: Path) -> None:
    # Workflows do that: `run: cat deploy.log`. The runner reads `##[` anywhere in a line.
    log, transcript = tmp_path / "log", tmp_path / "t"
    DeployLog(log, Redactor([])).event("broker.command", command=_HOSTILE, reason=["x", _HOSTILE])
    Transcript(transcript, Redactor([])).add("result", output=_HOSTILE, argv=[_HOSTILE, "##", "["])
    (tmp_path / "workspace").mkdir()
    for name, source in (("deploy.log", log), ("t.jsonl", transcript)):
        (tmp_path / "workspace" / name).write_text(_HOSTILE)
        source = source.rename(source.with_suffix(Path(name).suffix))
        publish(source, tmp_path / "workspace", name, redactor=Redactor([]))
        text = (tmp_path / "workspace" / name).read_text(encoding="utf-8")
        runner = OutputManager()
        for line in text.split("\n"):
            runner.feed(line)
        assert "forged" in text and "<U+202E>" in text
        assert not runner.annotations and runner.masked("forged") == "forged"
        assert "##[" not in text
        assert not {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl")} - {"\n"}


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


def made_of(text: str) -> str:
    """The summary of a run in which everything that others can write is this text."""
    failed, good = (
        summary_markdown(told(text, status)) for status in (Status.FAILED, Status.DEPLOYED)
    )
    return f"{failed}\n{good}"


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_breaks_out_of_the_summary(attack: str) -> None:
    text = made_of(attack)
    assert _structure(text) == _structure(made_of("x"))
    whole = r"[@$]|(?<!&)#|&#(?:35|36|64);(?!<!-- -->)"
    assert not re.findall(whole, _outside_blocks(text))


def _structure(markdown: str) -> list[str]:
    """What Markdown makes of a text: headings, lists, tables, code blocks, links, HTML."""
    found: list[str] = []
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for block in parser.parse(markdown):
        found += [f"{block.type} {block.tag} {block.info}"] if block.type != "inline" else []
        for item in block.children or ():
            if item.type in ("text", "text_special") or item.content == "<!-- -->":
                continue
            found.append(f"{item.type} {item.content}")
    return found


def _outside_blocks(markdown: str) -> str:
    """The source of what GitHub looks through for addresses, names and formulas."""
    blocks = MarkdownIt("commonmark").parse(markdown)
    fences = [block.map for block in blocks if block.type == "fence" and block.map]
    lines = markdown.split("\n")
    inside = {number for begin, end in fences for number in range(begin, end)}
    kept = [line for number, line in enumerate(lines) if number not in inside]
    return "\n".join(line.lstrip("#") for line in kept)


@pytest.mark.parametrize(
    "address",
    [
        "https://e.example",
        "ftp://e.example",
        "www.e.example",
        "WWW.e.example",
        "a@e.e",
        "&lt;b&gt;",
    ],
)
def test_the_summary_shows_addresses_as_they_are_and_makes_no_links_of_them(address: str) -> None:
    """GitHub's own Markdown makes links of bare ones (GFM, autolinks); it must see none."""
    text = summary_markdown(replace(RESULT, model=address, checks=(CheckLine(True, address),)))
    assert address not in _outside_blocks(text)
    shown = html.unescape(_outside_blocks(text).replace("<!-- -->", ""))
    assert shown.count(address) == 2


def test_a_command_cannot_pretend_to_be_several() -> None:
    forged = "kubectl -n production set image deployment/web app=r.example.com/a:2"
    command = f"docker build --label 'a=b\n{forged}\r{forged}' ."
    changed, refused = (
        CommandLine(command, True, 0, 1, True),
        CommandLine(command, False, 1, 0, True),
    )
    lines = summary_markdown(replace(RESULT, commands=(changed, refused))).splitlines()
    assert forged not in lines
    assert lines.count(f"docker build --label 'a=b\\n{forged}\\n{forged}' .") == 2
    assert len(table(replace(RESULT, model=f"m\nstatus  deployed\r{forged}")).splitlines()) == 16


def test_no_text_is_long_enough_to_push_out_what_comes_after_it(tmp_path: Path) -> None:
    long = CommandLine("docker build --label " + "x" * 900_000, True, 0, 1.0, True)
    many = [
        CommandLine(f"docker tag a b{n}" + "x" * 7000, False, None, 0.0, True) for n in range(300)
    ]
    last = CommandLine("docker push r.example.com/a:1", True, 0, 1.0, True)
    file = tmp_path / "summary"
    workflow = Workflow({"GITHUB_STEP_SUMMARY": str(file)}, io.StringIO(), Redactor([]))
    flooded = replace(
        RESULT,
        prompt="部" * 8000 + "\nlast words",
        error="x\n" * 10**6,
        commands=(long, *many, last),
    )
    workflow.summary(summary_markdown(flooded))
    text = file.read_text(encoding="utf-8")
    assert "(a line of 900021 bytes)\ndocker push r.example.com/a:1\n```" in text
    assert "docker tag a b0x" in text and "... and 286 more\n```" in text
    assert "(a line of 24000 bytes)\nlast words\n```" in text
    assert "Cut here" not in text


def test_even_text_that_grows_most_by_being_escaped_leaves_room_for_the_end(tmp_path: Path) -> None:
    flood = "@" * 7000
    hostile = told(flood, Status.FAILED)
    file = tmp_path / "summary"
    Workflow({"GITHUB_STEP_SUMMARY": str(file)}, io.StringIO(), Redactor([])).summary(
        summary_markdown(
            replace(
                hostile,
                error=f"{flood}\n" * 1000,
                remedy=f"{flood}\n" * 1000,
                prompt=f"{flood}\n" * 1000,
                last_words=f"{flood}\n" * 1000,
                checks=hostile.checks * 1000,
                rollback=hostile.rollback * 1000,
                commands=hostile.commands * 1000,
                deployments=(DeploymentLine(*["@" * 1024] * 6),) * 1000,
                report_path="the-report.html",
            )
        )
    )
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) <= 1024 * 1024
    assert "Cut here" not in text and "the-report.html" in text.splitlines()[-1]


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
    assert file.read_text().count("***") == 7
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
        "    engine 61.5 s : 00:00:00.000, 00:01:01.500",
        "    agent 3.0 s : 00:01:01.500, 00:01:04.500",
    ]


def test_the_time_line_takes_no_orders() -> None:
    hostile = replace(RESULT, phases=(Phase("a : 1, 2\nclick a href 'https://e.example'", 1.0),))
    lines = summary_markdown(hostile).split("```mermaid\n")[1].split("\n```")[0].splitlines()
    assert lines[4:] == ["    a  1 2 click a href httpseexample 1.0 s : 00:00:00.000, 00:00:01.000"]


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
        if method == "add":
            assert set(fields) <= set(SCHEMA["$defs"][name]["properties"]), name


def test_the_transcripts_schema_has_the_kinds_and_endings_that_there_are() -> None:
    kinds = {name.rpartition("/")[2] for item in SCHEMA["oneOf"] for name in item.values()}
    text = (ROOT / "docs/log-format.md").read_text(encoding="utf-8").partition("## Transcript")[2]
    assert kinds == {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert set(SCHEMA["$defs"]["end"]["properties"]["status"]["enum"]) == set(Status)


def test_a_line_that_is_not_as_the_schema_says_is_found() -> None:
    line = {"time": "2026-11-24T04:30:00.123Z", "kind": "end", "status": "deployed", "error": ""}
    assert not list(problems(json.dumps(line)))
    for wrong in (line | {"status": "done"}, line | {"more": 1}, line | {"kind": "ending"}):
        assert list(problems(json.dumps(wrong)))
