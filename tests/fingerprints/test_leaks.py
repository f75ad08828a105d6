from dataclasses import replace

from stages.fingerprints.leaks import contiguous
from tests.synth.learning import decoded


def test_clips_are_joined_until_a_hole() -> None:
    one = decoded("0-0", num_samples=4000, num_frames=4)
    clips = [replace(one, start_sample=start) for start in (0, 4000, 8500, 20_000, 24_000)]
    starts = [[clip.start_sample for clip in stretch] for stretch in contiguous(clips)]
    assert starts == [[0, 4000, 8500], [20_000, 24_000]]


def test_a_stretch_is_not_longer_than_memory_allows() -> None:
    one = decoded("0-0", num_samples=4000, num_frames=4)
    stretches = contiguous([replace(one, start_sample=4000 * number) for number in range(100)])
    assert [len(stretch) for stretch in stretches] == [40, 40, 20]
