"""Away from a terminal, progress is a line now and then, always one at the end."""

import re

import pytest

from stages.progress import Meter, progress


def test_the_last_unit_is_always_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("decode", total=3, unit="clips") as meter:
        for _ in range(3):
            meter.advance()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.fullmatch(r"decode: 3/3 clips, \S+ clips/s, ETA 0 s", lines[0])


def test_a_note_stands_behind_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("train", total=8, unit="mixtures") as meter:
        meter.advance(8, note="loss 0.5")
    assert capsys.readouterr().err.endswith("ETA 0 s loss 0.5\n")


def test_nothing_done_yet_is_no_division_by_zero(capsys: pytest.CaptureFixture[str]) -> None:
    Meter("index", total=0, unit="videos", bar=None).advance(0)
    assert capsys.readouterr().err.startswith("index: 0/0 videos")


def test_rate_and_time_left_follow_the_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    meter = Meter("decode", total=100, unit="clips", bar=None)
    now_s[0] = 105.0
    meter.advance(10)
    assert capsys.readouterr().err == ""
    now_s[0] = 120.0
    meter.advance(10)
    assert capsys.readouterr().err == "decode: 20/100 clips, 1 clips/s, ETA 80 s\n"


def test_what_needs_no_work_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("learn", total=10, unit="steps") as meter:
        meter.skip(7)
        meter.advance(3)
    assert "learn: 3/3 steps" in capsys.readouterr().err
