from stages.catalogue.availability import Availability, availability, describe
from stages.catalogue.published import Entry


def test_each_label_of_each_split_counts_its_videos() -> None:
    entries = [
        Entry("vgg", f"{'x' * 10}{n}", "organ" if n < 3 else "choir", 30, "test" if n else "train") for n in range(5)
    ]
    rows = availability(entries, present=entries[1:4], used=entries[3:4])
    assert rows == [
        Availability("vgg", "test", "choir", listed=2, present=1, used=1),
        Availability("vgg", "test", "organ", listed=2, present=2, used=0),
        Availability("vgg", "train", "organ", listed=1, present=0, used=0),
    ]
    said = describe(rows, contested=["5lm9laLSORc"])
    assert "vgg, test: 1 / 3 / 4\n    organ 0/2/2, choir 1/1/2" in said
    assert "vgg, train: 0 / 0 / 1" in said
    assert "1 ids are listed in two splits" in said and "5lm9laLSORc" in said


def test_a_video_that_is_listed_twice_counts_once() -> None:
    entry = Entry("ave", "-ccciEuH9FE", "woman", None, None)
    assert availability([entry, entry], [entry], []) == [Availability("ave", None, "woman", 1, 1, 0)]
