import itertools
import os
from dataclasses import replace
from pathlib import Path

from stages.media.ffmpeg import Input, Output, decode_command, facts_command, packets_command
from stages.media.sandbox import run
from tests.synth.media import Film, ffmpeg, write_film

OUTPUT = Output(
    duration_s=2.0,
    frame_rate_hz=8,
    num_frames=17,
    height=48,
    width=64,
    crop_width=64,
    crop_height=48,
    motion_rate_hz=24,
    num_motions=49,
    motion_side_px=32,
    sample_rate_hz=8000,
    channels=1,
)


class Count:
    def __init__(self) -> None:
        self.num_bytes = 0

    def feed(self, data: bytes) -> None:
        self.num_bytes += len(data)


def made_units(path: Path, output: Output) -> tuple[float, ...]:
    sinks = [Count(), Count(), Count()]
    descriptor = os.open(path, os.O_RDONLY)
    given = Input(descriptor, "matroska", video_stream=1, audio_stream=0, zero_s=0.0)
    run(lambda pipes: decode_command(given, output, pipes), sinks=sinks, descriptor=descriptor, timeout_s=20)
    os.close(descriptor)
    units = (output.height * output.width * 1.5, output.motion_side_px**2, 4.0)
    return tuple(sink.num_bytes / unit for sink, unit in zip(sinks, units, strict=True))


def test_a_gap_of_ten_hours_in_the_timestamps_does_not_become_frames(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "a.mkv", Film(duration_s=2.0))
    assert made_units(plain, OUTPUT) == (16, 48, 16000)
    moved = "setts=pts='PTS+36000000*gte(N\\,24)':dts='DTS+36000000*gte(N\\,24)'"
    gap = ffmpeg("-i", str(plain), "-map", "0", "-c", "copy", "-bsf:v", moved, path=tmp_path / "b.mkv")
    frames, motions, samples = made_units(gap, replace(OUTPUT, duration_s=72000.0))
    assert frames == 17 and motions == 49
    assert samples <= 16000


def test_the_file_is_named_by_its_descriptor_alone_and_one_demuxer_may_read_it() -> None:
    given = Input(7, "mov", video_stream=0, audio_stream=1, zero_s=0.0)
    for command in (facts_command(7, "mov"), packets_command(7, "mov"), decode_command(given, OUTPUT, (1, 8, 9))):
        options = dict(itertools.pairwise(command))
        assert command.count("file:/proc/self/fd/7") == 1
        assert options["-protocol_whitelist"] == "file"
        assert command[command.index("-f") + 1] == options["-format_whitelist"] == "mov"
        assert {"-codec_whitelist", "-max_streams", "-max_alloc", "-max_pixels", "-probesize"} <= set(options)


def test_frames_are_dropped_before_they_are_scaled() -> None:
    given = Input(7, "mov", video_stream=0, audio_stream=1, zero_s=0.25)
    command = decode_command(given, OUTPUT, (1, 8, 9))
    graph = command[command.index("-filter_complex") + 1]
    assert 0 < graph.index("fps=") < graph.index("trim=end_frame") < graph.index("scale=")
    assert "PTS-0.250000/TB" in graph
