from collections import Counter

from stages.catalogue.matching import Catalogue
from stages.catalogue.placing import account, place_of
from stages.catalogue.published import Entry
from stages.params import ListFile
from stages.shards.census import Place
from tests.synth.media import INDEX
from tests.synth.shards import clip_row

LISTED = INDEX.model_copy(
    update={
        "lists": {"mine": ListFile(file="list", format="vggsound", split=None)},
        "builtin": ("first",),
        "licences": {"own": "CC-BY-4.0"},
    }
)


def names(count: int) -> list[str]:
    return [f"{number:011d}" for number in range(count)]


def test_without_lists_folders_give_labels_and_content_gives_the_split() -> None:
    assert place_of("own/horn/a.mp4", Catalogue([]), INDEX) == Place("own/horn/a.mp4", "own", "horn", None, split=None)


def test_with_lists_they_give_label_and_split_and_others_stay_out() -> None:
    catalogue = Catalogue([Entry("mine", "glLQrEijrKg", "organ", 30, "test")])
    path = "own/x/glLQrEijrKg_000030.mp4"
    assert place_of(path, catalogue, LISTED) == Place(path, "own", "organ", "CC-BY-4.0", split="test")
    assert place_of("own/x/glLQrEijrKg_000031.mp4", catalogue, LISTED) is None
    assert place_of("first/violin/a.mp4", catalogue, LISTED) == Place(
        "first/violin/a.mp4", "first", "violin", None, split=None
    )


def test_training_videos_serve_validation_where_no_list_has_any() -> None:
    catalogue = Catalogue(Entry("mine", name, "organ", None, "train") for name in names(500))
    splits = Counter(place.split for name in names(500) if (place := place_of(f"{name}.mp4", catalogue, LISTED)))
    assert set(splits) == {"train", "validation"}
    assert 70 <= splits["validation"] <= 130  # 100 expected, 3 standard deviations are 27
    complete = Catalogue([*catalogue.entries, Entry("mine", "z" * 11, "organ", None, "validation")])
    places = [place_of(f"{name}.mp4", complete, LISTED) for name in names(500)]
    assert {place.split for place in places if place} == {"train"}


def test_segments_of_one_video_share_the_split_that_its_id_gets() -> None:
    catalogue = Catalogue(Entry("mine", name, "organ", start, None) for name in names(40) for start in (0, 30))
    pairs = [
        {place.split for start in (0, 30) if (place := place_of(f"{name}_{start:06d}.mp4", catalogue, LISTED))}
        for name in names(40)
    ]
    assert all(len(pair) == 1 for pair in pairs)
    assert set.union(*pairs) == {"train", "validation", "test"}


def test_present_and_used_videos_are_told_apart() -> None:
    catalogue = Catalogue(Entry("mine", name, "organ", None, "test") for name in names(3))
    places = [place for name in names(2) if (place := place_of(f"first/{name}.mp4", catalogue, LISTED))]
    (row,) = account(catalogue, places, [clip_row(0, names(1)[0])])
    assert (row.listed, row.present, row.used) == (3, 2, 1)
