"""Serves until SIGTERM. An answer that has begun is given whole, unless it is to end at once (ABRUPT)."""

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "one"
READY = True
ABRUPT = False
WORK = 0.0  # seconds that an answer takes
hooks = 0
answering = threading.Lock()


class Till(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body go out together

    def do_GET(self) -> None:
        self._answer(200 if READY or self.path != "/ready" else 503)

    def do_POST(self) -> None:
        global hooks
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        hooks += 1
        self._answer(200)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are in the gateway's log."""

    def _answer(self, status: int) -> None:
        body = json.dumps({"version": VERSION, "hooks": hooks}).encode()
        time.sleep(WORK)
        with answering:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()


server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Till)
end = os._exit if ABRUPT else lambda _: threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, lambda *_: end(0))
server.serve_forever()
answering.acquire()  # nobody is in the middle of an answer, and nobody begins one
