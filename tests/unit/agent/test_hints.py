"""The lines that put a failed command right."""

from oi_deploy.agent.facts import Facts
from oi_deploy.agent.hints import hints, repeated, shorten

FACTS = Facts(
    commit="abc1234",
    branch="main",
    files=("app.py", "src/server.py", "Dockerfile"),
    deployments=(),
    dockerfile_lines="",
    commands=(
        "docker build -t r/web:1 .",
        "docker push r/web:1",
        "kubectl -n p set image deployment/web app=r/web:1",
    ),
)


def test_a_misspelt_file_in_a_dockerfile_gets_the_line_that_mends_it() -> None:
    output = (
        "Step 3/5 : COPY ap.py .\nCOPY failed: file not found in build context or excluded by "
        ".dockerignore: stat ap.py: file does not exist"
    )
    assert hints(output, FACTS) == (
        "The Dockerfile copies ap.py, which does not exist. "
        "First run: sed -i 's#ap.py#app.py#g' Dockerfile",
    )


def test_nothing_is_said_when_no_name_is_known() -> None:
    output = (
        "COPY failed: file not found in build context or excluded by .dockerignore: stat "
        "completely-different.bin: file does not exist"
    )
    assert hints(output, FACTS) == ()


def test_wrong_names_get_the_right_command() -> None:
    assert hints('error: unable to find container named "web"', FACTS) == (
        "Run exactly: kubectl -n p set image deployment/web app=r/web:1",
    )


def test_layer_noise_goes_and_the_end_stays() -> None:
    noise = "\n".join(f"{index:012x}: Pushed" for index in range(100))
    assert shorten(f"{noise}\n ---> 0123\nthe error") == "the error"
    assert shorten("\n".join(f"line {index}" for index in range(9999))).endswith(
        "line 9999"[:8] + "8"
    )


def test_a_script_that_stands_again_is_noticed() -> None:
    assert repeated(["a\nb", "c", "a  b"])
    assert not repeated(["a", "b"])
