"""What tests of several engines share: the image of vLLM's stand-in, and servers of their own."""

from collections.abc import Iterator

import pytest

from tests.integration.engine_world import Pool, built_standin, own_pool


@pytest.fixture(scope="module")
def standin_image() -> Iterator[str]:
    """An image that starts the stand-in as vLLM's image starts vLLM."""
    with built_standin() as name:
        yield name


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Servers that only this test's runs share."""
    with own_pool() as pool:
        yield pool
