"""Stage `train`: learn to separate mixtures by looking, from clips that are mixed and taken apart again."""

from typing import Annotated

from stages import layout
from stages.networks.motion_fields import open_motion
from stages.params import At, Clip, Spectrogram, Train
from stages.separators import Model
from stages.shards.files import copy_whole, sha256_json, write_json
from stages.shards.flags import describe, leave_out
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.runs import open_run
from stages.training.batches import Batches, seen_videos, training_clips
from stages.training.checkpoint import open_checkpoints
from stages.training.export import export, new_separator
from stages.training.interrupt import end_if, stop_on_sigterm
from stages.training.key import training_key
from stages.training.learner import Learner
from stages.training.licences import licence_card
from stages.training.loop import Course
from stages.training.scaling import scale_motion
from stages.training.seeding import choose_device, choose_precision, make_deterministic
from stages.training.tracker import closing
from stages.training.validation import read_mixes, validation_mixes


def run(
    name: str, clip: Clip, spectrogram: Spectrogram, model: Annotated[Model, At("models.{item}")], train: Train
) -> None:
    """Train one model by mix-and-separate, from its last checkpoint if there is one, and keep its best weights."""
    reader = ClipReader()
    kept, left_out = leave_out(reader.clips, layout.COINCIDENCE, train.leave_out)
    print(f"train {name}: clips left out by their flags: {describe(left_out)}")
    clips = training_clips(kept, train.num_sources, sampling=train.sampling)
    mixes = validation_mixes(read_rows(layout.MIXES, MixSource))
    sections = {"clip": clip, "spectrogram": spectrogram, "model": model, "train": train}
    key = sha256_json(training_key(sections, clips, mixes, *layout.manifests(model.sees)))
    device = choose_device(train.device)
    make_deterministic(train.threads, device)
    params = {name: section.model_dump(mode="json") for name, section in sections.items()}
    tracker = open_run(stage="train", model=name, key=key, params=params)
    folder = layout.store() / "train" / key
    with stop_on_sigterm() as stop, closing(tracker), open_checkpoints(folder) as checkpoints:
        write_json(folder / layout.TRAINING_VIDEOS, seen_videos(reader.clips, clips, mixes))
        separator = new_separator(clip, spectrogram, model, train, device=device)
        windows = open_motion(model, clip)
        scale_motion(separator, reader, clips, windows)
        course = Course(
            learner=Learner(separator, train),
            batches=Batches(reader, clips, model.appearance, train, windows),
            mixes=read_mixes(reader, mixes, model.appearance, clips.num_samples, windows),
            checkpoints=checkpoints,
            tracker=tracker,
            train=train,
        )
        state = course.complete(name, stop)
        end_if(not course.finished(state))
        counts = {"clips": clips.num_clips, "silent_clips": clips.num_silent, "left_out": left_out}
        made = {"seed": train.seed, "precision": choose_precision(train.precision, device), "key": key}
        card = {"name": name} | made | counts | licence_card(reader.clips, clips)
        export(separator, checkpoints, state, layout.model(name), card=card)
        copy_whole(folder / layout.TRAINING_VIDEOS, layout.model(name) / layout.TRAINING_VIDEOS)
