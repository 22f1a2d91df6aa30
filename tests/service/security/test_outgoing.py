import asyncio
import gzip
import io
import socket
from contextlib import suppress

import httpx2
import pytest

from service import __version__
from service.problems import RefusedUrl, TooLarge, Unfetchable
from service.security.outgoing import (
    Policy,
    TransientFetchError,
    check,
    client,
    download,
    system,
)
from tests.service.security.endpoints import PUBLIC, Authority, Chunks, Names, Recorder, Stalled, response, serving
from tests.service.security.test_addresses import NOT_PUBLIC

STRICT = Policy()

HOSTILE = [
    # not https
    "http://crm.example.com/call.wav",
    "ftp://crm.example.com/call.wav",
    "file:///etc/passwd",
    "gopher://crm.example.com/",
    "data:audio/wav;base64,AAAA",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "wss://crm.example.com/",
    # not absolute
    "",
    "crm.example.com/call.wav",
    "/call.wav",
    "//crm.example.com/call.wav",
    "https:///call.wav",
    "https:crm.example.com",
    "https://",
    "https://:443/",
    # credentials
    "https://user:password@crm.example.com/",
    "https://user@crm.example.com/",
    "https://crm.example.com@127.0.0.1/",
    "https://crm.example.com:443@127.0.0.1/",
    "https://127.0.0.1#@crm.example.com/",
    "https://127.0.0.1?@crm.example.com/",
    # characters that parsers disagree on
    "https://crm.example.com\\@127.0.0.1/",
    "https://127.0.0.1\\.crm.example.com/",
    "https://crm.example.com/a\\b",
    "https://crm.example.com/a b",
    " https://crm.example.com/",
    "https://crm.example.com/\r\nHost: 127.0.0.1",
    "https://crm.example.com/\x00",
    "https://crm.example.com/\u200b",
    "https://crm.example.com/\ud800",
    "https://crm.example.com\t/",
    # ports and length
    "https://crm.example.com:0/",
    "https://crm.example.com:65536/",
    "https://crm.example.com:-1/",
    "https://crm.example.com:ssh/",
    "https://crm.example.com:80:443/",
    "https://crm.example.com/" + "a" * 2048,
    # names that are not public
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://localhost.localdomain/",
    "https://redis/",
    "https://db.internal/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://printer.local/",
    "https://nas.lan/",
    "https://intranet.corp/",
    "https://router.home.arpa/",
    "https://kubernetes.default.svc.cluster.local/",
    "https://crm.example.com./",
    "https://.example.com/",
    "https://crm..example.com/",
    "https://-crm.example.com/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 127 + "com/",
    "https://crm.example.com%00.evil.org/",
    "https://127.0.0.1%2f.evil.org/",
    "https://crm,example.com/",
    "https://crm.example.com;evil.org/",
    # IPv4 in every spelling
    "https://127.0.0.1/",
    "https://127.0.0.1:6379/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://00000177.0.0.1/",
    "https://127.000.000.001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://256.256.256.256/",
    "https://4294967297/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://１２７。０。０。１/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "https://%31%32%37.0.0.1/",
    # IPv6 in every spelling
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::FFFF:7F00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[2606:4700::1%25eth0]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[::1/",
    "https://::1/",
    "https://[127.0.0.1]/",
    "https://[v1.fe80::a]/",
    "https://[::1].evil.org/",
]

LEGAL = [
    "https://crm.example.com",
    "https://crm.example.com/calls/1.wav?token=a%20b&x=1#part",
    "HTTPS://CRM.Example.COM:8443/",
    "https://example.co.uk/",
    "https://my_bucket.s3.eu-central-1.amazonaws.com/call.wav?X-Amz-Signature=0a",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
    "https://例え.テスト/",
    "https://a--b.example.com/",
    "https://1.example.com/",
    "https://0x7f.example.com/",
    "https://localhost.example.com/",
    "https://internal.example.com/",
    "https://1.1.1.1/",
    "https://[2606:4700:4700::1111]:8443/",
    "https://crm.example.com/größe",
    "https://crm.example.com/" + "a" * 2024,
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused(url):
    with pytest.raises(RefusedUrl) as caught:
        check(url, STRICT)
    assert caught.value.detail.endswith(".")


@pytest.mark.anyio
@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_that_was_not_checked_leads_to_nothing_private(url):
    async def resolve(host, port):
        try:
            return [str(sockaddr[0]) for *_, sockaddr in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]
        except (OSError, UnicodeError):
            return [PUBLIC]

    inner = Recorder()
    async with client(STRICT, inner, resolve) as guarded:
        with suppress(RefusedUrl, httpx2.InvalidURL, UnicodeEncodeError):
            await guarded.get(url)
    assert set(inner.hosts) <= {PUBLIC}
    assert {request.url.scheme for request in inner.requests} <= {"https"}


@pytest.mark.anyio
@pytest.mark.parametrize("url", LEGAL)
async def test_a_legal_address_is_called(url):
    check(url, STRICT)
    inner = Recorder()
    async with client(STRICT, inner, Names([PUBLIC])) as guarded:
        await guarded.get(url)
    assert inner.hosts == [PUBLIC]


def test_a_refusal_says_what_to_do():
    with pytest.raises(RefusedUrl, match=r"^redis is not a public host; .* can allow redis in V2V_ALLOWED_HOSTS\.$"):
        check("https://redis/", STRICT)
    with pytest.raises(RefusedUrl, match=r"^Give an https:// address\. .* can allow crm.example.com in "):
        check("http://crm.example.com/", STRICT)


@pytest.mark.parametrize(
    ("entry", "allowed", "refused"),
    [
        ("crm.internal", "http://crm.internal/", "http://other.internal/"),
        ("crm.internal", "https://CRM.internal:8443/", "http://crm.internal.evil.org/"),
        ("CRM.internal:8080", "http://crm.internal:8080/", "http://crm.internal:8081/"),
        ("crm.internal:80", "http://crm.internal/", "https://crm.internal/"),
        ("crm.internal:443", "https://crm.internal/", "http://crm.internal/"),
        ("redis", "http://redis:6379/", "http://redis2:6379/"),
        ("10.0.0.5:8080", "http://10.0.0.5:8080/", "http://10.0.0.5/"),
        ("[fd00::5]", "http://[fd00::5]:8080/", "http://[fd00::6]:8080/"),
        ("[fd00::5]:8080", "http://[FD00::5]:8080/", "http://[fd00::5]/"),
    ],
)
def test_the_operator_allows_a_host_or_one_port_of_it(entry, allowed, refused):
    policy = Policy(frozenset({entry}))
    check(allowed, policy)
    with pytest.raises(RefusedUrl):
        check(refused, policy)


def test_an_allowed_host_may_not_be_given_with_credentials():
    with pytest.raises(RefusedUrl, match="user name"):
        check("http://user@crm.internal/", Policy(frozenset({"crm.internal"})))


@pytest.mark.parametrize("entry", ["http://crm.internal", "crm.internal/", "fd00::5", "*.internal", "a b", ""])
def test_an_entry_that_is_no_host_is_refused(entry):
    with pytest.raises(ValueError, match="is not a host; give it as crm"):
        Policy(frozenset({entry}))


@pytest.mark.anyio
@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_public_name_of_a_private_address_is_refused(address):
    inner = Recorder()
    async with client(STRICT, inner, Names([address])) as guarded:
        with pytest.raises(RefusedUrl) as caught:
            await guarded.get("https://crm.example.com/")
    assert inner.requests == []
    assert caught.value.detail.startswith("crm.example.com is not a public host; ")
    assert f" {address} " not in caught.value.detail  # what a name stands for within a network is nobody's business


@pytest.mark.anyio
@pytest.mark.parametrize("addresses", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "2606:4700::1", "::1"]])
async def test_one_private_address_among_public_ones_is_enough(addresses):
    inner = Recorder()
    async with client(STRICT, inner, Names(addresses)) as guarded:
        with pytest.raises(RefusedUrl):
            await guarded.get("https://crm.example.com/")
    assert inner.requests == []


