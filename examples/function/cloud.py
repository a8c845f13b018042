"""Stands in for a cloud function: answers POST /label with a label, to whoever has the token."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

TOKEN = "label-s3cret"  # noqa: S105 (an example's own)


class Label(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Answer with a label."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        answer = {"label": f"* {json.loads(body)['name']} *"} if known else {"error": "who?"}
        text = json.dumps(answer).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8110
    server = HTTPServer(("127.0.0.1", port), Label)
    print(f"listening on port {port}", flush=True)
    server.serve_forever()
