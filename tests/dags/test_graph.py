"""dags/graph.py against DVC's own reading of the same files."""

import contextlib
import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from dags.graph import GraphError, read_graph

ROOT = Path(__file__).resolve().parents[2]


def dvc_graph(workspace: Path) -> tuple[set[str], set[tuple[str, str]]]:
    with contextlib.chdir(workspace):  # DVC's addresses are relative to where one stands
        graph = Repo(".").index.graph
        edges = {(maker.addressing, user.addressing) for user, maker in graph.edges}
        return {stage.addressing for stage in graph}, edges


def workspace(folder: Path, pipeline: object, params: object) -> Path:
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}), encoding="utf-8")
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def stage(deps: list[object], outs: list[object], **more: object) -> dict[str, object]:
    return {"cmd": "true", "deps": deps, "outs": outs, **more}


def test_our_pipeline_has_the_stages_and_edges_that_dvc_sees() -> None:
    ours = read_graph(ROOT)
    assert (set(ours.stages), set(ours.edges)) == dvc_graph(ROOT)
    assert ("perform@first", "index") in ours.edges  # by a folder that holds the out
    assert ("train@pixels", "register@pixels") in ours.edges


def test_the_grammar_is_read_as_dvc_reads_it(tmp_path: Path) -> None:
    pipeline = {
        "make": {"foreach": "${arrivals}", "do": stage(["src"], ["raw/${item}"])},
        "near": stage(["raw-other"], [{"raw.txt": {"cache": False}}]),  # a prefix of the text, but no parent folder
        "list": stage(["${root.folder}", "raw.txt"], ["list"]),
        "fit": {"foreach": "${models}", "do": stage(["list/part/one"], ["fit/${key}/${item.size}"])},
        "plain": {"foreach": ["a", 2], "do": stage(["fit"], ["plain/${item}"])},
        "score": stage(["plain/a", "fit/x"], [], metrics=[{"score.json": {"cache": False}}], plots=["curve.csv"]),
        "page": stage(["score.json", "curve.csv"], ["page"]),
    }
    params = {"arrivals": ["one", "two"], "root": {"folder": "raw"}, "models": {"x": {"size": 3}, "y": {"size": 5}}}
    folder = workspace(tmp_path, pipeline, params)
    ours = read_graph(folder)
    assert (set(ours.stages), set(ours.edges)) == dvc_graph(folder)
    assert len(ours.stages) == 10
    assert not {edge for edge in ours.edges if edge[0] == "near"} - {("near", "list")}


def test_an_empty_foreach_has_no_stages(tmp_path: Path) -> None:
    pipeline = {"make": {"foreach": "${arrivals}", "do": stage([], ["raw/${item}"])}, "list": stage(["raw"], ["list"])}
    folder = workspace(tmp_path, pipeline, {"arrivals": []})
    ours = read_graph(folder)
    assert (set(ours.stages), set(ours.edges)) == dvc_graph(folder) == ({"list"}, set())


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"matrix": {"a": [1]}, "cmd": "true"}, "matrix"),
        ({"foreach": [{"a": 1}], "do": {"cmd": "true"}}, "list of scalars"),
        (stage(["${no.such}"], []), "no.such"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, entry: object, message: str) -> None:
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"odd": entry}}), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(GraphError, match=message):
        read_graph(tmp_path)
