"""What the runner reads: exact commands, and nothing that a model or a program printed."""

import io
import random
import re
import threading
from pathlib import Path

import pytest

from devkit.output_manager import OutputManager
from oi_deploy.redact import Redactor
from oi_deploy.text import VisibleStream, one_line, visible
from oi_deploy.workflow import Workflow

CUT = "_Cut here: GitHub shows at most 1 MiB._\n"


def workflow(env: dict[str, str] | None = None, *secrets: str) -> tuple[Workflow, io.StringIO]:
    out = io.StringIO()
    return Workflow(env or {}, out, Redactor(secrets)), out


def test_annotations_are_escaped_as_the_runner_expects() -> None:
    flow, out = workflow()
    flow.error("50% of\nit", title="a: b, c")
    assert out.getvalue() == "::error title=a%3A b%2C c::50%25 of%0Ait\n"


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_below_each_group_stands_how_it_ended_and_how_long_it_took() -> None:
    out, clock = io.StringIO(), Clock()
    flow = Workflow({}, out, Redactor([]), clock=clock)
    with flow.group("Engine"):
        clock.now += 61.52
    with flow.group("Turn 1 of 2") as turn:
        turn.ending = "exit code 1"
        clock.now += 2
    assert out.getvalue() == (
        "::group::Engine\n::endgroup::\nEngine: 61.5 s\n"
        "::group::Turn 1 of 2\n::endgroup::\nTurn 1 of 2: exit code 1, 2.0 s\n"
    )


def test_groups_are_closed_even_when_something_fails() -> None:
    flow, out = workflow()
    with pytest.raises(KeyError), flow.group("Engine"):
        raise KeyError
    assert out.getvalue() == "::group::Engine\n::endgroup::\nEngine: not finished, 0.0 s\n"


def test_what_the_model_writes_is_marked_as_code_line_by_line() -> None:
    flow, out = workflow()
    with flow.untrusted_stream(code=True) as stream:
        for piece in ("docker bu", "ild .\n", "\nkubectl", " get pods"):
            stream.write(piece)
    flow.untrusted("what a command prints\n")
    begin, *code, end, _, printed, _ = out.getvalue().splitlines()
    assert code == [
        "\x1b[36m│ docker build .\x1b[0m",
        "\x1b[36m│ \x1b[0m",
        "\x1b[36m│ kubectl get pods\x1b[0m",
    ]
    assert end == f"::{begin.removeprefix('::stop-commands::')}::"
    assert printed == "what a command prints"


def test_a_line_of_ours_in_the_middle_of_the_model_s_is_not_taken_for_code() -> None:
    flow, out = workflow()
    with flow.untrusted_stream(code=True) as stream:
        stream.write("docker pull")
        flow.line("broker: allowed")
        stream.write(" it")
    lines = out.getvalue().splitlines()[1:-1]
    assert lines == [
        "\x1b[36m│ docker pull\x1b[0m",
        "broker: allowed",
        "\x1b[36m│  it\x1b[0m",
    ]


def test_code_can_neither_end_its_mark_nor_give_orders() -> None:
    flow, out = workflow()
    with flow.untrusted_stream(code=True) as stream:
        stream.write("echo a\x1b[0m\r::error::forged\x9b0m\n##[error]forged\n")
    assert obeyed(flow, out) == []
    code = out.getvalue().splitlines()[1:4]
    assert all(line.startswith("\x1b[36m│ ") and line.count("\x1b[0m") == 1 for line in code)


