"""What a container says of its picture and its sound, read in the sandbox. Nothing it says is believed by decode."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stages.media import ffmpeg, sandbox
from stages.media.faults import MediaError
from stages.media.source import Source

_MAX_JSON_BYTES = 1 << 22
_ESTIMATED = ("mpegts", "mpeg")  # such files have no header with a length: ffprobe guesses from the last packets
# of such files, whose clock may be set anew in their middle (joined recordings): ffmpeg goes on counting where packets
# step back by more, or forth by more; ffprobe does not
_STEP_BACK_S, _STEP_FORTH_S = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """One file's first picture and first sound track; times on the clock that starts with the earlier of the two."""

    video_stream: int
    audio_stream: int
    width: int  # upright, i.e. after rotation, px; the sample aspect ratio is not honoured
    height: int
    frame_rate_hz: float  # mean; 0 where the container does not say
    channels: int
    zero_s: float  # the clock's zero, after the container's own start
    video_start_s: float
    video_end_s: float
    audio_start_s: float
    audio_end_s: float

    @property
    def usable_start_s(self) -> float:
        """When both picture and sound are there."""
        return max(self.video_start_s, self.audio_start_s)

    @property
    def usable_end_s(self) -> float:
        """When the first of the two ends."""
        return min(self.video_end_s, self.audio_end_s)

    @property
    def end_s(self) -> float:
        """When the last of the two ends."""
        return max(self.video_end_s, self.audio_end_s)


def read_facts(source: Source, *, timeout_s: float) -> Facts:
    """Ask ffprobe; `MediaError` for what it cannot open and for files without a moving picture or without sound."""
    answer = _Text()
    _ask(ffmpeg.facts_command, source, answer, timeout_s=timeout_s)
    content = _parse(answer)
    video, audio = _choose(content)
    ends = {int(stream["index"]): _own_end(stream, content) for stream in (video, audio)}
    if source.demuxer in _ESTIMATED or None in ends.values():
        ends |= _packet_ends(source, timeout_s=timeout_s)
    return _facts(content, video, audio, ends)


def check_status(outcome: sandbox.Outcome) -> None:
    """`MediaError` unless the program ended by itself with status 0."""
    first = outcome.errors[0] if outcome.errors else "without a word"
    if outcome.status < 0 or outcome.status > 128:
        raise MediaError("crash", f"ended with status {outcome.status}: {first}")
    if outcome.status and any("whitelist" in line for line in outcome.errors):
        raise MediaError("codec", next(line for line in outcome.errors if "whitelist" in line))
    if outcome.status:
        raise MediaError("damaged", first)


class _Text:
    def __init__(self) -> None:
        self.data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self.data) + len(data) > _MAX_JSON_BYTES:
            raise MediaError("damaged", f"its description is longer than {_MAX_JSON_BYTES} bytes")
        self.data += data


class _PacketEnds:
    """Latest end of a packet in each stream, from ffprobe's lines; times set anew are joined where `joins` says so."""

    def __init__(self, *, joins: bool) -> None:
        self.ends: dict[int, float] = {}
        self._joins, self._moved_s, self._rest = joins, 0.0, b""
        self._next_s: dict[int, float] = {}  # when each stream's next packet is due, in the order of decoding

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            stream, *times = line.decode("ascii", errors="replace").split(",")
            if stream.isdecimal() and len(times) >= 3:
                self._note(int(stream), *(_number(field) for field in times[:3]))

    def _note(self, stream: int, shown_s: float | None, decoded_s: float | None, length_s: float | None) -> None:
        if self._joins and decoded_s is not None:
            self._join(stream, decoded_s)
            self._next_s[stream] = decoded_s + self._moved_s + (length_s or 0.0)
        start_s = decoded_s if shown_s is None else shown_s  # MPEG program streams give few packets a time to be shown
        if start_s is not None:
            end_s = start_s + self._moved_s + (length_s or 0.0)
            self.ends[stream] = max(end_s, self.ends.get(stream, end_s))

    def _join(self, stream: int, decoded_s: float) -> None:
        step_s = decoded_s + self._moved_s - self._next_s.get(stream, decoded_s + self._moved_s)
        if step_s < -_STEP_BACK_S or step_s > _STEP_FORTH_S:
            self._moved_s -= step_s


def _packet_ends(source: Source, *, timeout_s: float) -> dict[int, float]:
    packets = _PacketEnds(joins=source.demuxer in _ESTIMATED)
    _ask(ffmpeg.packets_command, source, packets, timeout_s=timeout_s)
    return packets.ends


