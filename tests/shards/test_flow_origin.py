from dataclasses import replace
from pathlib import Path

from stages.shards.flow_origin import FlowOrigin, read_origin, write_origin

DIS = FlowOrigin("dis", None, None, tool="opencv 5.0.0", device="cpu")
PWCNET = replace(DIS, backend="pwcnet", weights_sha256="0123456789abcdef" * 4, weights_licence="MIT", tool="torch 2")
HALF = replace(PWCNET, precision="bf16")


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_origin(tmp_path / "origin.json") is None
    for origin in (DIS, PWCNET, HALF):
        write_origin(tmp_path / "origin.json", origin)
        assert read_origin(tmp_path / "origin.json") == origin


def test_it_says_backend_tool_and_licence() -> None:
    assert str(DIS) == "dis (opencv 5.0.0, cpu)"
    assert str(PWCNET) == "pwcnet (torch 2, cpu; weights 0123456789ab, MIT)"
    assert str(HALF) == "pwcnet (torch 2, cpu, bf16; weights 0123456789ab, MIT)"
