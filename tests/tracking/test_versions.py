"""Versions of a real registry: found, read with their hashes checked, promoted and rolled back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient

from stages import layout
from stages.networks.separation import load
from stages.shards.tables import read_columns
from stages.tracking.registry import RegistryError
from stages.tracking.server import connect
from stages.tracking.standing import keep_scores, scores_on
from stages.tracking.versions import (
    files_of,
    find,
    find_alias,
    history,
    is_address,
    load_version,
    measured,
    promote,
    rollback,
)
from tests.synth.lineage import register_again
from tests.synth.registered import write_scored_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two versions, of seeds 1 and 2."""
    folder = tmp_path_factory.mktemp("versions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        write_scored_world(folder)
        assert register_again(folder, [1.0, 2.0, 1.5, 2.5], seed=1) == "1"
        assert register_again(folder, [2.0, 3.0, 2.5, 3.5], seed=2) == "2"
        yield folder


@pytest.fixture
def client(world: Path) -> MlflowClient:
    assert Path.cwd() == world
    return connect()


def stored(world: Path, version: str, name: str) -> Path:
    """A file of a version in the artifact store."""
    found = find(connect(), f"pixels/{version}")
    (path,) = [p for p in world.glob(f"mlartifacts/**/{name}") if found.run_id in p.parts or found.model_id in p.parts]
    return path


def test_addresses() -> None:
    assert is_address("pixels@champion") and is_address("pixels/3")
    assert not any(map(is_address, ("pixels", "pixels/", "pixels@", "../pixels/3", "pixels/3/4", "Pixels@x")))


def test_a_version_is_found_by_alias_and_number_or_named_with_what_is_there(client: MlflowClient) -> None:
    assert find(client, "pixels@candidate").number == "2"
    assert find(client, "pixels/1").tags["seed"] == "1"
    assert [version.address for version in history(client, "pixels")] == ["pixels/1", "pixels/2"]
    for address in ("pixels@champion", "pixels/7"):
        with pytest.raises(RegistryError, match=f"{address}: no such version in the registry; there are: pixels/1, p"):
            find(client, address)
    with pytest.raises(RegistryError, match="no address"):
        find(client, "pixels")


def test_what_is_loaded_is_what_was_trained(client: MlflowClient) -> None:
    separator = load_version(client, find(client, "pixels@candidate"))
    expected = load(layout.model("pixels")).net.state_dict()
    found = separator.net.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("name", ["weights.safetensors", "separator_model.py", "MLmodel", "hashes.json"])
def test_one_changed_byte_of_model_code_or_hashes_is_refused(world: Path, client: MlflowClient, name: str) -> None:
    path = stored(world, "1", name)
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        with pytest.raises(RegistryError, match=rf"pixels/1: 1 of its files are not what was registered; \S*{name}"):
            load_version(client, find(client, "pixels/1"))
    finally:
        path.write_bytes(before)
    load_version(client, find(client, "pixels/1"))


def test_a_file_that_is_gone_or_was_added_is_refused(world: Path, client: MlflowClient) -> None:
    weights = stored(world, "1", "weights.safetensors")
    added = weights.with_name("extra.py")
    added.write_text("print()")
    with pytest.raises(RegistryError, match=r"extra.py: found sha256 \w+, expected nothing"):
        load_version(client, find(client, "pixels/1"))
    added.unlink()
    before = weights.read_bytes()
    weights.unlink()
    with pytest.raises(RegistryError, match=r"weights.safetensors: found sha256 nothing"):
        load_version(client, find(client, "pixels/1"))
    weights.write_bytes(before)


def test_scores_are_checked_too(world: Path, client: MlflowClient) -> None:
    version = find(client, "pixels/1")
    with files_of(client, version, ["scores.parquet"]) as folder:
        assert read_columns(folder / "scores.parquet")["si_sdr"][:2] == [1.0, 2.0]
    path = stored(world, "1", "scores.parquet")
    before = path.read_bytes()
    path.write_bytes(before + b" ")
    with pytest.raises(RegistryError, match=r"scores.parquet: found"), files_of(client, version, ["scores.parquet"]):
        pass
    path.write_bytes(before)
    with pytest.raises(RegistryError, match=r"holds no nothing.txt"), files_of(client, version, ["nothing.txt"]):
        pass


def test_costs_and_params_stand_with_a_version(client: MlflowClient) -> None:
    found = measured(client, find(client, "pixels/1"))
    assert found.params["clip.sample_rate_hz"] == "4000"
    assert found.size_bytes == (layout.model("pixels") / "weights.safetensors").stat().st_size
    assert 0 < found.latency_ms < 60_000


def test_scores_on_other_mixes_are_kept_beside_a_version(world: Path, client: MlflowClient) -> None:
    version = find(client, "pixels/1")
    assert scores_on(client, version, "f" * 64) is None
    columns = {"mix_id": ["a", "b"], "si_sdr": [1.0, None]}
    keep_scores(client, version, "f" * 64, columns)
    assert scores_on(client, find(client, "pixels/1"), "f" * 64) == columns
    (path,) = world.glob("mlartifacts/**/rescored/*/scores.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RegistryError, match=r"rescored/ffffffffffffffff/scores.parquet has sha256"):
        scores_on(client, find(client, "pixels/1"), "f" * 64)


def test_a_champion_gives_way_to_the_next_and_comes_back(client: MlflowClient) -> None:
    with pytest.raises(RegistryError, match="there is no previous champion"):
        rollback(client, "pixels")
    promote(client, find(client, "pixels/1"), despite=None)
    promote(client, find(client, "pixels/1"), despite=None)  # as a process does that was killed and runs again
    with pytest.raises(RegistryError, match="there is no previous champion"):
        rollback(client, "pixels")
    promote(client, find(client, "pixels/2"), despite="it sounds better")
    assert [version.aliases for version in history(client, "pixels")] == [("previous",), ("candidate", "champion")]
    assert find(client, "pixels/2").tags["promoted_despite"] == "it sounds better"

    gone, back = rollback(client, "pixels")
    assert (gone.number, back.number) == ("2", "1")
    assert [version.aliases for version in history(client, "pixels")] == [("champion",), ("candidate",)]
    assert find(client, "pixels/2").tags["rolled_back"].endswith("Z")
    assert find_alias(client, "pixels", "previous") is None
