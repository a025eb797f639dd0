"""Servers of the tests that speak chosen versions of TLS alone, with a certificate of their own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# OpenSSL 3 speaks TLS 1.1 at this level alone.
LOWEST = "ALL:@SECLEVEL=0"
SECONDS = 60
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
PLAIN_SMTP = b"220 hello\r\n"


def certificate(folder: Path, host: str) -> Path:
    """A file with a key and a certificate for a host, which is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    place = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    place.write_bytes(private + made.public_bytes(Encoding.PEM))
    return place


def context_of(version: ssl.TLSVersion, place: Path) -> ssl.SSLContext:
    """A server's context for one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    context.set_ciphers(LOWEST)
    context.minimum_version = context.maximum_version = version
    return context


@contextmanager
def speaking(
    version: ssl.TLSVersion, place: Path, answer: bytes, *, greets: bool = False
) -> Iterator[int]:
    """A server on this machine; its port. With ``greets`` it speaks first, as SMTP does."""
    context = context_of(version, place)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context, answer, greets), daemon=True).start()
        yield int(server.getsockname()[1])


def _serve(server: socket.socket, context: ssl.SSLContext, answer: bytes, greets: bool) -> None:
    with suppress(OSError):
        while True:
            raw, _ = server.accept()
            raw.settimeout(SECONDS)
            with suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as used:
                if not greets:
                    used.recv(65536)
                used.sendall(answer)
                while greets and (said := used.recv(65536)):
                    used.sendall(
                        b"221 bye\r\n" if said.upper().startswith(b"QUIT") else b"250 fine\r\n"
                    )
