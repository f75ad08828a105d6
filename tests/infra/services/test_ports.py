"""infra/services/ports.py against sockets of this process."""

import os
import socket

import pytest

from infra.services.ports import holder, is_free, listeners, sockets_of


@pytest.mark.parametrize(
    ("family", "address", "loopback"),
    [
        (socket.AF_INET, "127.0.0.1", True),
        (socket.AF_INET, "127.1.2.3", True),
        (socket.AF_INET, "0.0.0.0", False),
        (socket.AF_INET6, "::1", True),
        (socket.AF_INET6, "::", False),
    ],
)
def test_a_listening_socket_is_found_with_its_address(family: int, address: str, loopback: bool) -> None:
    with socket.socket(family) as ours:
        try:
            ours.bind((address, 0))
        except OSError:
            pytest.skip(f"no {address} on this machine")
        ours.listen()
        port = ours.getsockname()[1]
        (found,) = [one for one in listeners() if one.port == port]
        assert (found.address, found.is_loopback, found.uid) == (address, loopback, os.getuid())
        assert found.inode in sockets_of(os.getpid())


def test_who_holds_a_port_is_named() -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        assert holder(port) is None  # bound, but nobody listens
        ours.listen()
        assert str(holder(port)).startswith(f"process {os.getpid()}: ")
        assert not is_free(port)
    assert is_free(port)


def test_a_client_is_no_listener() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        assert client.getsockname()[1] not in {one.port for one in listeners()}
