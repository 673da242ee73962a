"""Greets over HTTP, with the time it asks the clock for."""

import json
import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLOCK = os.environ["NEXUS_URL_CLOCK"]
KEY = Path(os.environ["GREETING_KEY_FILE"]).read_text()


class Greeter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, answer = 200, {"greeting": os.environ["GREETING"], "key_length": len(KEY)}
        if self.path in ("/", "/ready"):
            try:
                with urllib.request.urlopen(CLOCK, timeout=1) as reply:
                    answer["clock"] = json.load(reply)
            except OSError as error:
                status, answer = 503, {"error": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("greeter starts", flush=True)
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Greeter).serve_forever()
