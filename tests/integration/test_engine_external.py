"""`engine: external` against a real HTTP server: what is found, and every way to be wrong."""

from contextlib import ExitStack

import pytest

from oi_deploy.engine.server import free_port
from oi_deploy.errors import RunError, Status
from tests.integration.engine_world import answers, opened, server


def test_the_served_model_is_used_with_its_own_length() -> None:
    with (
        server("--served-model-name", "acme/tiny,other", "--max-model-len", "1234") as url,
        opened("external", api_base=f"{url}/v1") as it,
    ):
        endpoint = it.start()
        assert endpoint.base_url == f"{url}/v1"
        assert endpoint.model == "acme/tiny"
        assert endpoint.max_model_len == 1234
        assert answers(endpoint)
        assert it.engine.diagnose() is None


def test_the_url_may_lack_its_version_and_the_key_is_sent() -> None:
    with (
        server("--served-model-name", "acme/tiny", key="k1") as url,
        opened("external", api_base=url, api_key="k1") as it,
    ):
        endpoint = it.start()
        assert endpoint.base_url == f"{url}/v1"
        assert answers(endpoint)


def test_the_only_model_is_used_under_its_own_name_and_that_is_said() -> None:
    with (
        server("--served-model-name", "qwen") as url,
        opened("external", api_base=url) as it,
    ):
        assert it.start().model == "qwen"
        assert any("serves only `qwen`" in line for line in it.said)


def test_a_server_that_tells_no_length_gets_the_inputs() -> None:
    with (
        server("--served-model-name", "qwen", "--standin", "no-length") as url,
        opened("external", api_base=url, max_model_len=8000) as it,
    ):
        assert it.start().max_model_len == 8000
        assert any("`max-model-len: 8000` is assumed" in line for line in it.said)


def test_several_other_models_are_listed() -> None:
    with (
        server("--served-model-name", "a,b") as url,
        opened("external", api_base=url) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "does not serve `acme/tiny`" in caught.value.what
    assert "`a`, `b`" in caught.value.why


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_refused_key_names_the_input(key: str) -> None:
    with (
        server(key="right") as url,
        opened("external", api_base=url, api_key=key) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "401" in caught.value.why
    assert "`api-key:" in caught.value.remedy


def test_an_address_where_nothing_listens_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with (
        opened("external", api_base=url, timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert url in caught.value.why
    assert "refused" in caught.value.why
    assert "`api-base`" in caught.value.remedy


def test_something_else_that_answers_is_no_endpoint() -> None:
    with (
        server() as url,
        opened("external", api_base=f"{url}/openai") as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "404" in caught.value.why
    assert "Another program" in caught.value.remedy


def test_a_server_that_still_loads_gets_the_whole_time_and_no_more() -> None:
    with (
        server("--standin", "loading") as url,
        opened("external", api_base=url, timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.status is Status.TIMED_OUT
    assert "`engine-timeout:" in caught.value.remedy


def test_a_server_that_lists_the_model_but_cannot_use_it_is_not_ready() -> None:
    with (
        server("--served-model-name", "acme/tiny", "--standin", "no-token") as url,
        opened("external", api_base=url) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "EngineCore encountered an issue" in caught.value.why


def test_an_endpoint_that_goes_away_is_diagnosed() -> None:
    with ExitStack() as stack:
        with server("--served-model-name", "acme/tiny") as url:
            it = stack.enter_context(opened("external", api_base=url))
            it.start()
        assert "gone" in (it.engine.diagnose() or "")
