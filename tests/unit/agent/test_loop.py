"""How a conversation ends: by what verification finds, never by what the model says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from oi_deploy.agent.completions import LANGUAGES, Reply
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.loop import Outcome, converse
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.parts import Parts
from oi_deploy.agent.plain import Plain
from oi_deploy.agent.progress import tokens
from oi_deploy.agent.session import Turn
from oi_deploy.broker.journal import Entry
from oi_deploy.broker.request import Decision
from oi_deploy.errors import RunError, Status
from oi_deploy.sandbox import Result
from oi_deploy.verify.finding import Finding, Verdict

FACTS = Facts(
    commit="abc1234", files=("app.py",), paths=("app.py",), commands=("docker push r/web:1",)
)
GOOD = Verdict((Finding(True, "registry.digest", "the registry", "has r/web:1"),))
BAD = Verdict(
    (
        Finding(
            False,
            "push.claimed",
            "the registry",
            "has nothing from this run",
            expected="an image must be pushed",
            fix="docker push r/web:1",
        ),
    )
)
FINISH = Reply("finish", "Deployed!", done=True)
GIVE_UP = Reply("finish", "I may not.", done=False)


ALL = Parts()


class Model:
    """Answers from a list; every executed script counts as a change."""

    def __init__(self, *replies: Reply, exit_code: int = 0) -> None:
        self.replies = list(replies)
        self.messages: list[str] = []
        self.changes = 0
        self.exit_code = exit_code
        self.variations: list[int] = []
        self.languages: list[tuple[str, ...]] = []
        self.plain: list[str] = []
        self.brief: list[bool] = []
        self.may_finish: list[bool] = []
        self.output = "some output\n"

    def turn(
        self,
        message: str,
        *,
        variation: int = 0,
        languages: Sequence[str] = LANGUAGES,
        plain: Plain | None = None,
        brief: bool = False,
        may_finish: bool = True,
    ) -> Turn:
        self.may_finish.append(may_finish)
        self.brief.append(brief)
        self.plain.append(plain.read("```\nx\n```")[1] if plain else "")
        self.languages.append(tuple(languages))
        self.messages.append(message)
        self.variations.append(variation)
        reply = self.replies.pop(0)
        if reply.kind != "execute":
            return Turn(reply, None)
        self.changes += 1
        return Turn(reply, Result(self.exit_code, False, 1.0, self.output))


def script(code: str) -> Reply:
    return Reply("execute", code, language="shell")


def no(rule: str, *instead: str) -> Entry:
    decision = Decision(False, rule, "it is not allowed", instead)
    argv = ("build", "-t", "r/web:1")
    return Entry(1, datetime.now(UTC), "docker", argv, "", decision, None, 0.0, (), "")


def run(
    model: Model,
    verify: Callable[[], Verdict],
    max_turns: int = 5,
    refusals: Iterable[Entry | None] = (),
    *,
    known: Facts | Callable[[], Facts] = FACTS,
    expect: str = "deploy",
    ran: Callable[[], Sequence[str]] = tuple,
    parts: Parts = ALL,
    decline: Callable[[Mapping[str, str]], None] = lambda declined: None,
    left: Callable[[], float] = lambda: 1e9,
) -> Outcome:
    answers = iter(refusals)
    return converse(
        "roll it out",
        model,  # type: ignore[arg-type]
        max_turns=max_turns,
        facts=known if callable(known) else lambda: known,
        verify=verify,
        changes=lambda: model.changes,
        refusal=lambda: next(answers, None),
        decline=decline,
        on_turn=lambda number, message: None,
        on_answer=lambda number, turn: None,
        expect=expect,
        ran=ran,
        left=left,
        parts=parts,
    )


def test_where_lines_are_known_the_first_answer_has_to_run_something() -> None:
    lines = Facts(commands=("kubectl get deployment web > out.txt",))
    model = Model(script("a"), FINISH, FINISH)
    run(model, lambda: NOTHING, known=lines, expect="none")
    # So has the one after a reminder; a model that insists may end.
    assert model.may_finish == [False, True, False]
    for known in (Facts(), replace(lines, obstacles=(Obstacle("there is no web", False),))):
        model = Model(script("a"), FINISH, FINISH)
        run(model, lambda: NOTHING, known=known, expect="none")
        assert model.may_finish[0]


def test_what_is_verified_does_not_time_out_because_of_what_may_be_left() -> None:
    asked = Facts(rest=True)
    assert run(Model(script("a"), FINISH), lambda: GOOD, known=asked).turns == 2
    assert run(Model(script("a"), FINISH), lambda: GOOD, known=asked, left=lambda: 0.0).turns == 1


def test_a_model_that_only_claims_success_fails_and_hears_what_is_missing() -> None:
    model = Model(FINISH, FINISH, FINISH)
    with pytest.raises(RunError, match="not done after 3 turns") as caught:
        run(model, lambda: BAD, max_turns=3)
    assert "has nothing from this run" in caught.value.why
    assert "run `docker push r/web:1`" in model.messages[1]


def test_success_is_what_verification_says_when_the_model_finishes() -> None:
    assert run(Model(FINISH), lambda: GOOD) == Outcome(GOOD, 1, "Deployed!")


def test_after_verification_the_model_may_do_the_rest_once() -> None:
    model = Model(script("docker push"), script("echo log >> x"), script("again"))
    outcome = run(model, lambda: GOOD)
    assert outcome.turns == 2
    # With nothing to do, a small model writes until the time of a good run is over.
    assert model.brief == [False, True]
    assert "Otherwise call `finish`" in model.messages[1]
    assert "docker push r/web:1" not in model.messages[1]  # what it is shown, it runs again


def test_what_may_be_left_is_no_reason_to_change_what_is_deployed() -> None:
    known = replace(FACTS, unasked={"kubectl.rollout.restart": "nobody asked"})
    seen: list[tuple[int, Mapping[str, str]]] = []
    model = Model(script("docker build"), script("docker push"), script("kubectl rollout restart"))
    verdicts = [BAD, GOOD, GOOD]
    outcome = run(
        model,
        lambda: verdicts.pop(0),
        known=known,
        decline=lambda declined: seen.append((model.changes, declined)),
    )
    assert outcome.verdict.ok
    # Not before everything is verified: until then a restart may help.
    assert seen == [(2, {"kubectl.rollout.restart": "nobody asked"})]
    # What comes undone after all may be put right.
    seen.clear()
    verdicts = [GOOD, BAD, GOOD]
    model = Model(script("docker push"), script("kubectl patch"), script("kubectl scale"))
    run(
        model,
        lambda: verdicts.pop(0),
        known=known,
        decline=lambda declined: seen.append((model.changes, declined)),
    )
    assert seen == [(1, known.unasked), (2, {})]
    # Where nothing is deployed, nothing is known to be done.
    run(
        Model(script("a"), FINISH, FINISH),
        lambda: GOOD,
        known=known,
        expect="none",
        decline=fails,
    )


def test_a_tag_that_is_there_is_kept_from_the_first_turn_on() -> None:
    taken = {"docker.push r/web:1": "it is there"}
    known = replace(FACTS, declined=taken, unasked={"kubectl.scale": "nobody asked"})
    seen: list[Mapping[str, str]] = []
    verdicts = [GOOD, BAD, GOOD]
    model = Model(script("docker push"), script("kubectl patch"), script("kubectl scale"))
    run(model, lambda: verdicts.pop(0), known=known, decline=seen.append)
    assert seen == [taken, {**taken, **known.unasked}, taken]


def fails(declined: Mapping[str, str]) -> None:
    raise AssertionError(declined)


def test_findings_of_a_failed_verification_go_back_to_the_model() -> None:
    verdicts = [BAD, GOOD, GOOD]
    model = Model(script("docker build"), script("docker push"), FINISH)
    assert run(model, lambda: verdicts.pop(0)).turns == 3
    assert "# Still missing" in model.messages[1]


def test_a_failed_script_comes_back_with_its_output_in_a_fresh_message() -> None:
    model = Model(script("false"), script("true"), FINISH, exit_code=1)
    with pytest.raises(RunError):
        run(model, lambda: BAD, max_turns=2)
    assert "# Your last script\nfalse" in model.messages[1]
    assert "some output\n[exit code 1]" in model.messages[1]


def test_a_model_may_say_that_it_is_impossible() -> None:
    with pytest.raises(RunError, match="gave up") as caught:
        run(Model(script("kubectl get"), GIVE_UP), lambda: BAD, known=replace(FACTS, commands=()))
    assert caught.value.why == "I may not."


def test_unreadable_answers_use_up_turns() -> None:
    broken = Reply("malformed", "```json")
    with pytest.raises(RunError, match="after 2 turns"):
        run(Model(broken, broken), lambda: BAD, max_turns=2)


def test_a_model_that_insists_on_what_is_refused_ends_the_run() -> None:
    model = Model(*[script(f"docker push evil/{number}") for number in range(5)], exit_code=126)
    with pytest.raises(RunError) as caught:
        run(model, lambda: BAD, refusals=[no("docker.push.image")] * 5)
    assert caught.value.status is Status.REFUSED
    assert "docker.push.image" in caught.value.why
    assert len(model.messages) == 3


@pytest.mark.parametrize(
    "refusals",
    [
        [no("a"), no("a"), no("b"), no("b"), no("a")],
        [no("a"), no("a"), None, no("a"), no("a")],
    ],
)
def test_a_model_that_reacts_to_a_refusal_goes_on(refusals: list[Entry | None]) -> None:
    model = Model(*[script(f"echo {number}") for number in range(5)])
    with pytest.raises(RunError, match="not done after 5 turns"):
        run(model, lambda: BAD, refusals=refusals)


def test_a_refusal_after_success_does_not_take_it_away() -> None:
    model = Model(script("docker push"), script("docker scale"))
    assert run(model, lambda: GOOD, refusals=[None, no("docker.command")]).verdict is GOOD


def test_code_is_shell_while_there_are_lines_of_it_to_run() -> None:
    model = Model(Reply("execute", "1", language="python"), FINISH)
    run(model, lambda: BAD if not model.changes else GOOD, ran=lambda: FACTS.commands)
    assert model.languages[0] == LANGUAGES
    model = Model(script("docker push r/web:1"), FINISH)
    run(model, lambda: BAD if not model.changes else GOOD, ran=lambda: ())
    assert model.languages[0] == ("shell",)


def test_a_file_that_the_prompt_wants_changed_is_asked_for_first_and_once() -> None:
    known = replace(FACTS, edits={"a.yaml": "a: 1"})
    model = Model(script("cat > a.yaml"), script("docker push r/web:1"), FINISH)
    run(model, lambda: BAD if model.changes < 2 else GOOD, known=known)
    assert "cat > a.yaml" in model.plain[0] and not model.plain[1]
    assert "# a.yaml as it is now\n```\na: 1\n```" in model.messages[0]
    assert "# Commands that are right here" not in model.messages[0]
    assert "# Commands that are right here" in model.messages[1]
    unusable = Model(Reply("malformed", "?"), script("docker push r/web:1"), FINISH)
    run(unusable, lambda: BAD if not unusable.changes else GOOD, known=known)
    assert "cat > a.yaml" in unusable.plain[0] and not unusable.plain[1]


def test_a_file_that_a_line_has_changed_is_not_asked_for_afterwards() -> None:
    model = Model(script("sed -i x Dockerfile"), script("docker push r/web:1"), FINISH)
    later = replace(FACTS, edits={"Dockerfile": "FROM a"})
    run(
        model,
        lambda: BAD if model.changes < 2 else GOOD,
        known=lambda: later if model.changes else FACTS,
    )
    assert model.plain[:2] == ["", ""]


def test_lines_that_were_left_out_are_asked_for() -> None:
    lines = ("kubectl rollout status deployment/web", "kubectl get pods > pods.txt")
    known = Facts(commands=lines, paths=(), wanted=("pods.txt",))
    model = Model(script(lines[0]), script(lines[1]), FINISH, FINISH)
    run(
        model,
        lambda: GOOD,
        known=lambda: replace(known, paths=("pods.txt",) if model.changes > 1 else ()),
        expect="none",
        ran=lambda: lines[: model.changes],
    )
    assert "were not run yet. Run them now." in model.messages[1]
    assert "Otherwise call" not in model.messages[1]
    assert len(model.messages) == 2


def test_a_script_that_no_line_is_known_for_is_asked_for_as_plain_text() -> None:
    known = Facts(files=("app.log",), paths=("app.log",), wanted=("count.md",))
    model = Model(script("1/0"), script("open('count.md', 'w')"), FINISH)
    written = replace(known, wanted=(), paths=("app.log", "count.md"))
    run(
        model,
        lambda: GOOD if model.changes > 1 else BAD,
        known=lambda: written if model.changes > 1 else known,
        expect="none",
    )
    assert model.plain == ["x\n", "x\n"]
    with_line = replace(known, commands=("kubectl get pods > count.md",))
    model = Model(script("kubectl get pods > count.md"), FINISH, FINISH)
    run(
        model,
        lambda: GOOD,
        known=lambda: with_line if not model.changes else written,
        expect="none",
    )
    assert model.plain[0] == ""
    impossible = replace(known, obstacles=(Obstacle("There is no Deployment x.", False),))
    model = Model(GIVE_UP)
    with pytest.raises(RunError, match="gave up"):
        run(model, lambda: BAD, known=impossible, expect="none")
    assert model.plain == [""]


def test_a_message_that_asks_for_a_file_fits_into_the_window() -> None:
    many = tuple(f"r.example.com/team/image{number}:1" for number in range(999))
    known = replace(FACTS, edits={"Dockerfile": "FROM a:1"}, images=("python:3.11-slim", *many))
    model = Model(script("cat > Dockerfile"), FINISH)
    run(model, lambda: GOOD, known=known)
    # Nothing that could be put into the file instead of what is right there.
    assert "python:3.11-slim" not in model.messages[0]
    assert tokens(model.messages[0]) < 300


def test_the_same_script_three_times_ends_the_run_when_nothing_changes() -> None:
    model = Model(*[script("docker build -t r/web:1 .")] * 9, exit_code=1)
    with pytest.raises(RunError, match="wrote the same script 3 times") as caught:
        run(model, lambda: BAD, max_turns=9)
    assert len(model.messages) == 3
    # Said, and varied: the script is not shown to be copied again, and another answer is drawn.
    assert "# Your last script" in model.messages[1]
    assert "# Your last script" not in model.messages[2]
    assert "the same script twice" in model.messages[2]
    assert model.variations == [0, 0, 1]
    assert "has nothing from this run" in caught.value.why


def test_the_same_claim_three_times_ends_the_run() -> None:
    model = Model(*[FINISH] * 9)
    with pytest.raises(RunError, match="claimed to be done 3 times"):
        run(model, lambda: BAD, max_turns=9)


def test_a_script_that_brings_something_about_may_be_repeated() -> None:
    def half(count: int) -> Verdict:
        found = f"has {count} of 5 pods ready"
        return Verdict((Finding(False, "pods.ready", "the Deployment web", found),))

    verdicts = [half(1), half(2), half(3), half(4), GOOD, GOOD]
    model = Model(*[script("kubectl rollout status deployment/web")] * 5, FINISH)
    assert run(model, lambda: verdicts.pop(0), max_turns=9).turns == 6


@pytest.mark.parametrize(
    ("kind", "said"),
    [("cut", "answers were cut 3 times"), ("malformed", "did not call a function 3 times")],
)
def test_answers_that_are_no_whole_calls_end_the_run(kind: str, said: str) -> None:
    model = Model(*[Reply(kind, f"half of number {number}") for number in range(9)])
    with pytest.raises(RunError, match=said):
        run(model, lambda: BAD, max_turns=9)
    assert len(model.messages) == 3


def test_what_was_verified_stays_so_when_the_model_babbles_on() -> None:
    babble = Reply("malformed", "...")
    model = Model(script("docker push"), *[babble] * 9)
    assert run(model, lambda: GOOD, max_turns=9).verdict is GOOD


NOTHING = Verdict(())


def test_where_nothing_can_be_verified_the_model_works_until_it_finishes() -> None:
    model = Model(script("ls"), script("cat x"), script("echo y > z"), FINISH)
    outcome = run(model, lambda: NOTHING, expect="none", known=Facts())
    assert outcome.turns == 4
    assert "The last script ended well" in model.messages[1]
    assert "deployment itself" not in model.messages[1]
    assert "some output" in model.messages[1]


def test_where_nothing_can_be_verified_a_repetition_is_the_end() -> None:
    model = Model(script("ls"), script("ls"), FINISH)
    assert run(model, lambda: NOTHING, expect="none", known=Facts()).turns == 2


def test_commands_that_ran_are_not_shown_again_and_others_are_asked_for_once() -> None:
    known = Facts(commands=("kubectl apply -f a.yaml", "kubectl rollout restart deployment/web"))
    model = Model(script("kubectl  apply -f a.yaml"), FINISH, FINISH)
    ran = ["kubectl apply -f a.yaml"]
    outcome = run(
        model,
        lambda: NOTHING,
        expect="none",
        known=known,
        ran=lambda: ran if model.changes else [],
    )
    assert outcome.turns == 3
    for message in model.messages[1:]:
        assert "restart" in message
    assert "apply" not in model.messages[1]
    assert "not run yet" in model.messages[2]


def test_a_build_that_is_done_is_not_shown_again_before_its_image_is_set() -> None:
    lines = (
        "docker build -t r/web:1 .",
        "docker push r/web:1",
        "kubectl set image deployment/web app=r/web:1",
    )
    model = Model(script(lines[0]), script(lines[1]), script(lines[2]), FINISH)
    ran: Callable[[], Sequence[str]] = lambda: lines[: model.changes]  # noqa: E731
    model.output = ""
    run(
        model,
        lambda: GOOD if model.changes > 2 else Verdict((replace(BAD.findings[0], fix=""),)),
        known=Facts(commands=lines),
        ran=ran,
    )

    assert lines[0] in model.messages[0]
    assert lines[0] not in model.messages[1]
    assert lines[1] in model.messages[1]
    assert lines[1] not in model.messages[2]
    assert lines[2] in model.messages[2]


def test_what_surely_cannot_be_done_is_said_without_the_model() -> None:
    model = Model(FINISH)
    known = Facts(obstacles=(Obstacle("There is no Deployment shop.", True),))
    with pytest.raises(RunError, match="cannot be done: There is no Deployment shop") as caught:
        run(model, lambda: BAD, known=known)
    assert caught.value.status is Status.FAILED and not model.messages
    known = Facts(obstacles=(Obstacle("The namespace x is not allowed.", True, refused=True),))
    with pytest.raises(RunError) as caught:
        run(model, lambda: BAD, known=known)
    assert caught.value.status is Status.REFUSED


def test_what_may_be_in_the_way_is_told_and_the_model_may_give_up_at_once() -> None:
    model = Model(GIVE_UP)
    known = Facts(obstacles=(Obstacle("There is no Deployment shop.", False),))
    with pytest.raises(RunError, match="gave up"):
        run(model, lambda: BAD, known=known)
    assert "There is no Deployment shop." in model.messages[0]
    assert "done: false" in model.messages[0]


def test_where_something_is_in_the_way_no_line_leads_around_it() -> None:
    model = Model(script("docker push"), GIVE_UP)
    known = Facts(obstacles=(Obstacle("There is no Deployment shop.", False),))
    with pytest.raises(RunError, match="gave up"):
        run(model, lambda: BAD, known=known)
    assert "has nothing from this run" in model.messages[1]
    assert "run `docker push" not in model.messages[1]


def test_a_model_that_gives_up_at_once_hears_that_it_can_be_done() -> None:
    model = Model(GIVE_UP, script("docker push r/web:1"), FINISH)
    verdicts = [BAD, GOOD, GOOD]
    assert run(model, lambda: verdicts.pop(0)).turns == 3
    assert "docker push r/web:1" in model.messages[1]


def test_a_model_that_gives_up_after_a_failure_hears_it_once() -> None:
    model = Model(script("false"), GIVE_UP, GIVE_UP, exit_code=1)
    with pytest.raises(RunError, match="gave up"):
        run(model, lambda: BAD)
    assert not model.replies


def test_what_was_refused_comes_back_put_right() -> None:
    model = Model(script("ls\ndocker build -t r/web:1"), script("a"), FINISH, exit_code=1)
    verdicts = [BAD, GOOD, GOOD]
    right = "docker build -t r/web:1 ."
    refusals = [no("docker.build.context", right), None, None]
    run(model, lambda: verdicts.pop(0), refusals=refusals)
    assert f"put right: run this\nls\n{right}\n" in model.messages[1]
    model = Model(script("docker build -t r/web:1"), script("a"), FINISH, exit_code=1)
    verdicts = [BAD, GOOD, GOOD]
    run(model, lambda: verdicts.pop(0), refusals=[no("docker.build.file", right), None, None])
    assert "put right" not in model.messages[1]


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ("facts", "# Commands that are right here"),
        ("hints", "First run: sed"),
        ("feedback", "# Still missing"),
    ],
)
def test_a_part_that_is_switched_off_is_not_in_the_messages(off: str, gone: str) -> None:
    def messages(parts: Parts) -> str:
        model = Model(script("docker build ."), FINISH, exit_code=1)
        failed = 'failed to calculate checksum of ref x: "/ap.py": not found'
        file = Dockerfile("Dockerfile", "FROM a\nCOPY ap.py ./\n")
        known = replace(FACTS, dockerfiles=(file,))
        model.output = failed
        with pytest.raises(RunError):
            run(model, lambda: BAD, max_turns=2, known=known, parts=parts)
        return "\n".join(model.messages)

    assert gone in messages(Parts())
    assert gone not in messages(Parts.of({"OI_DEPLOY_WITHOUT": off}))


def test_a_task_whose_lines_all_ran_is_over() -> None:
    known = replace(FACTS, rest=False)
    push = script("docker push r/web:1")
    pushed, looked = (lambda: ["docker push r/web:1"]), (lambda: ["docker images"])
    assert run(Model(push, FINISH), lambda: GOOD, known=known, ran=pushed).turns == 1
    assert run(Model(push, FINISH), lambda: GOOD, known=known, ran=looked).turns == 2
    # Without facts, nobody knows which lines do the task.
    parts = Parts.of({"OI_DEPLOY_WITHOUT": "facts"})
    model = Model(push, FINISH)
    assert run(model, lambda: GOOD, known=known, ran=pushed, parts=parts).turns == 2


def test_without_lines_a_verified_deployment_is_over_if_nothing_else_was_asked_for() -> None:
    for rest, turns in ((False, 1), (True, 2)):
        known = Facts(rest=rest)
        assert run(Model(script("docker push"), FINISH), lambda: GOOD, known=known).turns == turns
    chore = Model(script("ls"), FINISH)
    assert run(chore, lambda: NOTHING, known=Facts(rest=False), expect="none").turns == 2


def test_lines_that_write_a_file_are_done_when_it_is_there() -> None:
    line = "docker inspect --format '{{index .RepoDigests 0}}' r/web:1 | sed 's/.*@//' > d.txt"
    known = replace(FACTS, rest=False, commands=(line,))
    ran = ["docker inspect --format {{index .RepoDigests 0}} r/web:1"]
    model = Model(script(line), FINISH)
    assert run(model, lambda: GOOD, known=known, ran=lambda: ran).turns == 2
    there = replace(known, paths=("d.txt",))
    assert run(Model(script(line), FINISH), lambda: GOOD, known=there, ran=lambda: ran).turns == 1


def test_a_line_of_git_that_is_still_offered_was_not_run() -> None:
    known = replace(FACTS, rest=False, commands=("git tag -d v1",))
    model = Model(script("ls"), FINISH, FINISH)
    assert run(model, lambda: GOOD, known=known, expect="none").turns == 3


def test_a_file_that_is_not_there_is_asked_for_once_more_and_again() -> None:
    asked = Facts(wanted=("a.txt",), commands=("kubectl rollout status deployment/web",))
    there = replace(asked, wanted=(), paths=("a.txt",))
    line = script(asked.commands[0])
    model = Model(line, FINISH, script("echo > a.txt"))
    ran = lambda: asked.commands[: model.changes]  # noqa: E731
    known = lambda: there if model.changes > 1 else asked  # noqa: E731
    assert run(model, lambda: NOTHING, known=known, expect="none", ran=ran).turns == 3
    assert "The file a.txt is not there. Write it." in model.messages[1]
    assert "The file a.txt is not there. Write it." in model.messages[2]
    # As plain text, like every script that no line is known for.
    assert model.plain == ["", "x\n", "x\n"]
    # It may be no file at all.
    model = Model(line, FINISH, FINISH)
    assert run(model, lambda: NOTHING, known=asked, expect="none", ran=ran).turns == 3
    # Whoever says that it cannot be done is believed.
    model = Model(line, GIVE_UP)
    assert not run(model, lambda: NOTHING, known=asked, expect="none", ran=ran).done


def test_where_nothing_is_deployed_the_files_that_were_asked_for_are_the_end() -> None:
    asked = Facts(wanted=("a.txt", "b.txt"))
    half = replace(asked, wanted=("b.txt",), paths=("a.txt",))
    whole = replace(asked, wanted=(), paths=("a.txt", "b.txt"))

    def turns(*known: Facts, expect: str = "none") -> int:
        model, left = Model(script("a"), script("b"), FINISH), list(known)
        facts = lambda: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
        return run(model, lambda: NOTHING, known=facts, expect=expect).turns

    assert turns(asked, whole) == 1
    assert turns(asked, half, half, whole) == 2
    assert turns(asked, half) == 3
    assert turns(asked, whole, expect="push") == 2
