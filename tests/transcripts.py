"""Transcripts, held against the published schema."""

import json
from collections.abc import Iterator
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "docs/transcript.schema.json").read_text(encoding="utf-8")
)


def problems(transcript: str) -> Iterator[str]:
    """Which lines are not as the schema says, and why."""
    validator = Draft202012Validator(SCHEMA)
    for number, line in enumerate(transcript.splitlines(), 1):
        for error in validator.iter_errors(json.loads(line)):
            yield f"line {number}: {error.message}"
