"""Disks against their marks: the folders are real, and so is the disk; the marks are set around it."""

import shutil
from pathlib import Path

from stages.keeping.watermarks import Place, disks


def test_levels_follow_the_marks_and_sizes_are_taken_only_when_it_matters(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.bin").write_bytes(bytes(1000))
    places = [Place("store", tmp_path / "store", "gc"), Place("runs", tmp_path / "none/yet", "clear")]
    usage = shutil.disk_usage(tmp_path)
    share = usage.used / (usage.used + usage.free)
    (fine,) = disks(places, low=1, high=1)
    assert (fine.level, fine.sizes) == ("fine", {})
    assert abs(fine.used_share - share) < 0.01
    (low,) = disks(places, low=share / 2, high=1)
    assert (low.level, low.sizes) == ("low", {"store": 1000, "runs": 0})
    (high,) = disks([*places, Place("videos", tmp_path, "")], low=share / 3, high=share / 2)
    assert high.level == "high"
    assert high.sizes.keys() == {"store", "runs"}  # what is the user's is not offered


def test_each_file_system_stands_for_itself(tmp_path: Path) -> None:
    found = disks([Place("store", tmp_path, "gc"), Place("memory", Path("/dev/shm"), "")], low=1, high=1)
    assert [len(disk.places) for disk in found] == [1, 1]
    assert found[0].used_share >= found[1].used_share