@pytest.mark.anyio
async def test_a_name_that_changes_its_address_is_asked_once_and_gains_nothing():
    inner, names = Recorder(), Names([PUBLIC], ["127.0.0.1"])
    async with client(STRICT, inner, names) as guarded:
        await guarded.get("https://rebind.example.com:8443/call.wav?a=1")
        assert names.asked == [("rebind.example.com", 8443)]
        with pytest.raises(RefusedUrl):
            await guarded.get("https://rebind.example.com:8443/call.wav?a=1")
        assert len(names.asked) == 2
    (request,) = inner.requests
    assert str(request.url) == f"https://{PUBLIC}:8443/call.wav?a=1"
    assert request.headers["host"] == "rebind.example.com:8443"
    assert request.extensions["sni_hostname"] == "rebind.example.com"


@pytest.mark.anyio
async def test_an_international_name_is_sent_as_idna():
    inner, names = Recorder(), Names([PUBLIC])
    async with client(STRICT, inner, names) as guarded:
        await guarded.get("https://bücher.example/")
    assert names.asked == [("xn--bcher-kva.example", 443)]
    assert inner.requests[0].headers["host"] == "xn--bcher-kva.example"
    assert inner.requests[0].extensions["sni_hostname"] == "xn--bcher-kva.example"


