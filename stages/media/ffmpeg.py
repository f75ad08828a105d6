"""Command lines for ffprobe and ffmpeg. Nothing runs here: stages.media.sandbox does that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import ffmpeg

from stages.media.sandbox import tool

_VIDEO_CODECS = "h264,hevc,vp8,vp9,av1,libdav1d,libaom-av1,mpeg4,mpeg2video,mpeg1video,mjpeg,png"
_AUDIO_CODECS = (
    "aac,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,libvorbis,flac,alac,pcm_s16le,pcm_s16be,pcm_s24le,"
    "pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_u8"
)
# ffprobe opens the decoder of every stream and gives up at the first that is not listed: covers (png), subtitles
_OTHER_CODECS = "mov_text,subrip,srt,ass,ssa,webvtt"
_GUARDS: dict[str, str | int] = {
    "protocol_whitelist": "file",
    "codec_whitelist": f"{_VIDEO_CODECS},{_AUDIO_CODECS},{_OTHER_CODECS}",
    "max_streams": 16,
    "probesize": "5M",
    "analyzeduration": "5M",
    "max_pixels": 8192 * 8192,
}
_MAX_ALLOC_BYTES = 512 * 1024**2
_FACTS = (
    "format=start_time,duration"
    ":stream=index,codec_type,codec_name,pix_fmt,width,height,avg_frame_rate,sample_rate,channels,start_time,duration"
    ":stream_disposition=attached_pic:stream_tags=DURATION,rotate:stream_side_data=rotation"
)
_PACKETS = "packet=stream_index,pts_time,dts_time,duration_time"


@dataclass(frozen=True, slots=True)
class Input:
    """What is read: an inherited descriptor, the one demuxer allowed to, the streams, and the clock's zero."""

    descriptor: int
    demuxer: str
    video_stream: int
    audio_stream: int
    zero_s: float  # clock zero, after the container's own start


@dataclass(frozen=True, slots=True)
class Output:
    """What is made: frames of a size, square motion pictures, and sound, for `duration_s` from the clock's zero."""

    duration_s: float
    frame_rate_hz: int
    num_frames: int  # at most
    height: int
    width: int
    crop_width: int  # width and height after the middle was cut out
    crop_height: int
    motion_rate_hz: int
    num_motions: int  # at most
    motion_side_px: int
    sample_rate_hz: int
    channels: int  # 1 or 2


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Small square pictures of a whole video, whatever its shape."""

    duration_s: float
    rate_hz: int
    num_pictures: int  # at most
    side_px: int


def facts_command(descriptor: int, demuxer: str) -> list[str]:
    """Ffprobe: streams and container as JSON on stdout."""
    return _probe(descriptor, demuxer, _FACTS, "json")


def packets_command(descriptor: int, demuxer: str) -> list[str]:
    """Ffprobe: `stream,pts,dts,duration` of every packet on stdout, for files that do not say how long they are."""
    return _probe(descriptor, demuxer, _PACKETS, "csv=p=0")


def decode_command(source: Input, output: Output, pipes: Sequence[int]) -> list[str]:
    """Ffmpeg: one pass over a file; frames, motion pictures and sound go raw into three pipes.

    Frames: yuv420p planes in full-range BT.601, as JPEG wants them. Frame i is the one shown i / rate after the clock's
    zero: `round=up` lets a frame appear at the first grid point at or after its own time. Motion pictures: 8 bit luma.
    Sound: float32, interleaved; holes and a late start are filled with zeros, so sample i belongs to i / rate.
    """
    media = _open(source, output.duration_s)
    picture, sound = _picture(media, source), media[str(source.audio_stream)]
    if source.zero_s > 0:
        sound = sound.filter("asetpts", f"PTS-{source.zero_s:.6f}/TB")
    branches = picture.filter_multi_output("split")
    tracks = (_frames(branches[0], output), _motion(branches[1], output), _sound(sound, output))
    formats = ("rawvideo", "rawvideo", "f32le")
    limits = ({"frames:v": output.num_frames}, {"frames:v": output.num_motions}, {"t": output.duration_s})
    outputs = [
        track.output(f"pipe:{pipe}", f=name, fps_mode="passthrough", **limit)
        if name == "rawvideo"
        else track.output(f"pipe:{pipe}", f=name, **limit)
        for track, pipe, name, limit in zip(tracks, pipes, formats, limits, strict=True)
    ]
    return _compile(ffmpeg.merge_outputs(*outputs))


def thumbnails_command(source: Input, small: Thumbnails, pipe: int) -> list[str]:
    """Ffmpeg: one pass over a file's picture; small BGR pictures go raw into a pipe, timed as in `decode_command`."""
    picture = (
        _picture(_open(source, small.duration_s), source)
        .filter("fps", fps=small.rate_hz, round="up", start_time=0)
        .filter("trim", end_frame=small.num_pictures)
        .filter("scale", small.side_px, small.side_px, flags="area+accurate_rnd+bitexact")
        .filter("format", "bgr24")
    )
    return _compile(picture.output(f"pipe:{pipe}", f="rawvideo", fps_mode="passthrough"))


