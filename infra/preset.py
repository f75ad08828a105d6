"""Puts a preset in the place of params.yaml, and the user's own params.yaml back: `make preset NAME=...`."""

import sys
from pathlib import Path

# Run as a program, this file's folder is where imports are looked for; from the tests it is the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stages.params import ParamsError, read

OWN = "default"


class PresetError(ValueError):
    """The wish cannot be granted without losing something, or names nothing."""


def use(name: str, root: Path) -> str:
    """Make params.yaml what `name` says; returns one sentence on what was done.

    The user's own file waits in params.yaml.orig and comes back with the name `default`. A file that was edited is
    never overwritten.

    Raises:
        PresetError: No such preset, or both params.yaml and params.yaml.orig hold something of the user's own.
    """
    presets = {path.stem: path.read_bytes() for path in sorted((root / "presets").glob("*.yaml"))}
    params, kept = root / "params.yaml", root / "params.yaml.orig"
    if name not in (OWN, *presets):
        raise PresetError(f"presets/{name}.yaml does not exist; there are: {', '.join([OWN, *presets])}")
    is_edited = params.read_bytes() not in presets.values()
    if is_edited and kept.exists():
        raise PresetError(f"{params} was edited and {kept} holds an older one: rename or remove one of them first")
    if name == OWN:
        return _bring_back(params, kept)
    read(root / "presets" / f"{name}.yaml")
    if is_edited:
        params.replace(kept)
    params.write_bytes(presets[name])
    return f"params.yaml is now presets/{name}.yaml; `make preset NAME={OWN}` brings your own back"


def _bring_back(params: Path, kept: Path) -> str:
    if not kept.exists():
        return "params.yaml is your own already"
    kept.replace(params)
    return "params.yaml is your own again"


def main() -> int:
    """Exit status 0, or 1 with the reason."""
    try:
        print(use(sys.argv[1], Path.cwd()))
    except (PresetError, ParamsError) as error:
        print(f"preset: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
