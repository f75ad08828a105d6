"""What a run's key sees, and what it does not."""

from pathlib import Path

from stages import layout
from stages.shards.files import sha256_json
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.training.batches import training_clips
from stages.training.key import training_key
from stages.training.validation import validation_mixes
from tests.synth.learning import CLIP, train_section, write_world


def _key(world: Path, **changes: object) -> str:
    train = train_section(**changes)
    clips = training_clips(ClipReader(world / layout.DECODE).clips, 2, sampling=train.sampling)
    mixes = validation_mixes(read_rows(world / layout.MIXES, MixSource))
    sections = {"clip": CLIP, "train": train}
    return sha256_json(training_key(sections, clips, mixes, world / layout.MANIFEST))


def test_labels_do_not_enter_and_params_do(tmp_path: Path) -> None:
    write_world(tmp_path / "labelled")
    write_world(tmp_path / "bare", labels=False)
    assert _key(tmp_path / "labelled") == _key(tmp_path / "bare")
    assert _key(tmp_path / "labelled") != _key(tmp_path / "labelled", seed=2)


def test_phases_are_left_to_the_legs(tmp_path: Path) -> None:
    write_world(tmp_path)
    assert _key(tmp_path) == _key(tmp_path, steps=7)


def test_labels_enter_where_sampling_asks_for_them(tmp_path: Path) -> None:
    write_world(tmp_path / "labelled", train_clips=("0-0", "0-1", "1-0"))
    write_world(tmp_path / "bare", labels=False, train_clips=("0-0", "0-1", "1-0"))
    assert _key(tmp_path / "labelled", sampling="labels") != _key(tmp_path / "bare", sampling="labels")
