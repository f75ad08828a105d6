"""Who listens where on this machine, as /proc/net says."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from infra.services.processes import command_line

_LISTENS = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that takes connections."""

    address: str
    port: int
    uid: int
    inode: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ip_address(self.address).is_loopback


def listeners() -> list[Listener]:
    """All listening TCP sockets of this network."""
    return [
        found
        for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
        if table.exists()
        for found in _read(table.read_text(encoding="ascii"))
    ]


def sockets_of(pid: int) -> set[int]:
    """Inodes of a process's sockets; none where it is gone or another user's."""
    inodes: set[int] = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError, ValueError):
                kind, _, number = str(entry.readlink()).partition(":")
                inodes |= {int(number.strip("[]"))} if kind == "socket" else set()
    return inodes


def holder(port: int) -> str | None:
    """Who listens on a port of the loopback address, or on all addresses; None where nobody does."""
    found = [one for one in listeners() if one.port == port]
    if not found:
        return None
    inodes = {one.inode for one in found}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and inodes & sockets_of(int(entry.name)):
            return f"process {entry.name}: {command_line(int(entry.name))}"
    return f"a process of the user with id {found[0].uid}"


def _read(table: str) -> Iterator[Listener]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENS:
            address, _, port = fields[1].partition(":")
            yield Listener(_address(address), int(port, 16), int(fields[7]), int(fields[9]))


def _address(hexadecimal: str) -> str:
    """An address as text; the kernel prints it in words of four bytes, each in the machine's own order."""
    words = [hexadecimal[start : start + 8] for start in range(0, len(hexadecimal), 8)]
    content = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
    return socket.inet_ntop(socket.AF_INET if len(content) == 4 else socket.AF_INET6, content)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
