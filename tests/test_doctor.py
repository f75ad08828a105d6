"""stages/doctor.py: what ffmpeg says of itself is read rightly, and the exit status follows the worst finding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages import doctor
from stages.doctor import Finding, abilities, exit_status, ffmpeg_version, packages

DECODERS = """\
Decoders:
 V..... = Video
 ------
 V....D hevc                 HEVC (High Efficiency Video Coding)
 V..... libdav1d             dav1d AV1 decoder by VideoLAN (codec av1)
 A....D mp3float             MP3 (MPEG audio layer 3) (codec mp3)
"""
DEMUXERS = """\
File formats:
 D. = Demuxing supported
 --
 D  matroska,webm   Matroska / WebM
 D  mov,mp4,m4a,3gp,3g2,mj2 QuickTime / MOV
"""


def test_abilities_are_names_aliases_and_the_codecs_they_stand_for() -> None:
    assert {"hevc", "av1", "mp3", "libdav1d"} <= abilities(DECODERS)
    assert {"matroska", "webm", "mov", "mp4"} <= abilities(DEMUXERS)
    assert "Decoders:" not in abilities(DECODERS)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright", "ok"),
        ("ffmpeg version n7.0 Copyright", "ok"),
        ("ffmpeg version N-112847-g4ac9e9b Copyright", "ok"),
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", "problem"),
    ],
)
def test_old_ffmpeg_is_a_problem(answer: str, state: str) -> None:
    assert ffmpeg_version(answer).state == state


@pytest.mark.parametrize(
    ("states", "status"),
    [(["ok", "note"], 0), (["ok", "problem"], 1), (["problem", "missing"], 3), (["missing"], 3)],
)
def test_exit_status(states: list[doctor.State], status: int) -> None:
    assert exit_status([Finding("x", state, "") for state in states]) == status


def test_a_package_in_another_version_is_named() -> None:
    assert packages("dvc==3.67.1  # why\n\n# torch==1\n").state == "ok"
    wrong = packages("dvc==1.0\nno-such-package>=1\n")
    assert wrong.state == "problem"
    assert "dvc==1.0 (found 3.67.1)" in wrong.found
    assert "no-such-package" in wrong.found


@pytest.mark.parametrize(("free_gb", "state"), [(100, "ok"), (0.5, "problem")])
def test_little_room_is_a_problem(free_gb: float, state: str) -> None:
    assert doctor.disk(int(free_gb * 1e9)).state == state
    assert doctor.memory(int(free_gb * 1e9)).state == state


def test_another_python_is_a_problem() -> None:
    assert doctor.python((3, 11, 2)).state == "ok"
    assert doctor.python((3, 12, 0)).state == "problem"


def test_without_ffmpeg_the_status_is_3_and_the_remedy_is_printed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages", "doctor", "--json"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "apt-get install ffmpeg" in done.stderr
    assert "sudo" not in done.stderr


def test_the_store_is_weighed_room_by_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    assert doctor.store() == Finding("store", "ok", f"0.00 GB in {tmp_path / 'store'}")
    for name, size in (("decode", 20_000_000), ("train/abc", 30_000_000), ("spool/x", 10_000_000)):
        (tmp_path / "store" / name).mkdir(parents=True)
        with (tmp_path / "store" / name / "file").open("wb") as file:
            file.truncate(size)
    finding = doctor.store()
    assert finding.found == f"0.06 GB in {tmp_path / 'store'} (decode 0.02, train 0.03)"
    assert "make gc" in finding.advice


def test_this_machine_passes() -> None:
    findings = list(doctor.examine())
    assert {"ffmpeg", "cores", "memory", "disk", "store", "GPU", "Python", "packages"} <= {f.what for f in findings}
    assert [finding for finding in findings if finding.state in ("problem", "missing")] == []
