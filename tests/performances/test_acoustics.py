from dataclasses import replace

import numpy as np
import pytest

from stages.performances.acoustics import PEAK, Room, draw_room, equalise, join, record, reverberate
from stages.performances.score import SAMPLE_RATE_HZ

FLAT = Room(
    bands=((300.0, 0.0), (1000.0, 0.0), (3000.0, 0.0)),
    reverb_s=0.4,
    wet_db=-12.0,
    noise_db=-50.0,
    level_db=-24.0,
    seed=1,
)


def tone(frequency_hz: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)


def level_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(waveform**2)))


@pytest.mark.parametrize("gain_db", [-6.0, 3.0, 6.0])
def test_a_band_changes_its_centre_by_its_gain_and_leaves_the_rest(gain_db: float) -> None:
    room = replace(FLAT, bands=((1000.0, gain_db),))
    centre, far = (tone(f)[2000:] for f in (1000.0, 60.0))
    assert level_db(equalise(tone(1000.0), room)[2000:]) - level_db(centre) == pytest.approx(gain_db, abs=0.05)
    assert level_db(equalise(tone(60.0), room)[2000:]) - level_db(far) == pytest.approx(0.0, abs=0.3)


def test_reverberation_falls_by_60_db_in_its_time_and_has_its_level() -> None:
    impulse = np.zeros(SAMPLE_RATE_HZ)
    impulse[0] = 1.0
    room = replace(FLAT, reverb_s=0.8)
    tail = reverberate(impulse, room, np.random.default_rng(0)) - impulse
    assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(room.wet_db, abs=1e-6)
    early, late = tail[2000:4000], tail[2000 + 8820 : 4000 + 8820]  # 0.4 s apart
    assert level_db(early) - level_db(late) == pytest.approx(30.0, abs=2.0)


@pytest.mark.parametrize("seed", range(4))
def test_a_recording_has_the_rooms_level_and_its_noise_lies_below(seed: int) -> None:
    room = draw_room(np.random.default_rng(seed))
    dry = np.concatenate([np.zeros(SAMPLE_RATE_HZ), tone(440.0)])
    heard = record(dry, room)
    assert level_db(heard) == pytest.approx(room.level_db, abs=0.05)
    assert level_db(heard[: SAMPLE_RATE_HZ // 2]) == pytest.approx(room.level_db + room.noise_db, abs=0.5)


def test_silence_stays_silence() -> None:
    assert not record(np.zeros(1000), FLAT).any()


def test_joined_stems_and_their_sum_stay_below_the_peak_and_keep_their_proportion() -> None:
    first, second = tone(100.0) * 3, tone(100.0)
    joined = join([first, second])
    assert np.abs(np.sum(joined, axis=0)).max() == pytest.approx(PEAK)
    assert np.allclose(joined[0] * 1.0, joined[1] * 3)
    quiet = [tone(100.0) * 0.1]
    assert np.array_equal(join(quiet)[0], quiet[0])
