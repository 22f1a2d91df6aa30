"""Requests to addresses that callers give: only to the public internet, and to hosts that the operator allows.

A host name is resolved once and its addresses are checked; the connection then goes to one of exactly those, so that a
second answer of the name server changes nothing. TLS still verifies the name.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import BinaryIO, Final

import anyio.to_thread
import httpx2

from service import __version__
from service.problems import RefusedUrl, TooLarge, Unfetchable
from service.security.addresses import is_public

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> the IP addresses behind it, the preferred ones first.

Raises:
    OSError: there are none, or nobody could say.
"""

_LONGEST_URL: Final = 2048
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ENTRY: Final = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# The last label starts with a letter: whatever ends in a number, resolvers may read as an IPv4 address.
_PUBLIC_NAME: Final = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_PRIVATE_NAME: Final = re.compile(
    r".*\.(?:localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)"
)

_REDIRECTS: Final = 3
_CHUNK_BYTES: Final = 1 << 20
_PASSING: Final = {408, 425, 429}


class TransientFetchError(Exception):
    """No recording came now; trying again later may help. The message is fit for the caller to read."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which addresses may be called: https on the public internet, and anything on ``allowed_hosts``.

    Attributes:
        allowed_hosts: ``host`` (on any port) or ``host:port``, IPv6 addresses in brackets.

    Raises:
        ValueError: an entry is not of this form.
    """

    allowed_hosts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        entries = frozenset(map(str.lower, self.allowed_hosts))
        for entry in entries:
            if not _ENTRY.fullmatch(entry):
                raise ValueError(f"{entry!r} is not a host; give it as crm.internal, 10.0.0.5:8080 or [fd00::5]:8080")
        object.__setattr__(self, "allowed_hosts", entries)

    def allows(self, url: httpx2.URL) -> bool:
        """Whether the operator has named the host of ``url``."""
        _, host, port = origin(url)
        name = f"[{host}]" if ":" in host else host
        return not self.allowed_hosts.isdisjoint({name, f"{name}:{port}"})


def check(url: str, policy: Policy) -> None:
    """Everything about ``url`` that can be judged before its host is resolved.

    Raises:
        RefusedUrl: it will never be called under this policy.
    """
    if any(character == "\\" or character.isspace() or not character.isprintable() for character in url):
        raise RefusedUrl("The address holds a space, a backslash or a control character; percent-encode it.")
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise RefusedUrl("This is no address that can be called; give one such as https://host.example/path.") from None
    _check(parsed, policy)


def _check(url: httpx2.URL, policy: Policy) -> None:
    scheme, host, port = origin(url)
    if len(str(url)) > _LONGEST_URL:
        raise RefusedUrl(f"The address is longer than {_LONGEST_URL} characters; give a shorter one.")
    if scheme not in _DEFAULT_PORTS or not host:
        raise RefusedUrl("Give an absolute address that starts with https://.")
    if url.userinfo:
        raise RefusedUrl("The address holds a user name or a password; give it without.")
    if not 1 <= port <= 65535:
        raise RefusedUrl("The port of the address is not in 1..65535.")
    if policy.allows(url):
        return
    if scheme != "https":
        raise RefusedUrl(f"Give an https:// address. {_remedy(host)}")
    try:
        public = is_public(ipaddress.ip_address(host))
    except ValueError:
        public = bool(_PUBLIC_NAME.fullmatch(host)) and not _PRIVATE_NAME.fullmatch(host)
    if not public:
        raise _private(host)


def origin(url: httpx2.URL) -> tuple[str, str, int]:
    """Scheme, host and port of ``url`` (RFC 6454) in the one form that can be compared; port 0 where there is none."""
    port = _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port
    return url.scheme, url.raw_host.decode("ascii").lower(), port


def _host(url: httpx2.URL) -> str:
    return origin(url)[1]


def _remedy(host: str) -> str:
    return f"Whoever runs this service can allow {host} in V2V_ALLOWED_HOSTS."


def _private(host: str) -> RefusedUrl:
    return RefusedUrl(f"{host} is not a public host; give one that the internet can reach. {_remedy(host)}")


