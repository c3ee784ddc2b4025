"""Files that the model writes alone; a program is mended until its tests pass."""

from dataclasses import replace

from oi_deploy.agent.completions import Reply
from oi_deploy.agent.editing import Editing, Request
from oi_deploy.agent.facts import Facts

NOW = "def tax(price):\n    return price * 19\n"
FACTS = Facts(edits={"app.py": NOW}, beside={"app.py": {"test_app.py": "assert tax(100) == 19\n"}})
CONFIG = Facts(edits={"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})


def asked(editing: Editing, first: Facts, known: Facts) -> Request:
    found = editing.next(first, known, 8000)
    assert found is not None
    return found


def test_each_file_is_asked_for_once() -> None:
    editing = Editing("set both to 2")
    assert [asked(editing, CONFIG, CONFIG).path for _ in range(2)] == ["a.yaml", "b.yaml"]
    assert editing.next(CONFIG, CONFIG, 8000) is None


def test_what_a_line_has_changed_is_not_asked_for() -> None:
    editing = Editing("roll out")
    assert editing.next(Facts(), CONFIG, 8000) is None


def test_a_program_is_asked_for_again_while_it_is_as_it_was() -> None:
    editing = Editing("fix app.py")
    requests = [asked(editing, FACTS, FACTS) for _ in range(4)]
    assert [it.variation for it in requests] == [0, 1, 2, 3]
    assert "assert tax(100) == 19" in requests[0].message
    assert "say in one short sentence which line is wrong" in requests[0].message
    assert editing.next(FACTS, FACTS, 8000) is None


def test_what_an_answer_says_is_wrong_goes_into_the_next_request() -> None:
    editing = Editing("fix app.py")
    asked(editing, FACTS, FACTS)
    editing.heard("app.py", Reply("malformed", "It must divide by 100."))
    request = asked(editing, FACTS, FACTS)
    assert "It must divide by 100." in request.message and request.variation == 0


def test_a_program_that_was_mended_is_built_first() -> None:
    editing = Editing("fix app.py")
    asked(editing, FACTS, FACTS)
    mended = replace(FACTS, edits={"app.py": NOW.replace("19", "19 / 100")})
    assert editing.next(FACTS, mended, 8000) is None
    # The tests of the build fail with it.
    failed = replace(mended, failed="AssertionError: 21 != 19")
    request = asked(editing, FACTS, failed)
    assert "AssertionError: 21 != 19" in request.message
    # Not twice for the same failure.
    assert editing.next(FACTS, failed, 8000) is None


def test_an_answer_has_to_have_the_whole_program() -> None:
    read = asked(Editing("fix app.py"), FACTS, FACTS).plain.read
    assert read("The second line.\n```python\nreturn price * 0.19\n```\n") == ("", "")
    whole = "It is too much.\n```python\ndef tax(price):\n    return price * 0.19\n```\n"
    language, code = read(whole)
    assert language == "shell" and code.startswith("cat > app.py <<") and "0.19" in code


def test_a_message_that_is_too_long_asks_for_nothing() -> None:
    assert Editing("fix app.py").next(FACTS, FACTS, 10) is None
