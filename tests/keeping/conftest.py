"""Small repositories with real git and DVC."""

import subprocess
from pathlib import Path

import pytest


class Repository:
    """A git and DVC workspace with one out, `out`, whose content is what a test makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, *command: str) -> str:
        identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"] if command[0] == "git" else []
        words = [command[0], *identity, *command[1:]]
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def write(self, text: str, *, commit: str | None = None) -> Path:
        """Make an out of a folder with one file of this content; the file in DVC's cache."""
        (self.folder / "out").mkdir(exist_ok=True)
        path = self.folder / "out" / "a.txt"
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        self.call("dvc", "add", "--quiet", "out")
        if commit is not None:
            self.call("git", "add", "--all")
            self.call("git", "commit", "--quiet", "--message", commit)
        return self.cached(text)

    def cached(self, text: str) -> Path:
        """Where DVC keeps a file of this content."""
        digest = subprocess.run(["md5sum"], input=text, capture_output=True, text=True, check=True).stdout.split()[0]
        return self.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The working folder of the test, too."""
    found = Repository(tmp_path / "main")
    found.folder.mkdir()
    monkeypatch.chdir(found.folder)
    found.call("git", "init", "--quiet", "--initial-branch", "main")
    found.call("dvc", "init", "--quiet")
    return found
