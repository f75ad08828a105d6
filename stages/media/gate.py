"""Which videos are taken: bounds of params.yaml against what the probe found."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.media.clock import SceneCut, Window, windows_in_shots
from stages.media.faults import MediaError
from stages.media.listing import printable
from stages.media.probe import Facts, read_facts
from stages.media.shots import find_cuts
from stages.media.source import Source, open_source
from stages.params import Clip, Index

_ROUNDING_S = 1e-3  # exactly index.min_duration_s passes, though containers round to milliseconds


Recall = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A video within all bounds: its content's id, and the windows of its clips in time's order, at least one."""

    video_id: str
    windows: list[Window]


def inspect(path: Path, *, index: Index, clip: Clip, recall: Recall) -> Admitted | MediaError:
    """Open, probe and judge one file; what is wrong with it is a value, since the next file is to be looked at too.

    Args:
        path: The file.
        index: Bounds.
        clip: Length and rates of clips.
        recall: Gives what was found out about a content before, or lets it be found out.
    """
    try:
        if printable(str(path)) != str(path):
            raise MediaError("name", "the path is no valid UTF-8: rename it")
        with open_source(path, max_bytes=index.max_size_bytes) as source:
            known = recall(source.video_id, lambda: _look(source, index))
            cuts = [SceneCut(**cut) for cut in known["cuts"]]
            return Admitted(source.video_id, admit(Facts(**known["facts"]), cuts, index=index, clip=clip))
    except MediaError as error:
        return error


def admit(facts: Facts, cuts: Sequence[SceneCut], *, index: Index, clip: Clip) -> list[Window]:
    """Windows of the clips of a video within all bounds; `MediaError` names the first bound that it breaks."""
    _check_bounds(facts, index)
    found = windows_in_shots(facts.usable_start_s, facts.usable_end_s, cuts, clip)
    if not found:
        usable_s = facts.usable_end_s - facts.usable_start_s
        shots = f" in {len(cuts) + 1} shots" if cuts else ""
        raise MediaError("too_short", f"{usable_s:.3f} s usable{shots}, less than one clip of {clip.duration_s:g} s")
    return found


def _look(source: Source, index: Index) -> dict[str, Any]:
    """What takes time to find out of a content, and does not depend on how long clips are; JSON values."""
    facts = read_facts(source, timeout_s=index.timeout_s)
    _check_bounds(facts, index)  # before hours of video are decoded that are not to be used
    threshold = index.cut_threshold
    cuts = find_cuts(source, facts, threshold=threshold, timeout_s=index.timeout_s) if threshold else []
    return {"facts": asdict(facts), "cuts": [asdict(cut) for cut in cuts]}


def _check_bounds(facts: Facts, index: Index) -> None:
    _check_picture(facts, index)
    _check_length(facts, index)


def _check_picture(facts: Facts, index: Index) -> None:
    size = f"{facts.width}x{facts.height} px"
    if min(facts.width, facts.height) < index.min_side_px or max(facts.width, facts.height) > index.max_side_px:
        raise MediaError("dimensions", f"{size}, sides must be {index.min_side_px} to {index.max_side_px} px")
    if facts.frame_rate_hz > index.max_frame_rate_hz:
        raise MediaError("frame_rate", f"{facts.frame_rate_hz:g} Hz, at most {index.max_frame_rate_hz:g} Hz")


def _check_length(facts: Facts, index: Index) -> None:
    usable_s = facts.usable_end_s - facts.usable_start_s
    if facts.end_s > index.max_duration_s:
        raise MediaError("duration", f"{facts.end_s:.3f} s, at most {index.max_duration_s:g} s")
    if usable_s < index.min_duration_s - _ROUNDING_S:
        raise MediaError(
            "too_short", f"{usable_s:.3f} s of common picture and sound, at least {index.min_duration_s:g} s"
        )
