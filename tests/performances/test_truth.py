import io
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter

from stages.performances.film import Cast, Performance, cast, film, perform
from stages.performances.players.band import BAND
from stages.performances.score import SAMPLE_RATE_HZ
from stages.performances.take import Staging
from stages.performances.truth import CELL_PX, describe, displace, entry_affines, part_ids, write
from tests.synth.performances import PLAIN, still_performance, take_of

HARD = replace(PLAIN, silent="violin", distracted=True, idle=0.25, offset_ms=40.0, jitter_ms=15.0)
STAGINGS = [*((name, PLAIN) for name in BAND), ("trumpet", HARD), ("xylophone", replace(HARD, shifted=True))]


def filmed(instrument: str, staging: Staging) -> tuple[Performance, Cast, NDArray[np.uint8], NDArray[np.float64]]:
    performance = perform(take_of(instrument, side_px=192, frame_rate_hz=12, staging=staging))
    drawn = cast(performance)
    frames = np.stack(list(film(performance, drawn))).astype(np.float64)
    return performance, drawn, part_ids(performance, drawn), frames


def cells(ids: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]:
    """Rows, columns and ids of cells whose neighbours belong to the same part: away from edges."""
    inner = minimum_filter(ids, 3) == maximum_filter(ids, 3)
    rows, columns = np.nonzero(inner)
    return rows, columns, ids[rows, columns]