@pytest.mark.anyio
async def test_the_next_address_is_tried_where_one_cannot_be_connected_to():
    def handler(request):
        match request.url.host:
            case "2606:4700::1":
                raise httpx2.ConnectError("no route")
            case "2606:4700::2":
                raise httpx2.ConnectTimeout("too slow")
        return httpx2.Response(200)

    inner = Recorder(handler)
    async with client(STRICT, inner, Names(["2606:4700::1", "2606:4700::2", PUBLIC, "1.1.1.1"])) as guarded:
        answer = await guarded.post("https://crm.example.com/", content=b"body")
        assert answer.status_code == 200
    assert inner.hosts == ["2606:4700::1", "2606:4700::2", PUBLIC]
    assert [await request.aread() for request in inner.requests] == [b"body"] * 3


@pytest.mark.anyio
async def test_a_request_that_was_sent_is_not_sent_again():
    def handler(_):
        raise httpx2.ReadError("broke off")

    inner = Recorder(handler)
    async with client(STRICT, inner, Names([PUBLIC, "1.1.1.1"])) as guarded:
        with pytest.raises(httpx2.ReadError):
            await guarded.post("https://crm.example.com/", content=b"body")
    assert inner.hosts == [PUBLIC]


@pytest.mark.anyio
async def test_the_last_failure_counts_where_no_address_can_be_connected_to():
    def handler(request):
        raise httpx2.ConnectError(request.url.host)

    async with client(STRICT, Recorder(handler), Names([PUBLIC, "1.1.1.1"])) as guarded:
        with pytest.raises(httpx2.ConnectError, match=r"^1\.1\.1\.1$"):
            await guarded.get("https://crm.example.com/")


@pytest.mark.anyio
@pytest.mark.parametrize("error", [socket.gaierror(), UnicodeError("label too long")])
async def test_a_name_that_cannot_be_resolved_cannot_be_connected_to(error):
    async def resolve(_host, _port):
        raise error

    async with client(STRICT, Recorder(), resolve) as guarded:
        with pytest.raises(httpx2.ConnectError, match=r"^crm\.example\.com cannot be resolved$"):
            await guarded.get("https://crm.example.com/")


