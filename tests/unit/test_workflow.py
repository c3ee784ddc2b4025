"""What the runner reads: exact commands, and nothing that a model or a program printed."""

import io
import re
from pathlib import Path

import pytest

from devkit.output_manager import OutputManager
from oi_deploy.redact import Redactor
from oi_deploy.workflow import Workflow, visible

CUT = "_Cut here: GitHub shows at most 1 MiB._\n"


def workflow(env: dict[str, str] | None = None, *secrets: str) -> tuple[Workflow, io.StringIO]:
    out = io.StringIO()
    return Workflow(env or {}, out, Redactor(secrets)), out


def test_annotations_are_escaped_as_the_runner_expects() -> None:
    flow, out = workflow()
    flow.error("50% of\nit", title="a: b, c")
    assert out.getvalue() == "::error title=a%3A b%2C c::50%25 of%0Ait\n"


def test_groups_are_closed_even_when_something_fails() -> None:
    flow, out = workflow()
    with pytest.raises(KeyError), flow.group("Engine"):
        raise KeyError
    assert out.getvalue() == "::group::Engine\n::endgroup::\n"


def test_each_line_of_a_secret_is_masked() -> None:
    flow, out = workflow()
    flow.mask("first-line\nsecond-line\nab\n")
    assert sorted(out.getvalue().split()) == ["::add-mask::first-line", "::add-mask::second-line"]


@pytest.mark.parametrize(
    "attack", ["::error::x", "::set-output name=a::b", "##[command]x", "::add-mask::e", "::x::"]
)
def test_commands_in_untrusted_text_are_inert(attack: str) -> None:
    flow, out = workflow()
    flow.line(f"something\n{attack}")
    begin, *middle, end = out.getvalue().splitlines()
    token = begin.removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert (middle, end) == (["something", attack], f"::{token}::")


def test_commands_work_again_after_untrusted_text_without_a_line_end() -> None:
    flow, out = workflow()
    with pytest.raises(OSError, match="gone"), flow.untrusted_stream() as stream:
        stream.write("partial")
        raise OSError("gone")
    flow.error("now")
    lines = out.getvalue().splitlines()
    assert lines[1] == "partial" and lines[3:] == ["::error::now"]
    assert lines[2] == f"::{lines[0].removeprefix('::stop-commands::')}::"


def test_a_secret_is_redacted_across_pieces_and_behind_control_characters() -> None:
    flow, out = workflow(None, "hunter2secret")
    with flow.untrusted_stream() as stream:
        for piece in ("x hunter", "2sec", "ret y\nhunter2\x00secret\n", "hun\x1b[0mter2secret\n"):
            stream.write(piece)
    assert "secret" not in out.getvalue()
    assert "x *** y" in out.getvalue()


def test_what_could_deceive_a_reader_is_made_visible() -> None:
    assert visible("a\x1b[31mred\x1b[0m\x07 \u202eevil\u200b\r\n") == "ared <U+202E>evil<U+200B>\n"
    assert visible("部署 ok\tx") == "部署 ok\tx"
    assert visible("half \ud83d, line\u2028end") == "half <U+D83D>, line<U+2028>end"


def test_terminal_escapes_and_line_ends_may_come_in_pieces() -> None:
    text = "a\x1b[1;31mred\x1b]0;title\x07\r\nb\x1b(B\rc"
    whole, out = workflow()
    whole.untrusted(text)
    expected = out.getvalue().splitlines()[1:-1]
    assert expected == ["ared", "b", "c"]
    flow, out = workflow()
    with flow.untrusted_stream() as stream:
        for character in text:
            stream.write(character)
    assert out.getvalue().splitlines()[1:-1] == expected


def test_what_is_printed_is_there_at_once() -> None:
    flow, out = workflow(None, "topsecret")
    with flow.untrusted_stream() as stream:
        stream.write("import o")
        assert out.getvalue().endswith("\nimport o")
        stream.write("s  # top")
    assert "\nimport os  # top\n" in out.getvalue()


def test_a_long_annotation_holds_no_terminal_escapes_and_no_secret() -> None:
    flow, out = workflow(None, "topsecret")
    flow.error("\x1b[31mtop\x00secret\x1b[0m gone", title="topsecret")
    assert out.getvalue() == "::error title=***::*** gone\n"


def test_a_command_is_obeyed_while_another_thread_streams() -> None:
    runner, (flow, out) = OutputManager(), workflow()
    with flow.untrusted_stream() as stream:
        stream.write("::error::forged\npart")
        flow.line("broker: allowed")
        stream.write("part")
        flow.mask("late-secret")
        stream.write("::error::forged\n")
        flow.untrusted("::error::forged\n")
        stream.write("::error::forged\n")
    flow.error("real")
    for line in out.getvalue().splitlines():
        runner.feed(line)
    assert [item.message for item in runner.annotations] == ["real"]
    assert runner.masked("late-secret") == "***"
    assert "part\n" in out.getvalue() and "\nbroker: allowed\n" in out.getvalue()


def test_outputs_cannot_set_other_outputs(tmp_path: Path) -> None:
    file = tmp_path / "output"
    flow, _ = workflow({"GITHUB_OUTPUT": str(file)}, "topsecret")
    flow.set_output("image-tag", "r/a:1\nEOF\nstatus=deployed\ntopsecret")
    first, *lines = file.read_text().splitlines()
    delimiter = first.removeprefix("image-tag<<")
    assert lines == ["r/a:1", "EOF", "status=deployed", "***", delimiter]
    assert re.fullmatch(r"ghadelimiter_[0-9a-f]{32}", delimiter)


def test_a_summary_stays_under_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    flow, _ = workflow({"GITHUB_STEP_SUMMARY": str(file)})
    flow.summary("部" * 1024 * 1024)
    assert file.stat().st_size <= 1024 * 1024
    assert file.read_text().endswith(CUT)


def test_a_summary_is_not_cut_inside_a_code_block(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    flow, _ = workflow({"GITHUB_STEP_SUMMARY": str(file)})
    flow.summary("````text\n```\n" + "a line\n" * 200_000 + "````\n")
    assert file.read_text().splitlines()[-5:] == ["a line", "", "````", "", CUT.strip()]
    assert file.stat().st_size <= 1024 * 1024
