"""A Hugging Face hub with one repository, as far as a download asks it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def running_hub(repository: str, revision: str, files: dict[str, bytes]) -> Iterator[str]:
    """Serves `files` of `models/owner/name` or `datasets/owner/name` at one revision. Gives the endpoint."""

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

        def _answer(self) -> None:
            path = unquote(self.path.partition("?")[0])
            downloads = f"/{repository.removeprefix('models/')}/resolve/{COMMIT}/"
            if path == f"/api/{repository}/revision/{revision}":
                siblings = [{"rfilename": name} for name in files]
                self._send(json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode())
            elif path == f"/api/{repository}/tree/{COMMIT}":
                tree = [{"type": "file", "path": name, "size": len(files[name]), "oid": COMMIT} for name in files]
                self._send(json.dumps(tree).encode())
            elif path.startswith(downloads) and path.removeprefix(downloads) in files:
                self._send(files[path.removeprefix(downloads)])
            else:
                self.send_error(404)

        def _send(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", hashlib.sha256(content).hexdigest())
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