@pytest.mark.anyio
async def test_a_name_server_that_does_not_answer_is_not_waited_for():
    async def resolve(_host, _port):
        await asyncio.Event().wait()

    async with client(STRICT, Recorder(), resolve) as guarded:
        with pytest.raises(httpx2.ConnectTimeout):
            await guarded.get("https://crm.example.com/", timeout=0.001)


@pytest.mark.anyio
async def test_the_system_resolves_each_address_once():
    assert await system("127.0.0.1", 443) == ["127.0.0.1"]


@pytest.mark.anyio
async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    inner = Recorder()
    async with client(STRICT, inner, Names([PUBLIC])) as guarded:
        await guarded.get("https://crm.example.com/")
    assert inner.hosts == [PUBLIC]


@pytest.mark.anyio
async def test_nothing_is_remembered_between_requests():
    inner = Recorder(lambda _: httpx2.Response(200, headers={"Set-Cookie": "session=1"}))
    async with client(STRICT, inner, Names([PUBLIC])) as guarded:
        await guarded.get("https://crm.example.com/")
        await guarded.get("https://crm.example.com/")
    assert "cookie" not in inner.requests[1].headers


@pytest.mark.anyio
async def test_the_client_says_who_it_is_and_follows_no_redirect():
    inner = Recorder(lambda _: httpx2.Response(302, headers={"Location": "https://other.example.com/"}))
    async with client(STRICT, inner, Names([PUBLIC])) as guarded:
        assert (await guarded.get("https://crm.example.com/")).status_code == 302
    (request,) = inner.requests
    assert request.headers["user-agent"] == f"voice-to-value/{__version__}"


@pytest.mark.anyio
async def test_closing_the_client_closes_what_it_connects_with():
    class Inner(Recorder):
        closed = False

        async def aclose(self):
            self.closed = True

    inner = Inner()
    await client(STRICT, inner).aclose()
    assert inner.closed


