"""Small questions to servers on this machine: is it there, does it answer?"""

from __future__ import annotations

import http.client
import socket
import struct
from contextlib import closing

PROBE_TIMEOUT_SECONDS = 2.0
ANSWER_BYTES_MAX = 16 * 1024 * 1024

# Kafka's Metadata request, version 4, for no topic: the answer lists the brokers that are in service.
_METADATA_KEY, _METADATA_VERSION = 3, 4


def kafka_answers(port: int) -> bool:
    """Whether the Kafka on 127.0.0.1:`port` has a broker in service."""
    client_id = b"standings-probe"
    header = struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, 1, len(client_id)) + client_id
    request = header + struct.pack(">ib", 0, 0)
    try:
        with socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_SECONDS) as connection:
            connection.settimeout(PROBE_TIMEOUT_SECONDS)
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            if not 12 <= size <= ANSWER_BYTES_MAX:
                return False
            _correlation, _throttled_ms, brokers = struct.unpack(">iii", _read(connection, size)[:12])
            return int(brokers) > 0
    except (OSError, EOFError):
        return False


def valkey_answers(port: int) -> bool:
    """Whether the Valkey on 127.0.0.1:`port` has loaded its data and answers PING."""
    try:
        with socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_SECONDS) as connection:
            connection.settimeout(PROBE_TIMEOUT_SECONDS)
            connection.sendall(b"PING\r\n")
            return _read(connection, 5) == b"+PONG"
    except (OSError, EOFError):
        return False


def http_ok(port: int, path: str, host: str = "127.0.0.1") -> bool:
    """Whether GET `path` answers 200."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_SECONDS)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
