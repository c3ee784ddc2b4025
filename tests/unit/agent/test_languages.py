"""A script with a mistake in it runs not at all, whatever language it is in."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oi_deploy.agent.languages import close_documents, describe, language_classes
from oi_deploy.sandbox import Result

MISTAKES = {
    "shell": "echo begun; touch begun\nif true; then\n",
    "python": "open('begun', 'w')\nprint('begun'\n",
    "javascript": "require('fs').writeFileSync('begun', '')\nconsole.log('begun'\n",
}
WELL = {"shell": 'echo "a b" | cat', "python": "print('a b')", "javascript": "console.log('a b')"}


def run(name: str, code: str, tmp_path: Path) -> Result:
    kept: list[Result] = []

    def runner(argv: tuple[str, ...]) -> Result:
        if name == "javascript" and not shutil.which(argv[0]):
            pytest.skip("this machine has no Node.js; the action's image brings its own")
        done = subprocess.run(
            argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return Result(done.returncode, False, 0.1, done.stdout)

    classes: list[Any] = language_classes(runner, kept.append)
    (language,) = [item for item in classes if item.name == name]
    list(language().run(code))
    return kept[0]


@pytest.mark.parametrize("name", MISTAKES)
def test_nothing_of_a_script_with_a_mistake_is_run(name: str, tmp_path: Path) -> None:
    result = run(name, MISTAKES[name], tmp_path)
    assert result.exit_code not in (0, None)
    assert "begun\n" not in result.output.splitlines(keepends=True)
    result = run("python", "a\rb\rc\rd e f(", tmp_path)
    assert result.exit_code == 2 and "[nothing was run]" in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WELL)
def test_a_script_without_one_runs(name: str, tmp_path: Path) -> None:
    assert run(name, WELL[name], tmp_path).output == "a b\n"


def test_a_shell_script_ends_at_the_first_failure(tmp_path: Path) -> None:
    for code in ("false\necho on", "false | true\necho on", "echo $NO_SUCH_NAME\necho on"):
        result = run("shell", code, tmp_path)
        assert result.exit_code and "\non" not in f"\n{result.output}"


def test_how_it_ended_is_told() -> None:
    assert describe(Result(3, False, 1.0, "x\n")) == "x\n[exit code 3]"
    assert describe(Result(None, True, 9.0, "")).startswith("[killed after 9 s")


def test_a_line_end_within_quotes_is_what_the_model_has_meant(tmp_path: Path) -> None:
    code = "for word in ('a', 'b'):\n    print(f'{word}:\n', end='')\nprint(\"c\n\")"
    assert run("python", code, tmp_path).output == "a:\nb:\nc\n\n"
    result = run("python", "print('begun')\nprint('never closed", tmp_path)
    assert result.exit_code == 2 and "unterminated string" in result.output
    assert "begun\n" not in result.output.splitlines(keepends=True)
    result = run("python", "a\rb\rc\rd e f(", tmp_path)
    assert result.exit_code == 2 and "[nothing was run]" in result.output


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("d = {'a': 1}\nprint(f'{d['a']}' + ' b')", "1 b\n"),
        ('print(f"{", ".join("ab")} {{c}} it\'s")', "a, b {c} it's\n"),
        ("print(f'{'a'}\n', 'b')", "a\n b\n"),
    ],
)
def test_the_same_quotes_within_an_f_string_are_what_the_model_has_meant(
    code: str, printed: str, tmp_path: Path
) -> None:
    assert run("python", code, tmp_path).output == printed


def test_a_python_script_sees_itself_as_one(tmp_path: Path) -> None:
    code = "import sys\ndef f(): return g()\ndef g(): return sys.argv, __name__\nprint(f())"
    assert run("python", code, tmp_path).output == "(['-c'], '__main__')\n"
    assert run("python", "raise SystemExit(3)", tmp_path).exit_code == 3
    assert "ZeroDivisionError" in run("python", "1 / 0", tmp_path).output


@pytest.mark.parametrize(
    ("script", "right"),
    [
        ("cat > a <<'EOF'\nx\nEOF'\ndocker push x", "cat > a <<'EOF'\nx\nEOF\ndocker push x"),
        ("cat > a <<EOF\nx\n'EOF' \nls", "cat > a <<EOF\nx\nEOF\nls"),
        ("cat <<A\nA'\nA\nls", "cat <<A\nA'\nA\nls"),
        ("cat <<A\nx\nls", "cat <<A\nx\nls"),
        ("echo EOF'\nls'", "echo EOF'\nls'"),
    ],
)
def test_a_here_document_that_ends_with_a_quote_is_closed(script: str, right: str) -> None:
    assert close_documents(script) == right