def _ask(command: Callable[[int, str], list[str]], source: Source, sink: sandbox.Sink, *, timeout_s: float) -> None:
    """Run one ffprobe command line on a source; `MediaError` where it fails."""
    outcome = sandbox.run(
        lambda _: command(source.descriptor, source.demuxer),
        sinks=[sink],
        descriptor=source.descriptor,
        timeout_s=timeout_s,
    )
    check_status(outcome)


def _parse(answer: _Text) -> dict[str, Any]:
    try:
        content = json.loads(answer.data.decode("utf-8", errors="replace"))
    except ValueError as error:
        raise MediaError("damaged", f"ffprobe's answer is no JSON: {error}") from error
    if not content.get("streams"):
        raise MediaError("damaged", "no streams")
    return content


def _choose(content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first picture track that is no cover, and the first sound track."""
    videos = [s for s in content["streams"] if s.get("codec_type") == "video" and not _is_cover(s)]
    audios = [s for s in content["streams"] if s.get("codec_type") == "audio"]
    if videos and not (videos[0].get("pix_fmt") and videos[0].get("width") and videos[0].get("height")):
        raise MediaError("damaged", "not one picture could be decoded: pixel format unknown")
    if not videos:
        raise MediaError("no_video", f"{len(audios)} sound tracks, no moving picture")
    if not audios:
        raise MediaError("no_audio", "no sound track")
    if not int(audios[0].get("channels", 0)):
        raise MediaError("damaged", "the sound track has no channels")
    return videos[0], audios[0]


def _is_cover(stream: dict[str, Any]) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _facts(
    content: dict[str, Any], video: dict[str, Any], audio: dict[str, Any], ends: dict[int, float | None]
) -> Facts:
    container_s = _number(content.get("format", {}).get("start_time")) or 0.0
    starts_s = [_start(stream, container_s) for stream in (video, audio)]
    zero_s = min(starts_s)
    ends_s = [_known_end(stream, ends) for stream in (video, audio)]
    width, height = int(video["width"]), int(video["height"])
    if _quarter_turns(video) % 2:
        width, height = height, width
    return Facts(
        video_stream=int(video["index"]),
        audio_stream=int(audio["index"]),
        width=width,
        height=height,
        frame_rate_hz=_ratio(str(video.get("avg_frame_rate", "0/0"))),
        channels=int(audio["channels"]),
        zero_s=max(0.0, zero_s - container_s),
        video_start_s=starts_s[0] - zero_s,
        video_end_s=ends_s[0] - zero_s,
        audio_start_s=starts_s[1] - zero_s,
        audio_end_s=ends_s[1] - zero_s,
    )


def _start(stream: dict[str, Any], container_s: float) -> float:
    start_s = _number(stream.get("start_time"))
    return container_s if start_s is None else start_s


def _own_end(stream: dict[str, Any], content: dict[str, Any]) -> float | None:
    """End of a stream by its own length or, failing that, by its container's."""
    container = content.get("format", {})
    container_s = _number(container.get("start_time")) or 0.0
    length_s = _number(stream.get("duration"))
    if length_s is not None:
        return _start(stream, container_s) + length_s
    # Matroska counts both from zero, whatever the first timestamp is
    tagged_s = _clock_time(stream.get("tags", {}).get("DURATION"))
    return _number(container.get("duration")) if tagged_s is None else tagged_s


def _known_end(stream: dict[str, Any], ends: dict[int, float | None]) -> float:
    end_s = ends.get(int(stream["index"]))
    if end_s is None:
        raise MediaError("damaged", f"stream {stream['index']} has neither a length nor packets with times")
    return end_s


def _quarter_turns(video: dict[str, Any]) -> int:
    angles = [side.get("rotation") for side in video.get("side_data_list", [])] + [video.get("tags", {}).get("rotate")]
    angle = next((value for value in map(_number, angles) if value is not None), 0.0)
    return round(angle / 90)


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _ratio(text: str) -> float:
    over, _, under = text.partition("/")
    numerator, denominator = _number(over), _number(under or "1")
    return numerator / denominator if numerator and denominator else 0.0


def _clock_time(text: object) -> float | None:
    """Seconds of `hours:minutes:seconds`."""
    parts = [_number(part) for part in str(text).split(":")]
    if len(parts) != 3 or None in parts:
        return None
    return sum(part * scale for part, scale in zip(parts, (3600.0, 60.0, 1.0), strict=True) if part is not None)
