import pytest

from devkit.output_manager import Annotation, Command, OutputManager, parse_command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("::error title=a,file=b::c%0Ad", Command("error", {"title": "a", "file": "b"}, "c\nd")),
        ("  ::notice::x", Command("notice", {}, "x")),
        ("::notice title=a%3Ab%2Cc::100%25", Command("notice", {"title": "a:b,c"}, "100%")),
        ("text ##[warning title=t]w", Command("warning", {"title": "t"}, "w")),
        ("text ::error::x", None),
        ("::unknown::x", None),
        ("::error", None),
        ("plain", None),
    ],
)
def test_a_line_is_a_command_where_github_sees_one(line: str, command: Command | None) -> None:
    assert parse_command(line) == command


def test_masks_hide_a_value_in_everything_that_comes_later() -> None:
    output = OutputManager()
    output.feed("before s3cret")
    output.feed("::add-mask::s3cret")
    output.feed("after s3cret")
    output.feed("::error title=s3cret::no s3cret")

    assert output.log == [
        "before s3cret",
        "::add-mask::***",
        "after ***",
        "##[error]no ***",
    ]
    assert output.annotations == [Annotation("error", "no ***", "***")]


def test_each_line_of_a_masked_value_is_hidden() -> None:
    output = OutputManager()
    output.feed("::add-mask::first-line%0Asecond-line")
    assert output.feed("got second-line") == "got ***"


def test_nothing_is_a_command_until_the_token_comes_back() -> None:
    output = OutputManager()
    for line in (
        "::stop-commands::abc123",
        "::error::from the model",
        "x ##[warning]from the model",
        "::abcd::",
        "::abc123::",
        "::error::ours",
    ):
        output.feed(line)

    assert output.annotations == [Annotation("error", "ours")]
    assert "::error::from the model" in output.log


@pytest.mark.parametrize("token", ["", "error", "pause-logging"])
def test_a_token_that_is_no_secret_fails_the_step(token: str) -> None:
    output = OutputManager()
    output.feed(f"::stop-commands::{token}")
    assert output.failures


@pytest.mark.parametrize("line", ["::set-env name=A::b", "::add-path::/x"])
def test_commands_that_github_refuses_fail_the_step(line: str) -> None:
    output = OutputManager()
    output.feed(line)
    assert output.failures


def test_groups_are_shown_and_debug_is_not() -> None:
    output = OutputManager()
    for line in ("::group::Engine", "ready", "::endgroup::", "::debug::x"):
        output.feed(line)
    assert output.log == ["##[group]Engine", "ready", "##[endgroup]"]
