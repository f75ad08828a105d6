from stages.reporting.gathering import join, metrics
from stages.reporting.table import render
from tests.synth.signals import score_columns


def table() -> list[str]:
    pixels, swapped = score_columns("pixels", [5.0, 6.0]), score_columns("pixels:swapped_vision", [-100.0, -9.0])
    silent = score_columns("oracle", [None, None])
    baselines = score_columns("mixture", [0.0, 0.0])
    scores = {
        "baselines": {name: baselines[name] + silent[name] for name in baselines},
        "pixels": {name: pixels[name] + swapped[name] for name in pixels},
    }
    content = metrics(join(scores), ["pixels"], resamples=100, seed=1)
    return render(content, {"masks": "soft", "seed": 7}).splitlines()


def test_models_and_their_controls_come_before_baselines() -> None:
    assert [line.split()[0] for line in table()[2:6]] == ["pixels", "pixels:swapped_vision", "mixture", "oracle"]


def test_every_line_shows_its_own_numbers_and_counts() -> None:
    header, _, pixels, swapped, _, silent, *_ = table()
    assert header.split()[:3] == ["different2", "SI-SDR", "SI-SDRi"]
    assert pixels.split()[1:3] == ["5.50", "5.50"]
    assert pixels.split()[-3:] == ["1", "2", "0"]
    assert swapped.split()[-1] == "1"
    assert [line.split()[-5:-3] for line in (pixels, swapped)] == [["100", "%"], ["50", "%"]]
    assert silent.split()[1:] == ["-"] * 8 + ["0", "0", "0"]


def test_numbers_stand_right_aligned_under_their_names() -> None:
    header, rule, *lines = table()
    end = header.index("SI-SDRi") + len("SI-SDRi")
    assert all(line[end - 1].isdigit() or line[end - 1] == "-" for line in lines[:4])
    assert {len(line) for line in (header, *lines[:4])} == {len(rule)}
    assert len(rule) <= 120


def test_each_kind_of_mix_has_a_block_of_its_own() -> None:
    parts = [score_columns("mixture", [0.0, 0.0], kind=kind) for kind in ("different3", "different2")]
    columns = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    lines = render(metrics(columns, [], resamples=100, seed=1), {"seed": 7}).splitlines()
    assert [line.split()[0] for line in lines if "SI-SDRi  " in line] == ["different2", "different3"]
    assert sum(line.startswith("mixture") for line in lines) == 2


def test_the_last_line_says_what_the_numbers_depend_on() -> None:
    assert table()[-1] == "masks soft, seed 7"


def test_labels_and_thresholds_follow_in_blocks_of_their_own() -> None:
    parts = [score_columns("pixels", [6.0, 2.0]), score_columns("pixels:threshold_0.1", [1.0, 1.0])]
    parts[1] |= {name: [None, None] for name in ("sdr", "sir", "sar")}
    scores = {"pixels": {name: [v for part in parts for v in part[name]] for name in parts[0]}}
    content = metrics(
        join(scores | {"baselines": score_columns("mixture", [0.0, 0.0])}), ["pixels"], resamples=9, seed=1
    )
    lines = render(content, {"seed": 7}).splitlines()
    by_label = lines.index(next(line for line in lines if line.startswith("different2 by label")))
    assert [line.split()[:3] for line in lines[by_label + 2 : by_label + 4]] == [
        ["pixels,", "label0", "6.00"],
        ["pixels,", "label1", "2.00"],
    ]
    swept = lines.index(next(line for line in lines if line.startswith("different2 by threshold")))
    own, tenth = (line.split() for line in lines[swept + 2 : swept + 4])
    assert (own[1], own[2], own[-2:]) == ("own", "4.00", ["6.00", "1"])
    assert tenth == ["pixels,", "0.1", "1.00", "1.00", "to", "1.00", "-", "-", "1"]
    assert not any("threshold_" in line for line in lines)
