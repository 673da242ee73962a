"""Tells the time over HTTP."""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Clock(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"time": time.time(), "pid": os.getpid(), "uid": os.getuid()}).encode()
        self.send_response(200 if self.path in ("/", "/live", "/ready") else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("clock starts", flush=True)
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Clock).serve_forever()
