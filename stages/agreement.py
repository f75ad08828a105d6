"""Says whether a trained model hears sounds where they are seen to begin, more than before it was trained."""

import json
from typing import Any

from stages import layout
from stages.metrics.agreement import ClipAgreement, summarise_agreement
from stages.metrics.scores import evaluated
from stages.metrics.volumes import volumes
from stages.metrics.watched import Watched, agreements, read_maps, watch
from stages.networks.motion_fields import open_motion
from stages.networks.motions import MotionsSeparator
from stages.networks.separation import Separator, load
from stages.params import Params, read
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.training.export import new_separator
from stages.training.validation import validation_mixes


def report(name: str, *, kind: str | None, as_json: bool) -> int:
    """Print the agreement of a model of this workspace on the test mixes of a kind, or on those of validation."""
    try:
        params, trained = read(layout.PARAMS), load(layout.model(name))
        watched = _watched(trained, kind)
        untrained = _untrained(trained, params)
    except (OSError, ValueError) as error:
        print(f"agreement: {error}")
        return 1
    settings = {"resamples": params.evaluate.bootstrap_resamples, "seed": params.evaluate.bootstrap_seed}
    start, found = (_look(separator, watched) for separator in (untrained, trained))
    summary: dict[str, Any] = {"model": name, "mixes": kind or "validation"}
    summary |= summarise_agreement(found, start, **settings)
    if as_json:
        print(json.dumps(summary, indent=2))
    else:
        print("\n".join(_lines(summary)))
    return 0


def _watched(separator: Separator, kind: str | None) -> list[Watched]:
    rows, reader = read_rows(layout.MIXES, MixSource), ClipReader()
    mixes = validation_mixes(rows)
    if kind is not None:
        mixes = tuple(tuple(source.clip_id for source in mix.sources) for mix in evaluated(rows) if mix.kind == kind)
        if not mixes:
            raise ValueError(f"{layout.MIXES}: no mixes of kind {kind} are tested on")
    windows = open_motion(separator.model, separator.clip)
    return watch(reader, mixes, separator.model.appearance, windows, read_maps(layout.COINCIDENCE_MAPS))


def _untrained(trained: Separator, params: Params) -> Separator:
    """The same network before it learnt anything, which sees motion at the same strength."""
    found = new_separator(trained.clip, trained.spectrogram, trained.model, params.train, device=trained.device)
    if isinstance(found.net, MotionsSeparator) and isinstance(trained.net, MotionsSeparator):
        found.net.motion_rms.copy_(trained.net.motion_rms)
    return found


def _look(separator: Separator, watched: list[Watched]) -> list[ClipAgreement]:
    return agreements(watched, [volumes(separator, mix.mixture, mix.frames, mix.motion, bf16=False) for mix in watched])


def _lines(summary: dict[str, Any]) -> list[str]:
    """Each mean with its interval, and what it means."""
    meanings = {
        "own": "rank correlation of volume and onset likelihood, over cells, mean over clips",
        "other": "the same with the likelihood of another clip's sound",
        "over_other": "their difference",
        "gain": "more than before training",
    }
    counts = f"{summary['n']} clips, {summary['n_videos']} videos, {summary['flat']} flat ones left out"
    lines = [f"{summary['model']} on mixes of {summary['mixes']}: {counts}"]
    for key, meaning in meanings.items():
        value, low, high = (summary[f"{key}{end}"] for end in ("", "_low", "_high"))
        interval = "" if low is None else f"  {low:.3f} to {high:.3f}"
        lines.append(f"{key:10}  {'-' if value is None else f'{value:.3f}'}{interval}  {meaning}")
    return lines
