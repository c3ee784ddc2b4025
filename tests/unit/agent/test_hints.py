"""The lines that put a failed command right."""

from datetime import UTC, datetime

import pytest

from oi_deploy.agent.completions import Reply
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import Failure, hints, put_right, shorten
from oi_deploy.agent.progress import repeated
from oi_deploy.broker.journal import Entry
from oi_deploy.broker.request import Decision

FACTS = Facts(
    paths=("app.py", "src/server.py", "Dockerfile", "VERSION"),
    dockerfiles=(
        Dockerfile("Dockerfile", "FROM python:3.11-slin\nCOPY ap.py ./\nRUN python3 app.py\n"),
    ),
    images=("python:3.11-slim", "node:22-slim", "web:1"),
    deployments=("Deployment web in namespace p: 2 replicas, container app runs r/web:0.",),
    commands=(
        "docker build -t r/web:1 .",
        "docker push r/web:1",
        "kubectl -n p set image deployment/web app=r/web:1",
        "kubectl -n p rollout status deployment/web",
    ),
)
COPY_FAILED = (
    "Step 2/3 : COPY ap.py ./\nCOPY failed: file not found in build context or excluded by "
    ".dockerignore: stat {}: file does not exist"
)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (COPY_FAILED.format("ap.py"), "First run: sed -i '2s#ap.py#app.py#' Dockerfile"),
        (
            'failed to calculate checksum of ref x: "/ap.py": not found',
            "First run: sed -i '2s#ap.py#app.py#' Dockerfile",
        ),
        (
            "manifest for python:3.11-slin not found: manifest unknown",
            "First run: sed -i '1s#python:3.11-slin#python:3.11-slim#' Dockerfile",
        ),
        (
            "pull access denied for python, repository does not exist",
            "First run: sed -i '1s#python:3.11-slin#python:3.11-slim#' Dockerfile",
        ),
        (
            "Step 3/3 : RUN python3 app.py\n"
            "FileNotFoundError: [Errno 2] No such file or directory: '/app/VERSION'",
            "First run: sed -i '2s#ap.py#VERSION ap.py#' Dockerfile",
        ),
        ('error: unable to find container named "web"', f"Run exactly: {FACTS.commands[2]}"),
        (
            'Error from server (NotFound): deployments.apps "wbe" not found',
            f"Run exactly: {FACTS.commands[2]}",
        ),
        ("unable to prepare context: path 'x' not found", f"Run exactly: {FACTS.commands[0]}"),
        ("script: line 1: cd: source: No such file or directory", ""),
        ("cat: server.py: No such file or directory", "There is no server.py, but src/server.py"),
        ("unauthorized: authentication required", "no `docker login`"),
        ("dial tcp: lookup example.com: no such host", "Scripts have no network"),
        ("exec /app/run: exec format error", "no --platform"),
        (
            "script: -c: line 2: unexpected EOF while looking for matching `\"'",
            "quotes do not match",
        ),
        ("script: line 3: IMAGE: unbound variable", "The variable IMAGE has no value"),
        ("script: line 1: sudo: command not found", "no root here"),
        ("script: line 1: helm: command not found", f"Run exactly: {FACTS.commands[0]}"),
    ],
)
def test_a_failure_gets_the_line_that_mends_it(output: str, said: str) -> None:
    found = "\n".join(hints(Failure("true", output, FACTS)))
    assert said in found if said else not found


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("docker build -t web:1 .\ndocker push r/web:1", "docker tag web:1 r/web:1"),
        ("docker push r/web:1", "docker tag web:1 r/web:1"),
        ("docker push r/other:1", FACTS.commands[0]),
    ],
)
def test_an_image_that_has_another_name_here(script: str, line: str) -> None:
    output = "An image does not exist locally with the tag: r/web"
    assert hints(Failure(script, output, FACTS)) == (f"Run exactly: {line}",)


def test_a_taken_port_is_not_needed() -> None:
    output = "Bind for 0.0.0.0:8080 failed: port is already allocated"
    script = "docker build -t r/web:1 .\ndocker run -p 8080:8080 r/web:1"
    assert "docker run --rm r/web:1" in hints(Failure(script, output, FACTS))[0]


def test_nothing_is_said_when_no_name_is_known() -> None:
    output = COPY_FAILED.format("completely-different.bin")
    assert hints(Failure("docker build .", output, FACTS)) == ()
    assert hints(Failure("true", 'error: unable to find container named "web"', Facts())) == ()


