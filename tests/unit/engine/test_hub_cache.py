"""When the hub need not be asked: the cache as huggingface_hub lays it out."""

from pathlib import Path

import pytest

from oi_deploy.engine.inside.hub_cache import from_hub
from tests.integration import tiny_model

COMMIT = "cdbee75f17c01a7cc42f958dc650907174af0554"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


class Cache:
    """A cache with one model in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.repository = home / "hub" / "models--acme--tiny"
        self.snapshot = self.repository / "snapshots" / COMMIT
        tiny_model.write(self.snapshot)
        (self.repository / "blobs").mkdir()
        for path in self.snapshot.iterdir():
            path.rename(self.repository / "blobs" / f"digest-of-{path.name}")
            path.symlink_to(f"../../blobs/digest-of-{path.name}")
        (self.repository / "refs").mkdir()
        (self.repository / "refs" / "main").write_text(COMMIT)

    def look(self, *arguments: str, revision: str = COMMIT, **variables: str) -> dict[str, str]:
        variables = {"HF_HOME": str(self.home), **variables}
        return from_hub("acme/tiny", revision, ["vllm", *arguments], variables)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_a_pinned_revision_that_is_there_needs_no_hub(
    cache: Cache, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cache.look() == OFFLINE
    assert "the hub is not asked" in capfd.readouterr().out
    assert cache.look(HF_HOME="/nowhere", HF_HUB_CACHE=str(cache.home / "hub")) == OFFLINE


@pytest.mark.parametrize("revision", ["", "main", "v1"])
def test_a_branch_may_have_moved(
    cache: Cache, revision: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cache.look(revision=revision) == {}
    # What is probably still current is not said to be fetched.
    assert ("fetching" in capfd.readouterr().out) is (revision == "v1")


@pytest.mark.parametrize("name", ["--tokenizer=acme/other", "--trust_remote_code"])
def test_other_repositories_may_be_wanted(cache: Cache, name: str) -> None:
    assert cache.look(name) == {}


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_not_whole_is_fetched(
    cache: Cache, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (cache.snapshot / name).unlink()
    assert cache.look(HF_ENDPOINT="https://me:secret@hub.example.com") == {}
    said = capfd.readouterr().out
    assert "fetching weights from https://hub.example.com; " in said
    assert "GB are here already" in said


def test_another_hub_has_another_cache(cache: Cache, capfd: pytest.CaptureFixture[str]) -> None:
    assert cache.look(VLLM_USE_MODELSCOPE="True") == {}
    assert capfd.readouterr().out == ""


def test_nothing_is_there_yet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert from_hub("acme/tiny", COMMIT, [], {"HF_HOME": str(tmp_path)}) == {}
    assert capfd.readouterr().out == "oi-deploy: fetching weights from https://huggingface.co\n"


def test_a_file_that_lost_its_end_is_fetched_again(
    cache: Cache, capfd: pytest.CaptureFixture[str]
) -> None:
    blob = (cache.snapshot / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1])
    assert cache.look() == {}
    assert not blob.exists()
    assert not (cache.snapshot / "model.safetensors").is_symlink()
    assert "model.safetensors in the cache is cut off" in capfd.readouterr().out
