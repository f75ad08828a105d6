import pytest

from stages.catalogue.matching import Catalogue
from stages.catalogue.published import Entry
from stages.params import ListedSplit


def entry(name: str, label: str = "flute", start_s: int | None = None, split: ListedSplit | None = None) -> Entry:
    return Entry("mine", name, label, start_s, split)


@pytest.mark.parametrize(
    "path",
    [
        "jW_AuF6dQYY.mp4",
        "a/b/jW_AuF6dQYY.webm",
        "A title, with [jW_AuF6dQYY].mkv",
        "vgg_jW_AuF6dQYY_34000_44000.mp4",
        "jW_AuF6dQYY_000034.mp4",
    ],
)
def test_an_id_is_found_anywhere_in_a_name(path: str) -> None:
    listed = Catalogue([entry("jW_AuF6dQYY"), entry("-wPouBFa9U0", "erhu")]).find(path)
    assert listed is not None
    assert (listed.youtube_id, listed.label, listed.split) == ("jW_AuF6dQYY", "flute", None)


def test_ids_may_begin_with_a_dash_and_touch_other_id_characters() -> None:
    catalogue = Catalogue([entry("-Qowmc0P9ic")])
    for path in ("-Qowmc0P9ic.mp4", "vgg_-Qowmc0P9ic_34000_44000.mp4", "x-Qowmc0P9ic-2.mp4"):
        assert catalogue.find(path) is not None
    assert catalogue.find("Qowmc0P9ic.mp4") is None


def test_the_folder_of_a_file_is_no_name_and_two_ids_are_none() -> None:
    catalogue = Catalogue([entry("jW_AuF6dQYY"), entry("3wPouBFa9U0")])
    assert catalogue.find("jW_AuF6dQYY/other.mp4") is None
    assert catalogue.find("jW_AuF6dQYY and 3wPouBFa9U0.mp4") is None


@pytest.mark.parametrize("rest", ["_000030", "_30_40", "_30000_40000"])
def test_a_segment_is_the_one_that_starts_as_the_name_says(rest: str) -> None:
    segments = [entry("glLQrEijrKg", "organ", 30, "train"), entry("glLQrEijrKg", "choir", 300, "train")]
    listed = Catalogue(segments).find(f"glLQrEijrKg{rest}.mp4")
    assert listed is not None
    assert listed.entries == (segments[0],) and listed.label == "organ"
    assert Catalogue(segments[1:]).find(f"glLQrEijrKg{rest}.mp4") is None


def test_a_whole_video_has_the_labels_of_all_its_entries() -> None:
    listed = Catalogue([entry("-ccciEuH9FE", "woman"), entry("-ccciEuH9FE", "man")]).find("-ccciEuH9FE.mp4")
    assert listed is not None and listed.label == "man + woman"


def test_an_id_of_two_splits_is_never_trained_on_whatever_its_segment() -> None:
    catalogue = Catalogue([entry("5lm9laLSORc", "a", 0, "train"), entry("5lm9laLSORc", "a", 50, "test")])
    listed = catalogue.find("5lm9laLSORc_000000.mp4")
    assert listed is not None and listed.split == "test"
    assert catalogue.contested == ["5lm9laLSORc"]
    assert not catalogue.has_validation
