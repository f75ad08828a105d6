"""A full disk is named with the bytes that are needed; what stood there stays, and no half file takes its name."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.exits import LATER
from tests.faults.harness import finish, partials, results, start, tail
from tests.synth.world import commands

Mount = Callable[[str], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Mount]:
    """Mounts an empty file system of a given size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size: str) -> Path:
        options = f"size={size}" + (",remount" if os.path.ismount(folder) else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "small", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a small file system needs the right to mount: {done.stderr.decode().strip()}")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("stage", "serial"),
    [("perform@first", "1"), ("perform@first", ""), ("decode", "1"), ("decode", ""), ("train@pixels", "1")],
)
def test_a_full_store(world: Path, small_disk: Mount, stage: str, serial: str) -> None:
    before = results(world)
    store = {"PIXELS_STORE": str(small_disk("60k"))}
    process = start(commands(world)[stage], world, PIXELS_SERIAL=serial, **store)
    assert process.wait(timeout=300) == LATER
    assert "the disk is full: " in tail(world) and "bytes are needed" in tail(world)
    assert "Traceback" not in tail(world)
    assert results(world) == before
    assert partials(world) == partials(small_disk("100m")) == []
    finish(commands(world)[stage], world, PIXELS_SERIAL="1", **store)
    assert results(world) == before


def test_a_full_disk_under_the_outs(world: Path, small_disk: Mount) -> None:
    before = results(world)
    reports = world / "models/pixels"
    kept = {path.name: path.read_bytes() for path in reports.iterdir()}
    shutil.rmtree(reports)
    disk = small_disk("100m")
    reports.symlink_to(disk, target_is_directory=True)
    for name, content in kept.items():
        (disk / name).write_bytes(content)
    used = sum(path.stat().st_blocks * 512 for path in disk.iterdir())
    small_disk(str(used))
    process = start(commands(world)["train@pixels"], world)
    assert process.wait(timeout=300) == LATER
    assert "models/pixels/curves.json: the disk is full: more than " in tail(world)
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == kept
    small_disk("100m")
    finish(commands(world)["train@pixels"], world)
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == kept
    reports.unlink()
    shutil.copytree(disk, reports)
    assert results(world) == before
