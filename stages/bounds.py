"""Section `admit` of params.yaml: bounds that no stage reads, so that to move one makes nothing stale."""

from typing import Annotated

from pydantic import Field

from stages.separators import Section

_Share = Annotated[float, Field(ge=0, lt=1)]


class Admit(Section):
    """What training may begin with: bounds of the new videos, and of their drift from those of the last good run."""

    max_reject_share: _Share
    max_flagged_share: _Share
    max_leaks: int = Field(ge=0)
    max_vanished_share: _Share
    max_label_distance: float = Field(ge=0, le=1)
    max_loudness_shift_db: float = Field(gt=0)
    max_duration_ratio: float = Field(gt=1)
    min_videos: int = Field(ge=2)
    significance: float = Field(gt=0, lt=0.5)