class TestTLS:
    """Against a server of this machine whose certificate is for one name."""

    @pytest.fixture
    def authority(self, tmp_path, monkeypatch):
        authority = Authority(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        return authority

    @pytest.mark.anyio
    async def test_the_name_is_verified_though_the_address_is_connected_to(self, authority):
        context, asked = authority.server("calls.example.com"), []
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
        policy = Policy(frozenset({"calls.example.com", "evil.example.org"}))
        async with (
            serving(response(200, b"call"), context) as (port, heads),
            client(policy, resolve=Names(["127.0.0.1"])) as guarded,
        ):
            answer = await guarded.get(f"https://calls.example.com:{port}/")
            assert answer.content == b"call"
            # The same address, and the server would keep the connection, which is verified for another name.
            with pytest.raises(httpx2.ConnectError, match="Hostname mismatch"):
                await guarded.get(f"https://evil.example.org:{port}/")
        assert asked == ["calls.example.com", "evil.example.org"]
        assert len(heads) == 1
        assert f"Host: calls.example.com:{port}\r\n".encode() in heads[0]

    @pytest.mark.anyio
    async def test_an_address_is_verified_where_no_name_was_given(self, authority):
        policy = Policy(frozenset({"127.0.0.1"}))
        async with (
            serving(response(200, b"call"), authority.server("127.0.0.1")) as (port, _),
            client(policy) as guarded,
        ):
            assert (await guarded.get(f"https://127.0.0.1:{port}/")).content == b"call"
        async with (
            serving(response(200), authority.server("calls.example.com")) as (port, _),
            client(policy) as guarded,
        ):
            with pytest.raises(httpx2.ConnectError, match="IP address mismatch"):
                await guarded.get(f"https://127.0.0.1:{port}/")

    @pytest.mark.anyio
    async def test_a_certificate_of_an_unknown_authority_is_refused(self, authority, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE")
        policy = Policy(frozenset({"calls.example.com"}))
        async with (
            serving(response(200), authority.server("calls.example.com")) as (port, heads),
            client(policy, resolve=Names(["127.0.0.1"])) as guarded,
        ):
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await guarded.get(f"https://calls.example.com:{port}/")
        assert heads == []


def page(body, encoding="identity"):
    """A page that nobody has read yet."""
    return httpx2.Response(200, headers={"Content-Encoding": encoding}, stream=Chunks(body))


def site(pages, addresses=(PUBLIC,)):
    """A client of a public site: URL -> response."""
    inner = Recorder(lambda request: pages[f"{request.url.scheme}://{request.headers['host']}{request.url.path}"])
    return client(STRICT, inner, Names(addresses)), inner


async def fetched(guarded, url="https://crm.example.com/call.wav", max_bytes=1_000_000, seconds=60.0):
    file = io.BytesIO()
    async with guarded:
        await download(guarded, url, file, max_bytes=max_bytes, seconds=seconds)
    return file.getvalue()


def moved(location, status=302):
    return httpx2.Response(status, headers={"Location": location})


@pytest.mark.anyio
async def test_a_recording_is_downloaded():
    recording = bytes(range(256)) * 10_000
    guarded, inner = site({"https://crm.example.com/call.wav": page(recording)})
    assert await fetched(guarded, max_bytes=len(recording) + 1, url="https://crm.example.com/call.wav") == recording
    assert inner.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.anyio
async def test_an_allowed_host_on_this_machine_is_downloaded_from():
    async with serving(response(200, b"call")) as (port, _):
        assert await fetched(client(Policy(frozenset({"127.0.0.1"}))), f"http://127.0.0.1:{port}/") == b"call"


@pytest.mark.anyio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_up_to_three_redirects_are_followed(status):
    pages = {
        "https://crm.example.com/call.wav": moved("/2", status),
        "https://crm.example.com/2": moved("https://cdn.example.org/3?token=1", status),
        "https://cdn.example.org/3": moved("//cdn.example.org/4", status),
        "https://cdn.example.org/4": page(b"call"),
    }
    guarded, inner = site(pages)
    assert await fetched(guarded) == b"call"
    assert [request.extensions["sni_hostname"] for request in inner.requests[1:3]] == [
        "crm.example.com",
        "cdn.example.org",
    ]


@pytest.mark.anyio
async def test_a_fourth_redirect_is_not():
    guarded, inner = site({"https://crm.example.com/call.wav": moved("/call.wav")})
    with pytest.raises(Unfetchable, match="redirects more than 3 times"):
        await fetched(guarded)
    assert len(inner.requests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/latest/meta-data/",
        "https://metadata.google.internal/",
        "https://localhost/",
        "https://user:password@crm.example.com/",
        "http://crm.example.com/call.wav",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "https://crm.example.com:0/",
        "/" + "a" * 2048,
    ],
)
async def test_a_redirect_is_checked_as_the_address_was(location):
    guarded, inner = site({"https://crm.example.com/call.wav": moved(location)})
    with pytest.raises(RefusedUrl):
        await fetched(guarded)
    assert len(inner.requests) == 1


@pytest.mark.anyio
async def test_a_redirect_never_leads_from_https_to_http_though_the_host_may_be_called_so():
    inner = Recorder(lambda _: moved("http://crm.internal/"))
    with pytest.raises(RefusedUrl, match="redirects to an address that is not https"):
        await fetched(client(Policy(frozenset({"crm.internal"})), inner, Names(["10.0.0.1"])), "https://crm.internal/")
    assert len(inner.requests) == 1


@pytest.mark.anyio
async def test_a_redirect_to_a_name_with_a_private_address_is_refused():
    pages = {"https://crm.example.com/call.wav": moved("https://rebind.example.org/")}
    inner = Recorder(lambda _: pages["https://crm.example.com/call.wav"])
    with pytest.raises(RefusedUrl, match=r"^rebind\.example\.org is not a public host"):
        await fetched(client(STRICT, inner, Names([PUBLIC], ["10.0.0.1"])))
    assert inner.hosts == [PUBLIC]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [204, 206, 300, 302, 304, 400, 401, 403, 404, 410])
