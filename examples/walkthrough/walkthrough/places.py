"""Where things are, and which ports are free."""

import socket
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1]
REPOSITORY = EXAMPLE.parents[1]
TEXT = EXAMPLE / "text" / "opticks-book-1.txt"
MODEL = REPOSITORY / "models" / "tiny"
SERVER = REPOSITORY / "dist" / "cli.js"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
