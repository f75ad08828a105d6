import json
from pathlib import Path

import pytest

from stages.catalogue.published import Entry, ListError, read_list
from stages.params import ListFile


def read(tmp_path: Path, text: str, form: str, split: str | None = None) -> list[Entry]:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    return read_list(tmp_path, "mine", ListFile.model_validate({"file": "list", "format": form, "split": split}))


def test_music_gives_labels_of_solos_and_duets(tmp_path: Path) -> None:
    videos = {"flute": ["jW_AuF6dQYY", "-wPouBFa9U0"], "flute violin": ["8DHG_hVSw1o"]}
    assert read(tmp_path, json.dumps({"version": 1.0, "videos": videos}), "music") == [
        Entry("mine", "jW_AuF6dQYY", "flute", None, None),
        Entry("mine", "-wPouBFa9U0", "flute", None, None),
        Entry("mine", "8DHG_hVSw1o", "flute violin", None, None),
    ]


def test_both_lists_of_solos_name_the_same_videos(tmp_path: Path) -> None:
    ids = read(tmp_path, json.dumps({"Horn": ["YreSo0ephV8", "4mKABLySoaA"]}), "solos")
    times = read(tmp_path, json.dumps({"Horn": {"YreSo0ephV8": [[0, 60]], "4mKABLySoaA": [[1, 2], [4, 9]]}}), "solos")
    assert ids == times == [Entry("mine", name, "Horn", None, None) for name in ("YreSo0ephV8", "4mKABLySoaA")]


def test_vggsound_gives_segments_and_in_its_long_form_splits(tmp_path: Path) -> None:
    long = '---g-f_I2yQ,1,"people marching, loud",test\n--0PQM4-hqg,30,waterfall,train\n'
    assert read(tmp_path, long, "vggsound") == [
        Entry("mine", "---g-f_I2yQ", "people marching, loud", 1, "test"),
        Entry("mine", "--0PQM4-hqg", "waterfall", 30, "train"),
    ]
    short = "glLQrEijrKg_000300.mp4,playing hammond organ\r\nLDoXsip0BEQ_000177.mp4,parrot talking\r\n"
    assert read(tmp_path, short, "vggsound", split="test") == [
        Entry("mine", "glLQrEijrKg", "playing hammond organ", 300, "test"),
        Entry("mine", "LDoXsip0BEQ", "parrot talking", 177, "test"),
    ]


def test_ave_is_read_with_and_without_its_heading(tmp_path: Path) -> None:
    lines = "Church bell&RUhOCu3LNXM&good&0&10\nMandolin&-IklLP7_kBw&good&4&10\n"
    heading = "Category&VideoID&Quality&StartTime&EndTime\n"
    assert read(tmp_path, heading + lines, "ave", split="train") == read(tmp_path, lines, "ave", split="train")
    assert read(tmp_path, lines, "ave")[1] == Entry("mine", "-IklLP7_kBw", "Mandolin", None, None)


def test_iquery_gives_labels_and_its_pairs_are_refused(tmp_path: Path) -> None:
    line = "/erhu/REiXxfSu3Fw.wav,/erhu/REiXxfSu3Fw.mp4,149\n"
    assert read(tmp_path, line, "iquery", split="test") == [Entry("mine", "REiXxfSu3Fw", "erhu", None, "test")]
    with pytest.raises(ListError, match=r"line 2: expected /label/id\.wav,/label/id\.mp4,frames"):
        read(tmp_path, line + "/erhu/REiXxfSu3Fw.wav, /cello/-Gdh8N_KpLY.wav\n", "iquery")


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("{}", "music", 'key "videos"'),
        ('{"videos": [1]}', "music", "expected ids by label"),
        ('{"Horn": ["short"]}', "solos", "id of 11 characters"),
        ("not json", "solos", "Expecting value"),
        ("jW_AuF6dQYY,thirty,flute,test", "vggsound", "line 1: expected id,start,label,split"),
        ("jW_AuF6dQYY,30,flute,exam", "vggsound", "line 1: expected id,start,label,split"),
        ("a&b\n", "ave", "line 1: expected label&id"),
        ("", "iquery", "names no video"),
    ],
)
def test_what_is_of_another_format_is_refused_with_its_place(
    tmp_path: Path, text: str, form: str, message: str
) -> None:
    with pytest.raises(ListError, match=message) as caught:
        read(tmp_path, text, form)
    assert form in str(caught.value)


def test_an_absent_list_says_where_it_is_looked_for(tmp_path: Path) -> None:
    described = ListFile(file="vggsound.csv", format="vggsound", split=None)
    with pytest.raises(ListError, match=r"index\.lists\.vgg: .*vggsound\.csv.*README\.md"):
        read_list(tmp_path, "vgg", described)


@pytest.mark.real_media
@pytest.mark.parametrize(
    ("file", "form", "num_entries"),
    [
        ("MUSIC/MUSIC_solo_videos.json", "music", 536),
        ("MUSIC/MUSIC_duet_videos.json", "music", 149),
        ("MUSIC/MUSIC21_solo_videos.json", "music", 1164),
        ("Solos/solos_ids.json", "solos", 754),
        ("Solos/solos_timestamps.json", "solos", 754),
        ("VGGSound/test.csv", "vggsound", 15446),
        ("AVE/Annotations.txt", "ave", 4143),
        ("iQuery/trainmusic21.csv", "iquery", 894),
        ("iQuery/testave.csv", "iquery", 402),
    ],
)
def test_the_published_lists_are_read_wholly(real_media: Path, file: str, form: str, num_entries: int) -> None:
    path = real_media / "manifests" / file
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    described = ListFile.model_validate({"file": path.name, "format": form, "split": None})
    assert len(read_list(path.parent, "published", described)) == num_entries
