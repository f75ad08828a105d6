import numpy as np
import pytest

from stages.performances.players.band import BAND
from stages.performances.sampler import Timbre, Touch, draw_timbre, modelled_voice, play, play_note, voices
from stages.performances.score import SAMPLE_RATE_HZ
from tests.synth.performances import fundamental_hz, notes_of

VOICES = [(name, voice) for name in sorted(BAND) for voice in (*voices(name), modelled_voice(name))]


@pytest.mark.parametrize(("name", "voice"), VOICES)
@pytest.mark.parametrize("formant_shift", [-3.0, 0.0, 3.0])
def test_a_note_sounds_at_its_pitch(name: str, voice: str, formant_shift: float) -> None:
    lowest, highest = BAND[name].span
    errors_cents: list[float] = []
    for pitch in np.linspace(lowest, highest, 7):
        note = play_note(Timbre(voice, 0.0, formant_shift), float(pitch), 1.0, SAMPLE_RATE_HZ, 1000)
        wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
        heard_hz = fundamental_hz(note[int(0.04 * SAMPLE_RATE_HZ) : SAMPLE_RATE_HZ], SAMPLE_RATE_HZ, wanted_hz)
        errors_cents.append(1200 * abs(np.log2(heard_hz / wanted_hz)))
    assert max(errors_cents) < 12


def test_a_detuned_instrument_is_off_by_as_much() -> None:
    timbre = Timbre("trumpet.brass", 20.0, 0.0)
    note = play(notes_of((0.0, 1.0, 69, 1.0)), timbre, Touch(0.05, False), SAMPLE_RATE_HZ, np.random.default_rng(0))
    heard_hz = fundamental_hz(note[2000:20000], SAMPLE_RATE_HZ, 440.0)
    assert 1200 * np.log2(heard_hz / 440.0) == pytest.approx(20.0, abs=10.0)


def test_nothing_sounds_before_a_note_nor_after_its_release() -> None:
    touch, timbre = Touch(release_s=0.1, rings=False), Timbre("violin.concert", 0.0, 0.0)
    heard = play(notes_of((0.5, 1.0, 70, 0.9)), timbre, touch, 2 * SAMPLE_RATE_HZ, np.random.default_rng(0))
    start, end = SAMPLE_RATE_HZ // 2, round(1.1 * SAMPLE_RATE_HZ)
    assert not heard[:start].any()
    assert not heard[end:].any()
    assert np.abs(heard[start:end]).max() > 0.1


def test_a_ringing_note_outlasts_its_end() -> None:
    notes, timbre = notes_of((0.1, 0.15, 70, 0.9)), Timbre("xylophone.rosewood", 0.0, 0.0)
    rung, stopped = (
        play(notes, timbre, Touch(0.01, rings), SAMPLE_RATE_HZ, np.random.default_rng(0)) for rings in (True, False)
    )
    after = slice(round(0.17 * SAMPLE_RATE_HZ), round(0.25 * SAMPLE_RATE_HZ))
    assert np.abs(rung[after]).max() > 0.01
    assert not stopped[after].any()


def test_harder_is_louder() -> None:
    timbre = Timbre("acoustic_guitar.nylon", 0.0, 0.0)
    soft, hard = (np.abs(play_note(timbre, 60.0, velocity, 10000, 100)).max() for velocity in (0.6, 1.0))
    assert hard > soft


def test_timbres_differ_within_their_bounds() -> None:
    timbres = [draw_timbre("acoustic_guitar", np.random.default_rng(seed), modelled=False) for seed in range(40)]
    assert {timbre.voice for timbre in timbres} == set(voices("acoustic_guitar"))
    assert max(abs(timbre.detune_cents) for timbre in timbres) <= 25
    assert np.ptp([timbre.formant_shift for timbre in timbres]) > 3


def test_an_instrument_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples of 'kazoo'"):
        voices("kazoo")


def test_the_samples_come_with_their_licence_and_are_small() -> None:
    from stages.performances.sampler import _SAMPLES

    assert "Permission is hereby granted" in (_SAMPLES / "LICENSE").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in _SAMPLES.iterdir()) < 5e6