def test_layer_noise_goes_and_the_end_stays() -> None:
    noise = "\n".join(f"{index:012x}: Pushed" for index in range(100))
    assert shorten(f"{noise}\n ---> 0123\nthe error") == "the error"
    assert shorten("again\n" * 50) == "again"
    assert shorten("\n".join(f"line {index}" for index in range(9999))).endswith("line 9998")


def test_a_script_that_stands_again_is_noticed() -> None:
    assert repeated(["a\nb", "c", "a  b"])
    assert not repeated(["a", "b"])


@pytest.mark.parametrize(
    ("line", "better"),
    [
        ("f.write(f'{name}: {count}", "print(f'{name}: {count}', file=f)"),
        ('print("done', 'print("done")'),
    ],
)
def test_a_line_of_python_that_ends_within_quotes(line: str, better: str) -> None:
    output = (
        '  File "<script>", line 2\nSyntaxError: unterminated string literal (detected at line 2)'
    )
    said = hints(Failure(f"for x in y:\n    {line}", output, FACTS))
    assert said == (f"Line 2 ends within quotes. Write it so: {better}",)


def refused(*argv: str, instead: tuple[str, ...]) -> Entry:
    decision = Decision(False, "docker.build.context", "no context", instead)
    now = datetime.now(UTC)
    return Entry(1, now, "docker", argv, "", decision, None, 0.0, (), "")


@pytest.mark.parametrize(
    ("script", "right"),
    [
        ("a; docker build -t r/web:1; b", "a; docker build -t r/web:1 .; b"),
        ("docker  build -t 'r/web:1' && b", "docker build -t r/web:1 . && b"),
        ("docker build -t r/web:1", "docker build -t r/web:1 ."),
        ("docker build -t r/web:12", ""),
        ("T=r/web:1\ndocker build -t $T", ""),
    ],
)
def test_a_script_comes_back_with_what_is_allowed_instead(script: str, right: str) -> None:
    entry = refused("build", "-t", "r/web:1", instead=("docker build -t r/web:1 .",))
    assert put_right(Reply("execute", script, language="shell"), "", entry) == right
    assert put_right(Reply("execute", script, language="python"), "", entry) == ""
    two = refused("build", "-t", "r/web:1", instead=("a", "b"))
    assert put_right(Reply("execute", script, language="shell"), "", two) == ""
    assert put_right(Reply("execute", script, language="shell"), "", None) == ""
    other = refused("build", "-t", "r/web:1", "-f", "a/Dockerfile", instead=("docker build .",))
    assert put_right(Reply("execute", script, language="shell"), "", other) == ""


@pytest.mark.parametrize(
    ("code", "right"),
    [
        (
            "import os\nv = os.getenv('V')\n\ndocker build -t r/web:1 .\n  kubectl get pods",
            "docker build -t r/web:1 .\nkubectl get pods",
        ),
        ("for x in y:\n    docker push x", ""),
        ("tag = '1'\ndocker build -t x:$tag .", ""),
        ("docker build -t {x} .", ""),
        ("result = run(\ndocker push x", ""),
        ("print('a", ""),
    ],
)
def test_shell_that_was_called_python_comes_back_as_shell(code: str, right: str) -> None:
    reply = Reply("execute", code, language="python")
    assert put_right(reply, "SyntaxError: invalid syntax", None) == right
    assert put_right(reply, "NameError: x", None) == ""


def test_words_of_a_command_come_back_without_spaces_at_their_ends() -> None:
    code = "import subprocess\nsubprocess.run(['kubectl', ' rollout', \"status \", 'web'])"
    entry = refused(" rollout", "status ", "web", instead=())
    assert put_right(Reply("execute", code, language="python"), "", entry) == (
        "import subprocess\nsubprocess.run(['kubectl', 'rollout', \"status\", 'web'])"
    )
    assert put_right(Reply("execute", code, language="python"), "", refused("x", instead=())) == ""


def test_a_line_with_the_other_program_s_name_comes_back_with_its_own() -> None:
    line = "kubectl -n p set image deployment/web app=r/web:1"
    script = line.replace("kubectl", "docker")
    entry = refused(*script.split()[1:], instead=())
    status = "kubectl -n p rollout status deployment/web"
    wrong = status.replace("kubectl", "docker")
    both = Reply("execute", f"{script}\n{wrong}", language="shell")
    assert put_right(both, "", entry, (line, status)) == f"{line}\n{status}"
    reply = Reply("execute", f"docker push r/web:1\n{script}", language="shell")
    # What ran before it does not run again.
    assert put_right(reply, "", entry, (line,)) == line
    assert put_right(reply, "", entry, ("kubectl get pods",)) == ""