async def test_an_answer_without_the_recording_is_final(status):
    guarded, _ = site({"https://crm.example.com/call.wav": httpx2.Response(status)})
    with pytest.raises(Unfetchable, match=rf"^crm\.example\.com answered {status}; "):
        await fetched(guarded, "https://crm.example.com/call.wav?token=secret")


@pytest.mark.anyio
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_an_answer_that_may_change_is_worth_another_try(status):
    guarded, _ = site({"https://crm.example.com/call.wav": httpx2.Response(status)})
    with pytest.raises(TransientFetchError, match=rf"^crm\.example\.com answered {status}\.$"):
        await fetched(guarded)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("10.1.2.3"),
        httpx2.ReadError("10.1.2.3"),
        httpx2.RemoteProtocolError("10.1.2.3"),
        httpx2.ConnectTimeout("10.1.2.3"),
        httpx2.ReadTimeout("10.1.2.3"),
    ],
)
async def test_trouble_on_the_way_is_worth_another_try(error):
    def handler(_):
        raise error

    with pytest.raises(TransientFetchError, match=r"^crm\.example\.com .*\.$") as caught:
        await fetched(client(STRICT, Recorder(handler), Names([PUBLIC])))
    assert "10.1.2.3" not in str(caught.value)


@pytest.mark.anyio
async def test_an_announced_length_over_the_limit_is_refused_before_it_is_read():
    stream = Chunks(b"x" * 11)
    long = httpx2.Response(200, headers={"Content-Length": "11"}, stream=stream)
    guarded, _ = site({"https://crm.example.com/call.wav": long})
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        await fetched(guarded, max_bytes=10)
    assert stream.taken == 0


@pytest.mark.anyio
async def test_a_body_without_a_length_is_counted_and_broken_off():
    stream = Chunks(*[b"x" * 1_000_000] * 100)
    guarded, _ = site({"https://crm.example.com/call.wav": httpx2.Response(200, stream=stream)})
    file = io.BytesIO()
    async with guarded:
        with pytest.raises(TooLarge):
            await download(guarded, "https://crm.example.com/call.wav", file, max_bytes=3_000_000, seconds=60)
        assert stream.closed
    assert stream.taken <= 5
    assert len(file.getvalue()) <= 3_000_000


@pytest.mark.anyio
async def test_a_body_of_exactly_the_limit_is_taken():
    guarded, _ = site({"https://crm.example.com/call.wav": page(b"x" * 10)})
    assert await fetched(guarded, max_bytes=10) == b"x" * 10


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused(encoding):
    stream = Chunks(gzip.compress(bytes(1_000_000)))
    compressed = httpx2.Response(200, headers={"Content-Encoding": encoding}, stream=stream)
    guarded, _ = site({"https://crm.example.com/call.wav": compressed})
    with pytest.raises(Unfetchable, match="compressed although that was not asked for"):
        await fetched(guarded)
    assert stream.taken == 0


@pytest.mark.anyio
async def test_a_body_that_says_it_is_not_compressed_is_taken():
    guarded, _ = site({"https://crm.example.com/call.wav": page(b"call", "Identity")})
    assert await fetched(guarded) == b"call"


@pytest.mark.anyio
async def test_a_server_that_never_comes_to_an_end_is_broken_off():
    guarded, _ = site({"https://crm.example.com/call.wav": httpx2.Response(200, stream=Stalled())})
    with pytest.raises(TransientFetchError, match=r"^crm\.example\.com took too long to send the recording\.$"):
        await fetched(guarded, seconds=0.001)


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", response(200, b"call")[:-1]])
async def test_a_server_that_breaks_off_is_worth_another_try(answer):
    async with serving(answer, keep=False) as (port, _):
        with pytest.raises(TransientFetchError):
            await fetched(client(Policy(frozenset({"127.0.0.1"}))), f"http://127.0.0.1:{port}/")
