"""Words that were typed in a hurry."""

import pytest

from oi_deploy.agent.spelling import mended


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("roll teh deploymnet bakc", "roll the deployment back"),
        ("to the previus revison", "to the previous revision"),
        ("biuld the imgae, psuh it", "build the image, push it"),
    ],
)
def test_a_slip_becomes_the_word_that_is_meant(typed: str, meant: str) -> None:
    assert mended(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        # Names, and what is quoted.
        "push r.example.com/imgae:relase to `bakc`",
        "bakc-office and src/bakc.py",
        # Other words.
        "form, scan, backs, versions, releases and services",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert mended(text) == text
