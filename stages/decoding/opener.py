"""From a video of the index to the media of its clips, which shards hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.media.clips import decode_clips
from stages.media.clock import Window
from stages.media.faults import MediaError
from stages.params import Clip, Decode
from stages.shards.jobs import VideoClips
from stages.shards.schema import ClipMedia, Reject


@dataclass(frozen=True, slots=True)
class VideoOpener:
    """Decodes one video below a root; a worker gets it by pickle."""

    root: Path
    clip: Clip
    decode: Decode

    def __call__(self, video: VideoClips) -> Iterator[ClipMedia | Reject]:
        """Media of the video's clips; a reject in place of what does not decode."""
        wanted = [Window(c.start_sample, c.num_samples, c.start_frame, c.num_frames) for c in video.clips]
        path = self.root / video.path
        try:
            cuts = decode_clips(path, wanted, video_id=video.video_id, clip=self.clip, decode=self.decode)
            for row, cut in zip(video.clips, cuts, strict=True):
                if cut is None:
                    yield Reject(video.path, "decode", "too_short", f"clip {row.clip_id} lies beyond what decodes")
                else:
                    yield ClipMedia(row.clip_id, row.video_id, cut.frames, cut.height, cut.width, cut.audio, cut.motion)
        except MediaError as error:
            yield Reject(video.path, "decode", error.reason, error.detail)