def colours(frame: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear colours at points in pixels from the corner, (points, 3)."""
    return np.stack([map_coordinates(frame[..., c], [y - 0.5, x - 0.5], order=1, mode="nearest") for c in range(3)], -1)


@pytest.mark.parametrize(("name", "staging"), STAGINGS)
def test_the_true_motion_takes_colours_from_each_frame_to_the_next(name: str, staging: Staging) -> None:
    """Second implementation: the frames themselves, which truth never looks at."""
    _, drawn, ids, frames = filmed(name, staging)
    affines = entry_affines(drawn)
    followed, stayed = [], []
    for frame in range(len(frames) - 1):
        rows, columns, owner = cells(ids[frame])
        x, y = (columns + 0.5) * CELL_PX, (rows + 0.5) * CELL_PX
        to_x, to_y = displace(affines, frame, (x, y), owner)
        to_row, to_column = (np.floor(v / CELL_PX).astype(int) for v in (to_y, to_x))
        inside = (to_row >= 1) & (to_column >= 1) & (to_row < ids.shape[1] - 1) & (to_column < ids.shape[2] - 1)
        next_rows, next_columns, _ = cells(ids[frame + 1])
        calm = np.zeros(ids.shape[1:], bool)
        calm[next_rows, next_columns] = True
        seen = inside.copy()
        seen[inside] = calm[to_row[inside], to_column[inside]]
        seen[inside] &= ids[frame + 1][to_row[inside], to_column[inside]] == owner[inside]
        fast = seen & (np.hypot(to_x - x, to_y - y) > 1.0) & (owner > 0)
        here = colours(frames[frame], x, y)
        followed.append(np.abs(colours(frames[frame + 1], to_x, to_y) - here).mean(-1)[fast])
        stayed.append(np.abs(colours(frames[frame + 1], x, y) - here).mean(-1)[fast])
    assert len(np.concatenate(followed)) > 100
    assert np.concatenate(followed).mean() < 0.5 * np.concatenate(stayed).mean()
    assert np.concatenate(followed).mean() < 5.0


@pytest.mark.parametrize(("name", "staging"), STAGINGS)
def test_what_a_part_covers_moves_with_its_affine(name: str, staging: Staging) -> None:
    """A cell well inside a part is, a frame later, that part or something that came before it."""
    _, drawn, ids, _ = filmed(name, staging)
    affines, order = entry_affines(drawn), np.arange(len(drawn.parts) + 1)
    kept, asked = 0, 0
    for frame in range(len(ids) - 1):
        rows, columns, owner = cells(ids[frame])
        x, y = displace(affines, frame, ((columns + 0.5) * CELL_PX, (rows + 0.5) * CELL_PX), owner)
        row, column = (np.floor(v / CELL_PX).astype(int) for v in (y, x))
        inside = (row >= 0) & (column >= 0) & (row < ids.shape[1]) & (column < ids.shape[2])
        found = ids[frame + 1][row[inside], column[inside]]
        kept += int((order[found] >= owner[inside]).sum())
        asked += int(inside.sum())
    assert kept / asked > 0.995


def test_ids_name_parts_and_every_instrument_is_seen() -> None:
    performance = perform(take_of("trumpet", "xylophone"))
    drawn = cast(performance)
    ids = part_ids(performance, drawn)
    assert ids.shape == (48, 32, 64)
    assert ids.max() <= len(drawn.parts)
    for player in range(2):
        mine = [
            p + 1 for p in range(len(drawn.parts)) if drawn.players[p] == player and drawn.parts[p].role == "instrument"
        ]
        assert 0.01 < np.isin(ids, mine).mean() < 0.4


@pytest.mark.parametrize("name", BAND)
def test_pixels_that_the_truth_calls_still_do_not_change(name: str) -> None:
    performance = still_performance(name)
    drawn = cast(performance)
    frames, ids = np.stack(list(film(performance, drawn))).astype(int), part_ids(performance, drawn)
    calm = maximum_filter(ids.max(axis=0), 3) == 0  # never covered, nor beside what is
    big = np.repeat(np.repeat(calm, CELL_PX, 0), CELL_PX, 1)
    assert big.any()
    assert np.ptp(frames, axis=0)[big].max() == 0


@pytest.mark.parametrize("name", BAND)
def test_sound_begins_at_the_onsets_of_the_truth_and_rests_are_silent(name: str) -> None:
    performance = perform(take_of(name, duration_s=10.0))
    sound, notes = performance.stems[0], performance.notes[0]

    def level_db(start: int, end: int) -> float:
        return float(10 * np.log10(np.mean(sound[max(0, start) : end] ** 2) + 1e-12))

    gap = int(0.3 * SAMPLE_RATE_HZ)
    after_rest = [notes[0], *(b for a, b in itertools.pairwise(notes) if b.start_sample - a.end_sample > gap)]
    assert len(after_rest) >= 2
    for note in after_rest:
        before = level_db(note.start_sample - 1100, note.start_sample)
        assert level_db(note.start_sample, note.start_sample + 2200) - before > 12
        assert before < -45


def test_written_truth_reads_back(tmp_path: Path) -> None:
    performance = perform(take_of("trumpet", "violin"))
    drawn = cast(performance)
    write(tmp_path, performance, drawn)
    with np.load(tmp_path / "truth.npz") as read:
        assert np.array_equal(read["part_ids"], part_ids(performance, drawn))
        assert np.allclose(read["affines"], entry_affines(drawn), atol=1e-4)
    for player, stem in enumerate(performance.stems):
        heard, rate_hz = soundfile.read(io.BytesIO((tmp_path / f"stem{player}.flac").read_bytes()))
        assert rate_hz == SAMPLE_RATE_HZ
        assert np.abs(heard - stem).max() < 2 / 32768


def test_the_description_is_plain_json_and_complete() -> None:
    performance = perform(take_of("xylophone", "violin"))
    facts = json.loads(json.dumps(describe(performance, cast(performance))))
    assert facts["label"] == "violin xylophone"
    assert [player["instrument"] for player in facts["players"]] == ["xylophone", "violin"]
    for player, notes in zip(facts["players"], performance.notes, strict=True):
        assert [row[:2] for row in player["notes"]] == [[n.start_sample, n.end_sample] for n in notes]
    assert {part["player"] for part in facts["parts"]} == {0, 1}
    assert {part["role"] for part in facts["parts"]} == {"body", "instrument"}


def test_the_truth_says_who_is_silent_and_when_gestures_show_the_notes() -> None:
    performance = perform(take_of("trumpet", staging=HARD))
    facts = json.loads(json.dumps(describe(performance, cast(performance))))
    assert facts["label"] == "trumpet"
    silent, heard = sorted(facts["players"], key=lambda player: not player["silent"])
    assert (silent["instrument"], silent["silent"], silent["notes"], silent["shown"]) == ("violin", True, [], [])
    assert (heard["instrument"], heard["silent"]) == ("trumpet", False)
    offsets_ms = [
        1000 * (shown[0] - note[0]) / SAMPLE_RATE_HZ for note, shown in zip(heard["notes"], heard["shown"], strict=True)
    ]
    assert 0 < max(map(abs, offsets_ms)) <= 55.1
    assert {part["player"] for part in facts["parts"]} == {None, 0, 1}
    assert {part["role"] for part in facts["parts"] if part["player"] is None} == {"distractor"}


def test_only_sounding_players_have_stems(tmp_path: Path) -> None:
    performance = perform(take_of("trumpet", "trumpet", staging=HARD))
    write(tmp_path, performance, cast(performance))
    silent = performance.take.silent_at
    assert {path.name for path in tmp_path.glob("*.flac")} == {f"stem{p}.flac" for p in range(3) if p != silent}
