"""`engine: external` against a real HTTP server: what is found, and every way to be wrong."""

from contextlib import ExitStack

import pytest

from oi_deploy.engine.server import free_port
from oi_deploy.errors import RunError, Status
from tests.integration.engine_world import answers, opened, server


def test_the_served_model_is_used_with_its_own_length() -> None:
    with (
        server("--served-model-name", "acme/tiny,other", "--max-model-len", "1234") as url,
        opened("external", api_base=(f"{url}/v1",)) as it,
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
        opened("external", api_base=(url,), api_key="k1") as it,
    ):
        endpoint = it.start()
        assert endpoint.base_url == f"{url}/v1"
        assert answers(endpoint)


def test_the_only_model_is_used_under_its_own_name_and_that_is_said() -> None:
    with (
        server("--served-model-name", "qwen") as url,
        opened("external", api_base=(url,)) as it,
    ):
        assert it.start().model == "qwen"
        assert any("serves only `qwen`" in line for line in it.said)


def test_a_server_that_tells_no_length_gets_the_inputs() -> None:
    with (
        server("--served-model-name", "qwen", "--standin", "no-length") as url,
        opened("external", api_base=(url,), max_model_len=8000) as it,
    ):
        assert it.start().max_model_len == 8000
        assert any("`max-model-len: 8000` is assumed" in line for line in it.said)


def test_several_other_models_are_listed() -> None:
    with (
        server("--served-model-name", "a,b") as url,
        opened("external", api_base=(url,)) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "does not serve `acme/tiny`" in caught.value.what
    assert "`a`, `b`" in caught.value.why


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_refused_key_names_the_input(key: str) -> None:
    with (
        server(key="right") as url,
        opened("external", api_base=(url,), api_key=key) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "401" in caught.value.why
    assert "`api-key:" in caught.value.remedy


def test_an_address_where_nothing_listens_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with (
        opened("external", api_base=(url,), timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert url in caught.value.why
    assert "refused" in caught.value.why
    assert "`api-base`" in caught.value.remedy


def test_something_else_that_answers_is_no_endpoint() -> None:
    with (
        server() as url,
        opened("external", api_base=(f"{url}/openai",)) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "404" in caught.value.why
    assert "Another program" in caught.value.remedy


def test_a_server_that_still_loads_gets_the_whole_time_and_no_more() -> None:
    with (
        server("--standin", "loading") as url,
        opened("external", api_base=(url,), timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert caught.value.status is Status.TIMED_OUT
    assert "`engine-timeout:" in caught.value.remedy


def test_a_router_that_is_not_healthy_while_one_of_its_servers_is_gone_is_used() -> None:
    with (
        server("--served-model-name", "acme/tiny", "--standin", "unhealthy") as url,
        opened("external", api_base=(url,)) as it,
    ):
        assert answers(it.start())


def test_a_server_that_lists_the_model_but_cannot_use_it_is_not_ready() -> None:
    with (
        server("--served-model-name", "acme/tiny", "--standin", "no-token") as url,
        opened("external", api_base=(url,), timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert "EngineCore encountered an issue" in caught.value.why


def test_an_endpoint_that_goes_away_is_diagnosed() -> None:
    with ExitStack() as stack:
        with server("--served-model-name", "acme/tiny") as url:
            it = stack.enter_context(opened("external", api_base=(url,)))
            it.start()
        assert "gone" in (it.engine.diagnose() or "")


def test_several_are_one_endpoint_whose_first_is_asked_first() -> None:
    with (
        server("--served-model-name", "acme/tiny", "--max-model-len", "8192") as one,
        server("--served-model-name", "acme/tiny", "--max-model-len", "4096") as two,
        opened("external", api_base=(one, two)) as it,
    ):
        endpoint = it.start()
    assert (endpoint.base_url, endpoint.others) == (f"{one}/v1", (f"{two}/v1",))
    # An answer must fit whichever gives it.
    assert endpoint.max_model_len == 4096


@pytest.mark.parametrize("standin", ["", "loading", "no-token"])
def test_one_that_is_down_is_told_and_comes_last(standin: str) -> None:
    with ExitStack() as stack:
        name = ("--served-model-name", "acme/tiny")
        down = f"http://127.0.0.1:{free_port()}"
        if standin:
            down = stack.enter_context(server(*name, "--standin", standin))
        up = stack.enter_context(server(*name))
        it = stack.enter_context(opened("external", api_base=(down, up)))
        endpoint = it.start()
    assert (endpoint.base_url, endpoint.others) == (f"{up}/v1", (f"{down}/v1",))
    (warning,) = [line for line in it.said if "warning" in line]
    assert f"{down}/v1" in warning
    assert {"": "refused", "loading": "503", "no-token": "EngineCore"}[standin] in warning


def test_where_none_is_there_all_are_named() -> None:
    urls = tuple(f"http://127.0.0.1:{free_port()}/v1" for _ in range(2))
    with (
        opened("external", api_base=urls, timeout_s=1.0) as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert all(url in caught.value.why for url in urls)
    assert "`api-base`" in caught.value.remedy


def test_one_with_another_model_is_a_mistake_even_if_the_other_would_do() -> None:
    with (
        server("--served-model-name", "acme/tiny") as one,
        server("--served-model-name", "a,b") as two,
        opened("external", api_base=(one, two)) as it,
        pytest.raises(RunError, match="does not serve `acme/tiny`"),
    ):
        it.start()
    with (
        server("--served-model-name", "a") as one,
        server("--served-model-name", "b") as two,
        opened("external", api_base=(one, two)) as it,
        pytest.raises(RunError, match="not serve the same model") as caught,
    ):
        it.start()
    assert f"{one}/v1 serves `a`" in caught.value.why


def test_the_one_key_must_do_for_all() -> None:
    with (
        server("--served-model-name", "acme/tiny", key="k1") as one,
        server("--served-model-name", "acme/tiny", key="k2") as two,
        opened("external", api_base=(one, two), api_key="k1") as it,
        pytest.raises(RunError) as caught,
    ):
        it.start()
    assert f"{two}/v1" in caught.value.why and "`api-key:" in caught.value.remedy


def test_a_cancelled_run_waits_for_none_of_them() -> None:
    with (
        server("--standin", "loading") as one,
        server("--standin", "loading") as two,
        opened("external", api_base=(one, two)) as it,
        pytest.raises(RunError) as caught,
    ):
        it.cancel_when_it_says("waiting for")
        it.start()
    assert caught.value.status is Status.CANCELLED


def test_only_the_loss_of_all_is_diagnosed() -> None:
    with ExitStack() as stack:
        name = ("--served-model-name", "acme/tiny")
        with server(*name) as one:
            with server(*name) as two:
                it = stack.enter_context(opened("external", api_base=(one, two)))
                it.start()
            assert it.engine.diagnose() is None
        lost = it.engine.diagnose() or ""
    assert "All model endpoints are gone" in lost
    assert one in lost and two in lost
