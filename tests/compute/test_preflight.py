"""Versions are compared on every node; a second node of ray, a process of its own, does real work."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stages import flow as stage
from stages import layout
from stages.compute.errors import PoolError
from stages.compute.preflight import check_address, describe, differences
from stages.exits import LATER
from stages.params import read
from stages.shards.files import sha256
from tests.synth.cluster import Cluster, cluster
from tests.synth.moving import FLOW, Shift, moving_folder
from tests.synth.world import surroundings, tiny_params

SHARDS = 6
WRAPPER = '#!/bin/sh\necho "ffmpeg version 0.1-odd Copyright (c) nobody"\n'


def test_this_machine_is_like_itself_and_says_what_it_has(tmp_path: Path) -> None:
    here = describe([tmp_path])
    assert differences("node 1", describe([tmp_path]), here) == []
    assert here["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert here["torch"].startswith("2.") and here["ray"].startswith("2.")
    said = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"ffmpeg version {here['ffmpeg']} ") and " " not in here["ffmpeg"]


def test_every_difference_is_named_with_both_sides(tmp_path: Path) -> None:
    here = describe([tmp_path])
    there = here | {"torch": "2.0.0", "ffmpeg": "none", str(tmp_path): "none"}
    lines = differences("node 7", there, here)
    assert lines[0] == f"node 7: torch is 2.0.0, expected {here['torch']} as on this machine"
    assert lines[1] == f"node 7: ffmpeg is none, expected {here['ffmpeg']} as on this machine"
    assert lines[2].startswith(f"node 7: {tmp_path} is not there; workers open shards by their paths")
    assert "PIXELS_STORE" in lines[2] and len(lines) == 3


def test_a_tool_that_is_absent_is_no_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe([])["ffmpeg"] == "none"
    assert describe([tmp_path / "no"])[str(tmp_path / "no")] == "none"


@pytest.mark.parametrize("address", ["127.0.0.1:6379", "localhost:6379", "auto", "local", "ray://127.0.0.1:10001"])
def test_this_machine_needs_no_token(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    check_address(address)


@pytest.mark.parametrize("address", ["10.0.0.7:6379", "ray://head.pixels:10001", "127.evil.org:1", "localhost.org:1"])
def test_another_machine_is_spoken_to_with_a_token_only(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(PoolError, match=r"RAY_AUTH_MODE is not set.*set RAY_AUTH_MODE=token"):
        check_address(address)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(PoolError, match="RAY_AUTH_MODE is disabled"):
        check_address(address)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    check_address(address)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Cluster]:
    with cluster() as started:
        started.join()
        yield started


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Params and decoded clips, in a folder that may be hidden from a node."""
    place = tmp_path / "shared" / "workspace"
    moving_folder(place / "data/decode", [[Shift(3 * n + k, n, k - 1) for k in range(3)] for n in range(SHARDS)])
    params = tiny_params() | {"flow": FLOW.model_dump()}
    (place / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return place


def flow(place: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stages", "flow"]
    own = {"PYTHONPATH": str(Path.cwd()), **changes}
    return subprocess.run(
        command, cwd=place, env=surroundings(place, **own), capture_output=True, text=True, check=False, timeout=200
    )


def made(place: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in (place / "data/flow").rglob("*") if path.is_file()}


def test_two_nodes_give_the_bytes_of_one_process(
    two_nodes: Cluster, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = flow(workspace, RAY_ADDRESS=two_nodes.address, **two_nodes.token)
    assert done.returncode == 0, done.stderr
    there = made(workspace)
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "other"))
    stage.run(read(layout.PARAMS).clip, FLOW, 0.0)
    assert made(workspace) == there
    assert len([name for name in there if name.endswith(".arrow")]) == SHARDS


def test_a_node_with_another_ffmpeg_that_sees_no_shards_is_named(
    two_nodes: Cluster, workspace: Path, tmp_path: Path
) -> None:
    tool = tmp_path / "tools/ffmpeg"
    tool.parent.mkdir()
    tool.write_text(WRAPPER, encoding="utf-8")
    tool.chmod(0o755)
    hidden = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {workspace.parent} && exec "$@"', "sh"]
    may_hide = subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode == 0
    path = f"{tool.parent}:{surroundings(workspace)['PATH']}"
    odd = two_nodes.join(before=hidden if may_hide else (), PATH=path)
    try:
        done = flow(workspace, RAY_ADDRESS=two_nodes.address, **two_nodes.token)
    finally:
        odd.terminate()
        odd.wait(60)
    assert done.returncode == LATER, done.stderr  # who mends the node can let the same work be tried again
    assert "nodes of the cluster are not fit for this work" in done.stderr
    assert f"ffmpeg is 0.1-odd, expected {describe([])['ffmpeg']} as on this machine" in done.stderr
    assert len({line.split()[1] for line in done.stderr.splitlines() if line.startswith("  node ")}) == 1
    if may_hide:
        assert f"{workspace / 'data/decode'} is not there; workers open shards by their paths" in done.stderr
    assert not (workspace / "data/flow").exists()
