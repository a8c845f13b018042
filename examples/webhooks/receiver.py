"""A receiver of webhooks, nothing but Python: it checks signatures and says what it was told.

export WEBHOOK_SECRET="$(python receiver.py --new-secret)"
python receiver.py [PORT]
"""

import hmac
import json
import os
import secrets
import sys
import time
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

PORT = 8104
TOLERANCE_S = 300
MOST_BYTES = 1024 * 1024


def new_secret() -> str:
    """Make a secret for both sides."""
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def is_theirs(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Tell whether these bytes were signed with our secret, within the last five minutes."""
    try:
        stamp, message_id = headers["webhook-timestamp"], headers["webhook-id"]
        signatures = headers["webhook-signature"].split(" ")
        late = abs(time.time() - int(stamp)) > TOLERANCE_S
    except (KeyError, ValueError):
        return False
    content = f"{message_id}.{stamp}.".encode() + body
    digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), content, "sha256")
    right = "v1," + b64encode(digest).decode()
    return not late and any(hmac.compare_digest(right, one) for one in signatures)


class Receiver(BaseHTTPRequestHandler):
    """Takes messages, each id once."""

    secret = ""
    known: ClassVar[set[str]] = set()
    """Ids of what was taken."""

    def do_POST(self) -> None:
        """Check, say what was told, and answer at once."""
        size = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(min(size, MOST_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if size > MOST_BYTES or not is_theirs(headers, body, self.secret):
            self.answer(401)
            return
        if headers["webhook-id"] not in self.known:
            self.known.add(headers["webhook-id"])
            say(json.loads(body))
        self.answer(204)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
        """Leave out the server's own log: what was told is enough."""


def say(told: dict[str, Any]) -> None:
    """Print one line for a message."""
    job = told["job"]
    about = job["error"] or job["result"] or job["input"]
    print(f"{told['event']:<14} {job['event']} {about}", flush=True)


def main() -> None:
    """Serve on this machine until stopped."""
    if "--new-secret" in sys.argv:
        print(new_secret())
        return
    Receiver.secret = os.environ["WEBHOOK_SECRET"]
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"listens on http://127.0.0.1:{server.server_port}/hook", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
