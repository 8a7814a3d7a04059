"""Real receivers of messages for tests: a web server and an SMTP server, on free ports."""

import base64
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class WebServer:
    """Answers each POST with the next of ``answers``, then with 200; ``"hang"`` answers late."""

    answers: list[int | str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b"ok"
    hang_s: float = 1.0
    url: str = ""


@contextmanager
def web_server(**options) -> Iterator[WebServer]:
    server = WebServer(**options)
    server.answers = list(server.answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = server.answers.pop(0) if server.answers else 200
            if answer == "hang":
                time.sleep(server.hang_s)
                return
            if answer == 200:
                server.bodies.append(body)
            server.paths.append(self.path)
            self.send_response(answer)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(server.text)))
            self.end_headers()
            self.wfile.write(server.text)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}/services/SECRET?token=SECRET"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@dataclass
class MailServer:
    """What an SMTP server got; ``user`` and ``password`` are asked for where they are not empty."""

    security: str = "none"
    user: str = ""
    password: str = ""
    refuses: tuple[str, ...] = ()
    certificate: Path | None = None
    mails: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    port: int = 0


@contextmanager
def mail_server(**options) -> Iterator[MailServer]:
    server = MailServer(**options)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if server.security == "tls":
                with suppress(ssl.SSLError), _encrypted(server, self.request) as connection:
                    connection.sendall(b"220 test\r\n")
                    _converse(server, connection, is_encrypted=True)
            else:
                self.request.sendall(b"220 test\r\n")
                _converse(server, self.request, is_encrypted=False)

    smtp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.port = smtp.server_address[1]
    thread = threading.Thread(target=smtp.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        smtp.shutdown()
        thread.join()
        smtp.server_close()


def _encrypted(server: MailServer, connection: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.certificate)
    return context.wrap_socket(connection, server_side=True)


def _converse(server: MailServer, connection: socket.socket, *, is_encrypted: bool) -> None:
    """A session by RFC 5321, as far as a client of the standard library needs it."""
    may_send = not server.user
    while line := _line(connection):
        server.lines.append(line)
        verb, _, rest = line.partition(" ")
        answer = "250 fine"
        if verb.lower() == "ehlo":
            offers = ["250-test"]
            offers += ["250-STARTTLS"] if server.security == "starttls" and not is_encrypted else []
            offers += ["250-AUTH PLAIN"] if server.user else []
            answer = "\r\n".join([*offers, "250 8BITMIME"])
        elif verb.lower() == "starttls":
            connection.sendall(b"220 go\r\n")
            with suppress(ssl.SSLError), _encrypted(server, connection) as inner:
                _converse(server, inner, is_encrypted=True)
            return
        elif verb.lower() == "auth":
            given = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
            may_send = given[1:] == [server.user, server.password]
            answer = "235 fine" if may_send else f"535 {server.password} was wanted"
        elif verb.lower() == "rcpt" and any(name in rest for name in server.refuses):
            answer = "550 nobody of that name"
        elif verb.lower() in ("mail", "rcpt") and not may_send:
            answer = "530 log in first"
        elif verb.lower() == "data":
            connection.sendall(b"354 go\r\n")
            mail = b""
            while not mail.endswith(b"\r\n.\r\n"):
                mail += connection.recv(65_536)
            server.mails.append(mail)
        elif verb.lower() == "quit":
            connection.sendall(b"221 bye\r\n")
            return
        connection.sendall(f"{answer}\r\n".encode())


def _line(connection: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.recv(1)
        if not byte:
            return ""
        line += byte
    return line.decode().strip()


def certificate_in(folder: Path) -> Path:
    """A new certificate of ``localhost`` with its key, in one file."""
    file, key = folder / "both.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", file],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file