async def system(host: str, port: int) -> Sequence[str]:
    """The operating system's answer; a :data:`Resolver`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends a request only where ``policy`` lets it, to an address that was checked.

    Args:
        policy: what may be called.
        inner: what connects. Its connections must not be kept for another request: they are verified for one host,
            and many hosts may share an address.
        resolve: asked once for each request.
    """

    def __init__(
        self, policy: Policy, inner: httpx2.AsyncBaseTransport | None = None, resolve: Resolver = system
    ) -> None:
        self._policy = policy
        self._inner = inner or httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0))
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send ``request`` to the first checked address that can be connected to.

        Raises:
            RefusedUrl: the address, or one that its host resolves to, is not allowed.
            httpx2.TransportError: the host cannot be resolved or reached.
        """
        _check(request.url, self._policy)
        *others, last = [_addressed(request, address) for address in await self._addresses(request)]
        for other in others:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await self._inner.handle_async_request(other)
        return await self._inner.handle_async_request(last)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, request: httpx2.Request) -> Sequence[str]:
        _, host, port = origin(request.url)
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("connect")):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpx2.ConnectTimeout(f"{host} was not resolved in time") from None
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise httpx2.ConnectError(f"{host} cannot be resolved")
        public = all(is_public(ipaddress.ip_address(address)) for address in addresses)
        if not public and not self._policy.allows(request.url):
            raise _private(host)
        return addresses


def _addressed(request: httpx2.Request, address: str) -> httpx2.Request:
    """``request`` to the IP address ``address``, with the Host header and the TLS name of its host."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": _host(request.url)},
    )


def client(
    policy: Policy, inner: httpx2.AsyncBaseTransport | None = None, resolve: Resolver = system
) -> httpx2.AsyncClient:
    """A client for addresses that callers give: guarded, without redirects, cookies and proxies."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(policy, inner, resolve),
        headers={"User-Agent": f"voice-to-value/{__version__}"},
        timeout=httpx2.Timeout(15, connect=5),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


async def download(client: httpx2.AsyncClient, url: str, file: BinaryIO, *, max_bytes: int, seconds: float) -> None:
    """Write what ``url`` holds to ``file``, which holds a part of it after an error.

    Args:
        client: a guarded one, as :func:`client` makes it. Up to three redirects are followed, each under its policy.
        url: one that has passed :func:`check`.
        max_bytes: the most that may be received.
        seconds: how long all of it may take.

    Raises:
        RefusedUrl: the address, or one that it redirects to, is not allowed.
        Unfetchable: the server does not have it, or not as plain bytes.
        TooLarge: there are more bytes.
        TransientFetchError: the server cannot be reached, is too slow, or breaks off.
    """
    request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
    try:
        async with asyncio.timeout(seconds):
            for _ in range(1 + _REDIRECTS):
                response = await client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        await _receive(response, file, max_bytes)
                        return
                finally:
                    await response.aclose()
                last, request = request, response.next_request
                if last.url.scheme == "https" and request.url.scheme != "https":
                    raise RefusedUrl(f"{_host(last.url)} redirects to an address that is not https.")
    except (TimeoutError, httpx2.TimeoutException):
        raise TransientFetchError(f"{_host(request.url)} took too long to send the recording.") from None
    except httpx2.TransportError:
        raise TransientFetchError(f"{_host(request.url)} could not be reached, or broke off.") from None
    raise Unfetchable(f"The address redirects more than {_REDIRECTS} times; give the last one.")


async def _receive(response: httpx2.Response, file: BinaryIO, max_bytes: int) -> None:
    host, status = _host(response.request.url), response.status_code
    if status >= 500 or status in _PASSING:
        raise TransientFetchError(f"{host} answered {status}.")
    if status != 200:
        raise Unfetchable(f"{host} answered {status}; give an address that answers 200 with the recording.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unfetchable(f"{host} sends the recording compressed although that was not asked for.")
    too_large = TooLarge(f"The recording has more than {max_bytes} bytes; send a smaller one, or raise the limit.")
    if int(response.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    received = 0
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        received += len(chunk)
        if received > max_bytes:
            raise too_large
        await anyio.to_thread.run_sync(file.write, chunk)
