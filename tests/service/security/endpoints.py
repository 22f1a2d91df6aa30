"""The other end of outgoing requests: transports that record, servers on this machine, certificates for them."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PUBLIC = "93.184.216.34"


@dataclass
class Recorder(httpx2.AsyncBaseTransport):
    """Answers by ``handler`` instead of a network; ``hosts`` are those that would have been connected to."""

    handler: Callable[[httpx2.Request], httpx2.Response] = field(default=lambda _: httpx2.Response(200))
    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request):
        self.requests.append(request)
        return self.handler(request)

    @property
    def hosts(self):
        return [request.url.host for request in self.requests]


class Names:
    """A resolver; ``answers`` are given one after the other, the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host, port):
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Chunks(httpx2.AsyncByteStream):
    """The ``chunks`` of a body that nobody has read yet; ``taken`` counts those that were, ``closed`` ends it."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks, self.taken, self.closed = chunks, 0, False

    async def __aiter__(self):
        for chunk in self.chunks:
            self.taken += 1
            yield chunk

    async def aclose(self):
        self.closed = True


class Stalled(httpx2.AsyncByteStream):
    """A body that never comes."""

    async def __aiter__(self):
        await asyncio.Event().wait()
        yield b""


@asynccontextmanager
async def serving(
    answer: bytes, context: ssl.SSLContext | None = None, *, keep: bool = True
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on 127.0.0.1 that gives ``answer`` to each request: its port, and the heads of the requests.

    It closes a connection after one answer unless it is to ``keep`` them.
    """
    heads: list[bytes] = []

    async def handle(reader, writer):
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
                if not keep:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 response with ``Content-Length``; underscores in the names of ``headers`` stand for hyphens."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
    lines += (f"{name.replace('_', '-')}: {value}" for name, value in headers.items())
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Authority:
    """A certificate authority; ``path`` of its certificate is what SSL_CERT_FILE should name."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # signs certificates
        certificate = (
            self._certificate(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *hosts: str) -> ssl.SSLContext:
        """The context of a server with a certificate for ``hosts``."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._certificate(x509.Name([]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(list(map(_general_name, hosts))), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{len(list(self._folder.iterdir()))}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(self, subject, key):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


def _general_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
