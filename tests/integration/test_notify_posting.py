"""Posting outside on real sockets, within notify's own world of greenlets: names, certificates, redirects, time."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]
PROGRAM = """
import eventlet
eventlet.monkey_patch()
import json, os, sys
from eventlet.support import greendns
from services.notify.channel import NotAccepted, Refused
from services.notify.posting import post
from services.notify.reach import networks

if "HOSTS" in os.environ:
    greendns.resolver = greendns.ResolverProxy(greendns.HostsResolver(os.environ["HOSTS"]))
url, allow, seconds = json.loads(sys.argv[1])
try:
    answer = post(url, {"Idempotency-Key": "k"}, b"{}", networks(allow), seconds=seconds)
    print(json.dumps(["taken", answer.status]))
except NotAccepted as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HERE = "127.0.0.1"


def posted(url: str, *allow: str, seconds: float = 20.0, **environment: str) -> list[object]:
    """What comes of a post, in a process as notify's is."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps([url, allow, seconds])],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[object] = json.loads(said.stdout)
    return found


def read_whole(connection: socket.socket) -> None:
    """The request with its body: who closes on something unread resets the connection, and the answer with it."""
    read = b""
    while not read.endswith(b"\r\n\r\n{}") and (piece := connection.recv(65_536)):
        read += piece


@contextmanager
def peer(
    answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None, host: str = HERE
) -> Iterator[tuple[int, list[int]]]:
    """A server that answers each connection so; its port, and how many connections came."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening, came = socket.create_server((host, 0), family=family), [0]

    def serve() -> None:
        while True:
            try:
                raw, _ = listening.accept()
            except OSError:
                return
            came[0] += 1
            try:
                with context.wrap_socket(raw, server_side=True) if context else raw as connection:
                    read_whole(connection)
                    answer(connection)
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], came
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(30)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For `localhost` alone, its own authority; key and certificate in one file."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "t")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "one.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_a_name_is_checked_against_its_certificate_though_its_address_is_pinned(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with peer(lambda connection: connection.sendall(OK), context) as (port, _):
        trusted = {"SSL_CERT_FILE": str(certificate)}
        assert posted(f"https://localhost:{port}/", HERE, **trusted) == ["taken", 200]
        kind, said = posted(f"https://{HERE}:{port}/", HERE, **trusted)  # another name than the certificate's
        assert (kind, said) == ("NotAccepted", "the connection failed: ConnectError")
        assert (
            posted(f"https://localhost:{port}/", HERE)[0] == "NotAccepted"
        )  # an authority that nobody trusts


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    with peer(lambda connection: connection.sendall(OK)) as (port, came):
        kind, said = posted(f"https://localhost:{port}/")
        assert kind == "NotAccepted"
        assert "not public" in str(said)
        assert came == [0]
        assert posted(f"http://localhost:{port}/", HERE) == ["taken", 200]
        assert came == [1]


def test_a_redirect_is_followed_where_one_may_go_and_nowhere_else() -> None:
    with (
        peer(lambda connection: connection.sendall(OK)) as (inside, came),
        peer(
            lambda connection: connection.sendall(
                f"HTTP/1.1 307 T\r\nLocation: http://{HERE}:{inside}/\r\nContent-Length: 0\r\n\r\n".encode()
            )
        ) as (outside, _),
    ):
        assert posted(f"http://{HERE}:{outside}/", HERE) == ["taken", 200]
        assert came == [1]
    with (
        peer(
            lambda connection: connection.sendall(
                b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.9:9/\r\nContent-Length: 0\r\n\r\n"
            )
        ) as (outside, _),
    ):
        kind, said = posted(f"http://{HERE}:{outside}/", HERE)
        assert (kind, said) == ("NotAccepted", "it redirects to another host")


def test_what_is_not_encrypted_goes_to_no_public_address(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.0.9 public.example\n", encoding="utf-8")  # global, and nobody's (RFC 7723)
    kind, said = posted("http://public.example:9/", HERE, HOSTS=str(hosts))
    assert (kind, "http://" in str(said)) == ("NotAccepted", True)


@pytest.mark.parametrize(("dead", "alive"), [("::1", HERE), (HERE, "::1")])
def test_every_address_of_a_name_is_tried(tmp_path: Path, dead: str, alive: str) -> None:
    """As where names have IPv6 addresses and there is no way to them."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{dead} both.example\n{alive} both.example\n", encoding="utf-8")
    with peer(lambda connection: connection.sendall(OK), host=alive) as (port, came):
        there = f"http://both.example:{port}/"
        assert posted(there, alive, dead, HOSTS=str(hosts)) == ["taken", 200]
        assert came == [1]


def test_who_answers_a_letter_at_a_time_does_not_get_more_than_the_whole_time() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not stop.wait(0.1):
            connection.sendall(b"x")

    with peer(drip) as (port, _):
        assert posted(f"http://{HERE}:{port}/", HERE, seconds=1.0) == ["NotAccepted", "no answer in time"]
        stop.set()
