"""Under which licences the videos are that a model was trained on."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages.shards.schema import DecodedClip
from stages.training.batches import TrainingClips

_UNKNOWN = "unknown"
_NON_COMMERCIAL = re.compile(r"(^|[- ])NC($|[- ])")  # CC-BY-NC-4.0 AND ...


def licence_card(clips: Sequence[DecodedClip], trained: TrainingClips) -> dict[str, Any]:
    """For model.json: videos of each licence, and whether any of them forbids commercial use.

    Args:
        clips: All that were decoded.
        trained: Those that mixtures are drawn from.
    """
    used = {clip_id for of_video in trained.by_video for clip_id in of_video}
    by_video = {clip.video_id: clip.licence or _UNKNOWN for clip in clips if clip.clip_id in used}
    licences = dict(sorted(Counter(by_video.values()).items()))
    return {"licences": licences, "non_commercial": any(map(_NON_COMMERCIAL.search, licences))}
