"""What two models made of the same mix, each shown what it looks at."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from stages import layout
from stages.judging.listening import listen
from stages.metrics.scores import evaluated
from stages.networks.motion_fields import open_motion
from stages.networks.separation import Separator, build
from stages.networks.sight import central
from stages.separators import Model
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM
from tests.synth.scored import write_test_world
from tests.synth.struck import changed


def _separator(model: Model, seed: int) -> Separator:
    torch.manual_seed(seed)
    return Separator(build(model, CLIP, SPECTROGRAM), model, CLIP, SPECTROGRAM, "binary")


def test_one_that_sees_motion_is_heard_beside_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_test_world(tmp_path)
    reader, mix = ClipReader(), evaluated(read_rows(layout.MIXES, MixSource))[0]
    pixels, motions = _separator(MODEL, 1), _separator(changed(), 2)
    (heard,) = listen(reader, [mix.sources], (pixels, motions), "soft")
    ids = [source.clip_id for source in mix.sources]
    truths = torch.stack([torch.from_numpy(reader.audio(clip_id)) for clip_id in ids])
    for place, separator in enumerate((pixels, motions), start=1):
        windows = open_motion(separator.model, CLIP)
        frames, motion = central(reader, ids, separator.model.appearance, windows)
        moving = None if motion is None else motion[None]
        estimates = separator.separate(truths.mean(0)[None], frames[None], moving, mask="soft")[0].numpy()
        for source, expected in zip(heard.sources, estimates, strict=True):
            found = soundfile.read(io.BytesIO(source[place]))[0]
            np.testing.assert_allclose(found, np.clip(expected, -1, 1), atol=1e-4)
    assert heard.sources[0][1] != heard.sources[0][2]
