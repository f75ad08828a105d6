from collections import Counter

from stages.shards.splits import split_of
from tests.synth.media import INDEX


def test_shares_are_met_over_many_videos_and_kept_when_one_grows() -> None:
    ids = [f"{number:016x}" for number in range(20_000)]
    splits = {video_id: split_of(video_id, "first", INDEX) for video_id in ids}
    shares = Counter(splits.values())
    # four standard deviations of a share of 0.2 over 20,000 draws are 0.0113
    assert abs(shares["test"] / len(ids) - 0.2) < 0.0113
    assert abs(shares["validation"] / len(ids) - 0.2) < 0.0113
    more = INDEX.model_copy(update={"validation_share": 0.3})
    moved = [
        (splits[video_id], split_of(video_id, "first", more))
        for video_id in ids
        if splits[video_id] != split_of(video_id, "first", more)
    ]
    assert set(moved) == {("train", "validation")}


def test_another_salt_is_another_draw() -> None:
    salted = INDEX.model_copy(update={"split_salt": 2})
    ids = [f"{number:016x}" for number in range(1000)]
    agree = sum(split_of(video_id, "first", INDEX) == split_of(video_id, "first", salted) for video_id in ids)
    assert 350 < agree < 530  # by chance 0.2^2 + 0.2^2 + 0.6^2 = 0.44


def test_a_shifted_folder_is_only_ever_tested_on() -> None:
    ids = [f"{number:016x}" for number in range(200)]
    assert {split_of(video_id, "shifted", INDEX) for video_id in ids} == {"shifted"}
    assert {split_of(video_id, "first", INDEX) for video_id in ids} == {"train", "validation", "test"}
