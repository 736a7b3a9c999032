"""A web server for tests: answers with its name, the path and the host it saw; speaks WebSocket at /ws.

usage: server.py PORT NAME [CERTIFICATE]
"""

import base64
import hashlib
import http.server
import socket
import ssl
import sys

PORT, NAME = int(sys.argv[1]), sys.argv[2]
WEBSOCKET_MARK = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo_messages()
        if self.path.endswith("/moved"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{PORT}/there")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        seen = [self.headers.get("Host"), self.headers.get("X-Forwarded-Host")]
        self.answer(" ".join([NAME, self.path, *map(str, seen)]))

    def do_POST(self):
        length = 0
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                length += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            length = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(f"{NAME} took {length}")

    def answer(self, text):
        body = (text + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo_messages(self):
        key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET_MARK
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            length = head[1] & 127
            if length == 126:
                length = int.from_bytes(self.rfile.read(2), "big")
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
            size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
            self.wfile.write(head[:1] + size + data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("localhost", PORT), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"{NAME} listens", flush=True)
server.serve_forever()
