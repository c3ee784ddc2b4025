"""Start libFuzzer with a seed corpus and a dictionary, and keep what it finds."""

import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

FOUND = Path(__file__).resolve().parents[1] / ".devkit" / "fuzz"


class Finding(Exception):  # noqa: N818 - for libFuzzer any exception is a crash
    """What was read is not what it must be."""


def require(condition: object, what: str) -> None:
    """Make a finding of it when something does not hold."""
    if not condition:
        raise Finding(what)


def fuzz(
    name: str,
    test_one_input: Callable[[bytes], None],
    *,
    seeds: Iterable[bytes],
    words: Iterable[str],
    longest: int,
) -> None:
    """Run until libFuzzer's own limits, or until something is found; does not return.

    Args:
        name: of the harness; its corpus is kept from one run to the next.
        test_one_input: reads one input; an exception is a finding.
        seeds: inputs to begin with.
        words: what inputs are made of.
        longest: bytes of the longest input to try.
    """
    corpus = FOUND / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    dictionary = FOUND / f"{name}.dict"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words)
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped if word))
    defaults = (
        f"-artifact_prefix={FOUND}/{name}-",
        f"-dict={dictionary}",
        f"-max_len={longest}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    )
    # Of an option that is there twice, the last one counts.
    atheris.Setup([sys.argv[0], *defaults, *sys.argv[1:], str(corpus)], test_one_input)
    atheris.Fuzz()
