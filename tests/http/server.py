#!/usr/bin/env python3
"""An HTTP server that behaves well or badly, as its client asks.

server.py FOLDER: makes certificates in FOLDER, listens on the loopback interface, prints one line "name=port …" and serves
until standard input ends.

plain        HTTP
tls          the certificate is for localhost and 127.0.0.1, by ca.pem
wrong_name   … for another name
expired      … and its time is over
self_signed  … by nobody
old_tls      TLS 1.1 at most
mute         accepts connections and says nothing
"""
import base64
import gzip
import hashlib
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECOND = 1.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    requests = 0

    def __getattr__(self, name):
        if name.startswith("do_"):  # any method
            return self.answer
        raise AttributeError(name)

    def log_message(self, *args):
        pass

    def reply(self, body=b"", status=200, fields=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def raw(self, data, close=True):
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = close

    def answer(self):
        self.requests += 1
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        path = self.path.split("?")[0].strip("/").split("/")
        try:
            getattr(self, "on_" + path[0].replace("-", "_"))(*path[1:])
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    # ---- ordinary answers

    def on_hello(self):
        self.reply("hello", fields=[("X-Path", self.path), ("X-Twice", "a"), ("X-Twice", "b")])

    def on_echo(self):
        """Request line, fields and body as they came."""
        self.reply(f"{self.requestline}\n{self.headers}".encode() + self.body)

    def on_status(self, code):
        self.reply("status " + code, int(code), [("Retry-After", "7")])

    def on_redirect(self, code="302"):
        self.reply("", int(code), [("Location", "http://elsewhere.invalid/")])

    def on_connection(self):
        """Which connection this is, and the how manieth request on it."""
        self.reply(f"{self.client_address[1]} {self.requests}")

    def on_stale(self):
        """Says that the connection is kept, and closes it."""
        self.reply(str(self.client_address[1]))
        self.close_connection = True

    def on_slow(self, milliseconds):
        time.sleep(int(milliseconds) / 1000)
        self.reply("at last")

    # ---- streams

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def start_chunks(self, fields=()):
        self.send_response(200)
        for name, value in (("Transfer-Encoding", "chunked"), *fields):
            self.send_header(name, value)
        self.end_headers()

    def on_events(self, count, milliseconds):
        self.start_chunks()
        for i in range(int(count)):
            self.chunk(b"event %d\n" % i)
            time.sleep(int(milliseconds) / 1000)
        self.raw(b"0\r\nX-Trailer: late\r\n\r\n", close=False)

    def on_endless(self):
        self.start_chunks()
        while True:
            self.chunk(b"x" * 65536)

    def on_silent(self):
        """Begins to answer, then says nothing more."""
        self.start_chunks()
        self.chunk(b"begun")
        time.sleep(20)

    def on_never(self):
        time.sleep(20)

    def on_sent(self):
        """How much of the last /fountain the client's side took."""
        self.reply(str(Handler.sent))

    sent = 0

    def on_fountain(self):
        """Sends as fast as it is taken, and counts."""
        Handler.sent = 0
        self.start_chunks()
        while True:
            self.chunk(b"x" * 16384)
            Handler.sent += 16384

    # ---- bodies that are wrong

    def on_cut(self):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")

    def on_cut_chunk(self):
        self.start_chunks()
        self.raw(b"a\r\n01234")

    def on_until_close(self, how="politely"):
        """Over TLS, only who is polite says that this is the end."""
        self.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        if how == "politely" and isinstance(self.connection, ssl.SSLSocket):
            self.connection.unwrap()

    def on_garbage(self):
        self.raw(b"\x00\x01\x02 this is no HTTP\r\n\r\n")

    def on_nothing(self):
        self.close_connection = True

    def on_big(self, size):
        """Says how much will come, and sends it."""
        self.send_response(200)
        self.send_header("Content-Length", size)
        self.end_headers()
        left = int(size)
        while left > 0:
            piece = min(left, 65536)
            self.wfile.write(b"x" * piece)
            left -= piece

    # ---- fields that are wrong

    def on_fields(self, size):
        self.reply("ok", fields=[(f"X-Field-{i}", "v" * 1000) for i in range(int(size) // 1000)])

    def on_endless_fields(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-Field: " + b"v" * 1000 + b"\r\n")

    def on_endless_hints(self):
        while True:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"v" * 1000 + b"\r\n\r\n")

    def on_hints(self):
        self.raw(b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: 2\r\n\r\n"
                 b"HTTP/1.1 200 OK\r\nX-Late: 3\r\nContent-Length: 2\r\n\r\nok", close=False)

    def on_folded(self):
        self.raw(b"HTTP/1.1 200 OK\r\nX-Folded: one\r\n  two\r\n\tthree\r\nX-Empty:\r\n"
                 b"Content-Length: 2\r\n\r\nok", close=False)

    # ---- encodings

    def on_gzip(self, text):
        self.reply(gzip.compress(text.encode()), fields=[("Content-Encoding", "gzip")])

    def on_deflate(self, text):
        self.reply(zlib.compress(text.encode()), fields=[("Content-Encoding", "deflate")])

    def on_bomb(self, megabytes):
        """So much of nothing, in a thousandth of the space."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.start_chunks([("Content-Encoding", "gzip")])
        for _ in range(int(megabytes)):
            data = packer.compress(b"\0" * 1048576)
            if data:
                self.chunk(data)
        self.chunk(packer.flush())
        self.raw(b"0\r\n\r\n", close=False)

    def on_empty_blocks(self):
        """Encoded bytes without end that decode to nothing."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.start_chunks([("Content-Encoding", "gzip")])
        self.chunk(packer.compress(b"") or packer.flush(zlib.Z_SYNC_FLUSH))
        while True:
            self.chunk(b"\x00\x00\x00\xff\xff" * 8192)

    def on_encoded(self, how):
        self.reply(b"whatever", fields=[("Content-Encoding", how)])

    def on_transfer(self, how):
        self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\nwhatever" % how.encode())

    def on_broken_gzip(self):
        self.reply(gzip.compress(b"")[:10] + b"\xff" * 20, fields=[("Content-Encoding", "gzip")])

    # ---- authentication

    def denied(self, how, body="denied"):
        self.reply(body, 401, [("WWW-Authenticate", how), ("X-Answer", "401")])

    def on_basic(self):
        given = self.headers.get("Authorization", "")
        right = "Basic " + base64.b64encode("jülia:pä:ss".encode()).decode()
        self.reply("welcome") if given == right else self.denied('Basic realm="x"')

    def on_bearer(self):
        right = self.headers.get("Authorization") == "Bearer t0ken"
        self.reply("welcome") if right else self.denied("Bearer")

    def on_digest(self):
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers.get("Authorization", "")))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        expected = md5(":".join([md5("julia:x:secret"), "n0nce", given.get("nc", ""), given.get("cnonce", ""), "auth",
                                 md5(f"{self.command}:{self.path}")]))
        if given.get("response") == expected:
            self.reply("welcome")
        else:
            self.denied('Digest realm="x", nonce="n0nce", qop="auth"')

    def on_endless_denial(self):
        """A challenge whose body never ends."""
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Digest realm="x", nonce="n0nce", qop="auth"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.chunk(b"x" * 65536)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    context = None

    def finish_request(self, request, client_address):
        if self.context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(20)
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except OSError:  # the client does not like the certificate
            pass

    def handle_error(self, request, client_address):
        pass


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(folder):
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"]
    openssl("req", "-x509", *new_key, "-days", 2, "-subj", "/CN=Test CA", "-keyout", folder / "ca.key", "-out",
            folder / "ca.pem")
    for name, names, extra in (("tls", "DNS:localhost,IP:127.0.0.1", ca), ("wrong_name", "DNS:other.example", ca),
                               ("self_signed", "DNS:localhost,IP:127.0.0.1", [])):
        openssl("req", "-x509", *new_key, "-days", 2, *extra, "-subj", "/CN=test", "-addext", "subjectAltName=" + names,
                "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", folder / f"{name}.key",
                "-out", folder / f"{name}.pem")
    openssl("req", *new_key, "-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
            folder / "expired.key", "-out", folder / "expired.csr")
    (folder / "index").write_text("")
    (folder / "serial").write_text("1000")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n")
    openssl("ca", "-batch", "-config", folder / "ca.cnf", "-cert", folder / "ca.pem", "-keyfile", folder / "ca.key",
            "-in", folder / "expired.csr", "-out", folder / "expired.pem", "-notext", "-startdate", "20200101000000Z",
            "-enddate", "20200102000000Z")


def context_of(folder, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if name == "old_tls":
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        name = "tls"
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def main():
    folder = Path(sys.argv[1])
    make_certificates(folder)
    mute = socket.create_server(("127.0.0.1", 0), backlog=128)
    ports = {"mute": mute.getsockname()[1]}
    for name in ("plain", "tls", "wrong_name", "expired", "self_signed", "old_tls"):
        server = Server(("127.0.0.1", 0), Handler)
        server.context = context_of(folder, name) if name != "plain" else None
        ports[name] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(" ".join(f"{name}={port}" for name, port in ports.items()), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