class Lines(io.StringIO):
    """Sets `told` when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.told.set()
        return written


def test_a_long_silence_is_broken_by_how_long_it_has_lasted() -> None:
    out, clock = Lines(), Clock()
    flow = Workflow({}, out, Redactor([]), clock=clock)
    with flow.progress("the script runs", every_s=0.01):
        clock.now += 61
        assert out.told.wait(60)
    assert out.getvalue() == "(the script runs: 61 s)\n"


def test_nobody_is_told_of_a_silence_that_there_is_not() -> None:
    # For this clock, the last line has only just been written whenever somebody looks.
    out = io.StringIO()
    flow = Workflow({}, out, Redactor([]), clock=Clock())
    with flow.progress("the script runs", every_s=0.01):
        flow.line("a line")
        threading.Event().wait(0.2)
    assert out.getvalue() == "a line\n"


def test_the_same_error_is_shown_once() -> None:
    flow, out = workflow()
    for _ in range(3):
        flow.error("denied\nWrite: `x`", title="one")
        flow.warning("denied\nWrite: `x`")
    flow.error("denied\x00\nWrite: `x`", title="another title")
    flow.error("another")
    runner = OutputManager()
    for line in out.getvalue().splitlines():
        runner.feed(line)
    assert [(item.level, item.message) for item in runner.annotations] == [
        ("error", "denied\nWrite: `x`"),
        ("warning", "denied\nWrite: `x`"),
        ("error", "another"),
    ]


def test_each_line_of_a_secret_is_masked() -> None:
    flow, out = workflow()
    flow.mask("first-line\nsecond-line\nab\n")
    assert sorted(out.getvalue().split()) == ["::add-mask::first-line", "::add-mask::second-line"]


@pytest.mark.parametrize(
    "attack", ["::error::x", "::set-output name=a::b", "::add-mask::e", "::x::", "  ::endgroup::"]
)
def test_commands_in_untrusted_text_are_inert(attack: str) -> None:
    flow, out = workflow()
    flow.line(f"something\n{attack}")
    begin, *middle, end = out.getvalue().splitlines()
    token = begin.removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert (middle, end) == (["something", attack], f"::{token}::")


# What is dropped from a text: between the characters of a command, it hides one.
_DROPPED = ["", "\x00", "\x1b[0m", "\x9b0m", "\x1b(B", "\x7f", "\ufe0f", "\x1b", "\x85", "\x08"]
_COMMANDS = [
    "::error::forged",
    "::endgroup::",
    "::add-mask::real",
    "::set-output name=status::forged",
    "::stop-commands::forged",
    "##[error]forged",
    "in a line ##[add-mask]real",
    "##[set-output name=status]forged",
    "##[stop-commands]forged",
    "\u3000\u00a0::warning::forged",
]


def obeyed(flow: Workflow, out: io.StringIO) -> list[str]:
    """What the runner takes for commands, beside an honest error at the end."""
    runner = OutputManager()
    flow.error("real")
    # The runner also ends a line at a carriage return.
    for line in re.split(r"\r\n|\r|\n", out.getvalue()):
        runner.feed(line)
    messages = [item.message for item in runner.annotations]
    assert messages.pop() == "real"
    hidden = [] if runner.masked("real") == "real" else ["a mask"]
    return [*messages, *runner.outputs.values(), *runner.failures, *hidden]


@pytest.mark.parametrize("dropped", _DROPPED)
@pytest.mark.parametrize("command", _COMMANDS)
def test_no_command_gets_through_in_whatever_is_printed(command: str, dropped: str) -> None:
    attack = dropped.join(command)
    flow, out = workflow()
    flow.line(attack)
    flow.line(f"words of ours: {attack}\r{attack}\n{attack}")
    flow.untrusted(attack)
    with flow.untrusted_stream() as stream:
        for character in f"\r{attack}\n{attack}\r\n{attack}":
            stream.write(character)
    with flow.group(f"{attack}\n{attack}"):
        flow.notice(f"ours\n{attack}\r{attack}", title=f"{attack},file=x::{attack}\n{attack}")
    (notice,) = obeyed(flow, out)
    assert notice.startswith("ours\n")
    assert "##[" not in out.getvalue()


def test_the_end_of_one_text_of_others_does_not_end_the_next() -> None:
    flow, out = workflow()
    flow.untrusted("first")
    token = out.getvalue().splitlines()[0].removeprefix("::stop-commands::")
    for guess in (f"::{token}::", f"::{token.upper()}::", "::stop-commands::x\n::x::", "::::"):
        flow.untrusted(f"{guess}\n::error::forged")
    assert obeyed(flow, out) == []
    tokens = re.findall(r"::stop-commands::([0-9a-f]{32})$", out.getvalue(), re.MULTILINE)
    assert len(set(tokens)) == len(tokens) == 5


def test_an_error_of_several_lines_folds_nothing_in_the_log() -> None:
    # The runner writes its lines below each other; the log's viewer reads `##[group]` there.
    flow, out = workflow()
    flow.error("first\n##[group]all that follows\n##\x00[endgroup]")
    runner = OutputManager()
    runner.feed(out.getvalue().rstrip("\n"))
    assert runner.annotations[0].message == "first\n## [group]all that follows\n## [endgroup]"


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m\x07 \u202eevil\u200b\r\n", "ared <U+202E>evil<U+200B>\n"),
        ("部署 ok\tx ✅ ⚠\ufe0f é", "部署 ok\tx ✅ ⚠ é"),
        ("half \ud83d, line\u2028end\u2029", "half <U+D83D>, line<U+2028>end<U+2029>"),
        ("only\rreturns\r\nhere", "only\nreturns\nhere"),
        # 8-bit forms of CSI, OSC and the string terminator, and what else C1 has.
        ("\x9b31mred\x9b0m \x9d0;title\x9c \x85\x80", "red 0;title "),
        ("rm\x08\x08ls\x7f\x0b\x0c\x00", "rmls"),
        # A link (OSC 8), a title, a device string: their words stay, or a log could lose them.
        ("\x1b]8;;https://e.example\x07text\x1b]8;;\x1b\\", "]8;;https://e.exampletext]8;;\\"),
        ("a\x1b]0;docker push evil\x07b", "a]0;docker push evilb"),
        ("a\x1bPdocker push evil\x1b\\b", "aPdocker push evil\\b"),
        ("a\x1b[" + "1" * 60 + "mb", "a[" + "1" * 60 + "mb"),
        ("a\x1b(Bb\x1b[?25lc\x1b[2Kd\x1b", "abcd"),
        # Text in the tags block, in variation selectors, in characters that show nothing.
        ("x\U000e0041\U000e0062", "x<U+E0041><U+E0062>"),
        ("x\ufe00\U000e0101\u034f", "x<U+FE00><U+E0101><U+034F>"),
        ("x\u3164\uffa0\u115f\u2800\u00ad", "x<U+3164><U+FFA0><U+115F><U+2800><U+00AD>"),
        ("\ufeffx\u2066\u2069\u061c\ue000", "<U+FEFF>x<U+2066><U+2069><U+061C><U+E000>"),
        ("##[group]x ###[endgroup] #[a]", "## [group]x ### [endgroup] #[a]"),
    ],
)
def test_what_could_deceive_a_reader_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_text_on_one_line_has_no_line_ends() -> None:
    assert one_line("a\nb\r\nc\rd\u2028e") == "a\\nb\\nc\\nd<U+2028>e"


def test_a_stream_shows_the_same_however_it_is_cut() -> None:
    chance = random.Random(20261124)
    parts = [*"\x1b[](Bm\x9b\r\n#a \x00\u202e", "0;", "##["]
    for _ in range(5000):
        text = left = "".join(chance.choices(parts, k=chance.randint(1, 12)))
        stream, pieces = VisibleStream(), []
        while left:
            size = chance.randint(1, 3)
            pieces.append(stream.feed(left[:size]))
            left = left[size:]
        assert "".join([*pieces, stream.flush()]) == visible(text), text


def test_a_stream_holds_no_more_back_than_an_escape_can_be_long() -> None:
    assert len(VisibleStream().feed("\x1b[" + "1" * 100_000)) >= 100_000


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


def test_outputs_hold_no_control_characters(tmp_path: Path) -> None:
    file = tmp_path / "output"
    flow, _ = workflow({"GITHUB_OUTPUT": str(file)})
    flow.set_output("model", "a\x1b[31mb\u202e\x00\rc##[error]x")
    assert file.read_bytes().splitlines()[1:-1] == [b"ab<U+202E>", b"c## [error]x"]


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
