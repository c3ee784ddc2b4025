"""The same examples on every machine and in every run, so that a red test is red everywhere."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

Test = Callable[..., Any]


def steady(examples: int) -> Callable[[Test], Test]:
    """Settings of a property: this many examples, no random seed, no time limit per example."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            # Fixtures of the tests here are directories that nothing is written to.
            HealthCheck.function_scoped_fixture,
        ],
    )
