"""What becomes of an answer as plain text."""

import pytest

from oi_deploy.agent.plain import new_text, script


def test_an_answer_becomes_the_script_that_writes_the_file() -> None:
    read = new_text("a.yaml").read
    code = "cat > a.yaml <<'END_OF_FILE'\na: \"1\"\n  $x: `y`\nEND_OF_FILE\n"
    assert read('Here:\n```yaml\na: "1"\n  $x: `y`\n```\n') == ("shell", code)
    assert read('a: "1"\n') == ("", "")
    assert read("```\n\n```") == ("", "")
    assert read("```\na\nEND_OF_FILE\nrm -rf .\n```") == ("", "")


@pytest.mark.parametrize(
    ("answer", "language", "code"),
    [
        ("```python\nprint(1)\n```", "python", "print(1)\n"),
        ("So:\n```\nprint(1)\n```\nDone.", "python", "print(1)\n"),
        ("```bash\nls\n```", "shell", "ls\n"),
        ("```js\n1\n```\n```bash\nls\n```", "javascript", "1\n"),
        ("print(1)", "", ""),
        ("```python\n\n```", "", ""),
    ],
)
def test_an_answer_becomes_a_script(answer: str, language: str, code: str) -> None:
    assert script().read(answer) == (language, code)
