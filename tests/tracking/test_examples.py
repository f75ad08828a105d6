"""Mixes to listen to."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from stages import layout
from stages.networks.frames import to_input
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.examples import Example, read_examples, write_example
from tests.synth.learning import waveform
from tests.synth.registered import tiny_separator
from tests.synth.scored import write_test_world


def test_the_first_test_mixes_are_read_with_their_sources_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_test_world(tmp_path)
    rows = list(reversed(read_rows(layout.MIXES, MixSource)))
    examples = read_examples(ClipReader(), rows, tiny_separator(), 5)
    assert [example.mix_id for example in examples] == ["mix1", "mix0"]
    expected = np.stack([waveform(0, 2), waveform(1, 2)])
    np.testing.assert_allclose(examples[1].references, expected, atol=2**-14)
    np.testing.assert_allclose(examples[1].mixture, expected.mean(axis=0), atol=2**-14)
    assert [[frame.shape for frame in group] for group in examples[0].frames] == [[(40, 48, 3)], [(40, 48, 3)]]
    assert len(read_examples(ClipReader(), rows, tiny_separator(), 1)) == 1


@pytest.mark.parametrize(("height", "width"), [(40, 48), (51, 40), (40, 40), (41, 64)])
def test_a_separator_sees_the_same_in_squares_as_in_whole_frames(height: int, width: int) -> None:
    random = np.random.default_rng(height * width)
    frames = tuple(random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))
    example = Example("mix", ("v0", "v1"), np.zeros((2, 8), np.float32), (frames, frames[::-1]))
    squares = example.square_frames()
    assert squares.shape == (2, 2, min(height, width), min(height, width), 3)
    for group, square in zip(example.frames, squares, strict=True):
        whole = to_input(group, 32, generator=None)
        assert torch.equal(whole, to_input(list(square), 32, generator=None))


def test_frames_of_several_sizes_are_cut_to_one() -> None:
    frames = ((np.zeros((40, 60, 3), np.uint8),), (np.zeros((72, 36, 3), np.uint8),))
    assert Example("mix", ("v0", "v1"), np.zeros((2, 8), np.float32), frames).square_frames().shape == (2, 1, 36, 36, 3)


def test_what_is_no_number_is_written_as_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_test_world(tmp_path)
    separator = tiny_separator()
    with torch.no_grad():
        for weights in separator.net.parameters():
            weights.fill_(float("nan"))
    (example,) = read_examples(ClipReader(), read_rows(layout.MIXES, MixSource), separator, 1)
    write_example(example, separator, tmp_path / "example", mask="soft", sample_rate_hz=4000)
    sound, _ = soundfile.read(tmp_path / "example/0_estimate.flac")
    assert len(sound) == example.references.shape[1]
    assert not sound.any()
