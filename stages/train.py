"""Stage `train`: learn to separate mixtures by looking, from clips that are mixed and taken apart again."""

from typing import Annotated

from stages import layout
from stages.metrics.watched import read_maps, watch
from stages.networks.motion_fields import open_motion
from stages.params import At, Clip, Spectrogram, Train
from stages.separators import Model
from stages.shards.files import copy_whole
from stages.shards.flags import describe, leave_out
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.runs import open_run
from stages.training.batches import seen_videos, training_clips
from stages.training.export import export, new_separator
from stages.training.interrupt import stop_on_sigterm
from stages.training.key import training_key
from stages.training.licences import licence_card
from stages.training.phased import PhasedTraining
from stages.training.phases import legs_of
from stages.training.scaling import scale_motion
from stages.training.seeding import choose_device, choose_precision, make_deterministic
from stages.training.sources import sources_of
from stages.training.tracker import closing
from stages.training.validation import validation_mixes
from stages.training.watching import WATCHED_MIXES, Watch


def run(
    name: str, clip: Clip, spectrogram: Spectrogram, model: Annotated[Model, At("models.{item}")], train: Train
) -> None:
    """Train one model by mix-and-separate, from its last checkpoint if there is one, and keep its best weights."""
    reader, train = ClipReader(), train.of(name)
    phases = train.curriculum[name]
    kept, left_out = leave_out(reader.clips, layout.COINCIDENCE, train.leave_out)
    print(f"train {name}: clips left out by their flags: {describe(left_out)}")
    clips = training_clips(kept, max(phase.num_sources for phase in phases), sampling=train.sampling)
    sources = sources_of(kept, clips, validation_mixes(read_rows(layout.MIXES, MixSource)))
    sources.check_beforehand(phases, train.instruments)
    sections = {"clip": clip, "spectrogram": spectrogram, "model": model, "train": train}
    base = training_key(sections, clips, sources.mixes, *layout.manifests(model.sees))
    legs = legs_of(phases, train.pretrain)
    keys = [leg.key({**base, **sources.identity(leg, train.instruments)}) for leg in legs]
    device = choose_device(train.device)
    make_deterministic(train.threads, device)
    params = {name: section.model_dump(mode="json") for name, section in sections.items()}
    tracker = open_run(stage="train", model=name, key=keys[-1], params=params)
    folders = [layout.store() / "train" / key for key in keys]
    with stop_on_sigterm() as stop, closing(tracker):
        separator, windows = new_separator(clip, spectrogram, model, train, device=device), open_motion(model, clip)
        scale_motion(separator, reader, clips, windows)
        videos = seen_videos(reader.clips, clips, sources.chosen_by(phases))
        maps = read_maps(layout.COINCIDENCE_MAPS)
        watched = watch(reader, sources.mixes[:WATCHED_MIXES], model.appearance, windows, maps)
        precision = choose_precision(train.precision, device)
        watching = Watch(watched, bf16=precision == "bf16")
        training = PhasedTraining(separator, train, sources, reader, windows, videos, tracker, watching)
        reached = training.complete(name, dict(zip(folders, legs, strict=True)), stop)
        counts = {"clips": clips.num_clips, "silent_clips": clips.num_silent, "left_out": left_out}
        made = {"seed": train.seed, "precision": precision, "key": keys[-1]}
        card = {"name": name, "agreement": watching.card(reached.seen)} | made | counts
        card |= licence_card(reader.clips, clips)
        export(separator, reached.checkpoints, reached.state, layout.model(name), card=card)
        copy_whole(folders[-1] / layout.TRAINING_VIDEOS, layout.model(name) / layout.TRAINING_VIDEOS)