def _open(source: Input, duration_s: float) -> Any:
    return ffmpeg.input(
        f"file:/proc/self/fd/{source.descriptor}",
        f=source.demuxer,
        format_whitelist=source.demuxer,
        threads=1,
        reinit_filter=0,  # a change of size is for the scaler; new filters would start counting frames again
        t=duration_s + source.zero_s,
        **_GUARDS,
    )


def _picture(media: Any, source: Input) -> Any:
    """The picture on the clock whose zero is that of the source."""
    picture = media[str(source.video_stream)]
    return picture.filter("setpts", f"PTS-{source.zero_s:.6f}/TB") if source.zero_s > 0 else picture


def _compile(outputs: Any) -> list[str]:
    flags = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error", "-max_alloc", str(_MAX_ALLOC_BYTES))
    return cast("list[str]", outputs.global_args(*flags).compile(cmd=tool("ffmpeg")))


def _frames(picture: Any, output: Output) -> Any:
    # fps before trim before scale: a gap of hours in the timestamps must not become frames, nor dropped ones be scaled
    return (
        picture.filter("fps", fps=output.frame_rate_hz, round="up", start_time=0)
        .filter("trim", end_frame=output.num_frames)
        .filter(
            "scale",
            output.width,
            output.height,
            flags="bicubic+accurate_rnd+bitexact",
            out_range="full",
            out_color_matrix="bt601",
        )
        .filter("crop", output.crop_width, output.crop_height)
        .filter("format", "yuv420p")
    )


def _motion(picture: Any, output: Output) -> Any:
    side_px = output.motion_side_px
    return (
        picture.filter("fps", fps=output.motion_rate_hz, round="up", start_time=0)
        .filter("trim", end_frame=output.num_motions)
        .filter("scale", side_px, side_px, flags="area+accurate_rnd+bitexact", out_range="full")
        .filter("format", "gray")
    )


def _sound(sound: Any, output: Output) -> Any:
    rate_hz, layout = output.sample_rate_hz, "mono" if output.channels == 1 else "stereo"
    return sound.filter("aresample", rate_hz, **{"async": 1, "first_pts": 0, "min_hard_comp": 0.03}).filter(
        "aformat", sample_fmts="flt", channel_layouts=layout
    )


def _probe(descriptor: int, demuxer: str, entries: str, form: str) -> list[str]:
    options: dict[str, str | int] = {
        **_GUARDS,
        "f": demuxer,
        "format_whitelist": demuxer,
        "max_alloc": _MAX_ALLOC_BYTES,
        "show_entries": entries,
        "print_format": form,
    }
    pairs = [part for name, value in options.items() for part in (f"-{name}", str(value))]
    return [tool("ffprobe"), "-hide_banner", "-loglevel", "error", *pairs, f"file:/proc/self/fd/{descriptor}"]
