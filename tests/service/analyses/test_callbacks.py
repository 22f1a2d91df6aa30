import asyncio
import json
import time
from itertools import pairwise

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from service.analyses import callbacks
from service.analyses.callbacks import SCHEDULE, Outcome, Sender, delay
from service.security.outgoing import Policy, client
from service.security.webhooks import Secrets, new_secret, sign
from tests.service.security.endpoints import PUBLIC, Chunks, Names, Recorder, Stalled, response, serving

URL = "https://crm.example.com/hooks?token=hidden"
SECRET = new_secret(b"x" * 32)
NOW = 1_767_225_600_000  # 2026-01-01
DAY = 24 * 3600


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Clock:
    """A tenth of a second goes by each time that it is read."""

    def __init__(self):
        self.now = NOW - 100

    def __call__(self):
        self.now += 100
        return self.now


def failed(status=503, retry_after=None):
    return Outcome(status, "The endpoint answered.", retry_after, 1)


class TestDelay:
    def test_the_schedule_is_the_standard_s(self):
        assert SCHEDULE == (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)

    def test_each_attempt_waits_its_time(self):
        assert [delay(attempts, failed(), 0) for attempts in range(1, 10)] == list(SCHEDULE[1:])

    @given(attempts=st.integers(1, 9), jitter=st.floats(0, 1))
    def test_chance_makes_it_longer_by_a_tenth_at_most(self, attempts, jitter):
        assert SCHEDULE[attempts] <= delay(attempts, failed(), jitter) <= SCHEDULE[attempts] * 1.1 + 1e-6

    @pytest.mark.parametrize("attempts", [10, 11])
    def test_after_the_last_attempt_it_is_given_up(self, attempts):
        assert delay(attempts, failed(retry_after=1), 0.5) is None

    def test_an_endpoint_that_is_gone_is_given_up_at_once(self):
        assert delay(1, failed(410), 0) is None

    @pytest.mark.parametrize("status", [None, 302, 400, 404, 429, 500])
    def test_any_other_failure_is_tried_again(self, status):
        assert delay(1, failed(status), 0) == 5

    @pytest.mark.parametrize(
        ("attempts", "retry_after", "seconds"),
        [(1, 60, 60), (1, 2, 5), (3, 60, 1800), (1, DAY * 2, DAY), (9, DAY * 2, DAY), (1, 0, 5)],
    )
    def test_the_endpoint_may_ask_for_a_longer_wait_of_up_to_a_day(self, attempts, retry_after, seconds):
        assert delay(attempts, failed(429, retry_after), 0) == seconds

    @given(jitter=st.floats(0, 1))
    def test_no_attempt_comes_sooner_than_the_one_before(self, jitter):
        waits = [delay(attempts, failed(), jitter) for attempts in range(1, 10)]
        assert all(earlier < later for earlier, later in pairwise(waits))


def sending(handler, *, addresses=(PUBLIC,), secrets=None, clock=None):
    """What one message becomes, and what the endpoint was sent."""
    inner = Recorder(handler)

    async def send(url=URL, body=b'{"id": 1}'):
        async with client(Policy(), inner, Names(addresses)) as guarded:
            sender = Sender(guarded, secrets or Secrets({"*": [SECRET]}), clock or Clock())
            return await sender.send(url, "msg_1", body)

    return send, inner.requests


def answer(status=200, headers=None, stream=None):
    return lambda _: httpx2.Response(status, headers=headers, stream=stream or Chunks(b"answer"))


def raising(error):
    def handler(_):
        raise error

    return handler


@pytest.mark.anyio
async def test_a_message_is_delivered_and_signed():
    send, requests = sending(answer(204))
    body = json.dumps({"type": "analysis.completed", "text": "größer"}, ensure_ascii=False).encode()
    outcome = await send(body=body)
    assert (outcome.status, outcome.error, outcome.retry_after, outcome.delivered) == (204, None, None, True)
    (request,) = requests
    assert (request.method, await request.aread()) == ("POST", body)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["webhook-timestamp"] == str(NOW // 1000)
    assert request.headers["webhook-signature"] == sign([b"x" * 32], "msg_1", NOW // 1000, body)


@pytest.mark.anyio
async def test_the_reference_library_takes_it():
    other = new_secret(b"y" * 32)
    secrets = Secrets({"https://crm.example.com/hooks": [other, SECRET]})
    send, requests = sending(answer(), secrets=secrets, clock=lambda: round(time.time() * 1000))
    await send()
    for secret in (SECRET, other):
        assert Webhook(secret).verify(b'{"id": 1}', dict(requests[0].headers)) == {"id": 1}


@pytest.mark.anyio
async def test_an_address_without_a_secret_gets_its_message_unsigned():
    send, requests = sending(answer(), secrets=Secrets({"https://other.example.com/": [SECRET]}))
    assert (await send()).delivered
    assert "webhook-signature" not in requests[0].headers
    assert requests[0].headers["webhook-id"] == "msg_1"


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_delivery(status):
    send, _ = sending(answer(status))
    outcome = await send()
    assert outcome.delivered
    assert outcome.error is None


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_any_other_status_is_a_failure(status):
    send, _ = sending(answer(status))
    outcome = await send()
    assert (outcome.status, outcome.error) == (status, f"The endpoint answered {status}.")
    assert not outcome.delivered


@pytest.mark.anyio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(status):
    send, requests = sending(answer(status, {"Location": "https://other.example.com/"}))
    outcome = await send()
    assert outcome.error == f"The endpoint answered {status}; redirects are not followed."
    assert not outcome.delivered
    assert len(requests) == 1


@pytest.mark.anyio
async def test_the_duration_is_measured():
    send, _ = sending(answer(200))
    assert (await send()).duration_ms == 200  # the clock was read between the first time and the last


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", pytest.approx(60, abs=1)),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 400, None),
        ("١٢", None),
        ("Thu, 99 Jan 2026 00:01:00 GMT", None),
        ("", None),
    ],
)
async def test_the_time_that_an_endpoint_asks_for_is_told(value, seconds):
    send, _ = sending(answer(503, [(b"Retry-After", value.encode())]))
    assert (await send()).retry_after == seconds


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (httpx2.ConnectError("10.1.2.3"), "The endpoint could not be reached."),
        (httpx2.ReadError("10.1.2.3"), "The endpoint broke off before it answered."),
        (httpx2.RemoteProtocolError("10.1.2.3"), "The endpoint broke off before it answered."),
        (httpx2.ConnectTimeout("10.1.2.3"), "The endpoint did not answer within 15 seconds."),
        (httpx2.ReadTimeout("10.1.2.3"), "The endpoint did not answer within 15 seconds."),
    ],
)
async def test_trouble_on_the_way_is_told_without_what_is_nobody_s_business(error, text):
    send, _ = sending(raising(error))
    outcome = await send()
    assert (outcome.status, outcome.error, outcome.delivered) == (None, text, False)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        (URL, ["10.0.0.1"]),
        ("https://127.0.0.1/hooks?token=hidden", [PUBLIC]),
        ("http://crm.example.com/hooks?token=hidden", [PUBLIC]),
    ],
)
async def test_an_address_that_is_refused_is_a_failure(url, addresses):
    send, requests = sending(answer(), addresses=addresses)
    outcome = await send(url)
    assert outcome.status is None
    assert "V2V_ALLOWED_HOSTS" in outcome.error
    assert "hidden" not in outcome.error
    assert requests == []


@pytest.mark.anyio
async def test_what_is_no_address_is_a_failure():
    send, _ = sending(answer())
    assert (await send("https://[::1/")).error == "The endpoint could not be reached."


@pytest.mark.anyio
async def test_a_slow_endpoint_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(callbacks, "SECONDS", 0.001)

    class Slow(Recorder):
        async def handle_async_request(self, request):
            await asyncio.Event().wait()

    async with client(Policy(), Slow(), Names([PUBLIC])) as guarded:
        outcome = await Sender(guarded, Secrets({}), Clock()).send(URL, "msg_1", b"{}")
    assert outcome.error == "The endpoint did not answer within 0.001 seconds."


@pytest.mark.anyio
async def test_an_endpoint_that_is_slow_to_end_its_answer_has_answered(monkeypatch):
    monkeypatch.setattr(callbacks, "SECONDS", 0.001)

    send, _ = sending(answer(200, stream=Stalled()))
    outcome = await send()
    assert (outcome.status, outcome.error, outcome.delivered) == (200, None, True)


@pytest.mark.anyio
async def test_a_few_kilobytes_of_an_answer_are_read():
    stream = Chunks(*[b"x" * 1024] * 1000)
    send, _ = sending(answer(200, stream=stream))
    assert (await send()).delivered
    assert 4 <= stream.taken <= 8
    assert stream.closed


@pytest.mark.anyio
async def test_a_compressed_answer_is_left_so():
    send, _ = sending(answer(200, {"Content-Encoding": "gzip"}, Chunks(b"no gzip")))
    assert (await send()).delivered


LOCAL = Policy(frozenset({"127.0.0.1"}))


async def sent_to_this_machine(port):
    async with client(LOCAL) as guarded:
        return await Sender(guarded, Secrets({}), Clock()).send(f"http://127.0.0.1:{port}/", "msg_1", b"{}")


@pytest.mark.anyio
async def test_an_endpoint_on_this_machine_is_called_where_that_is_allowed():
    async with serving(response(200, b"x" * 100_000)) as (port, heads):
        assert (await sent_to_this_machine(port)).delivered
    assert heads[0].startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.anyio
@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"SSH-2.0-OpenSSH_9.2\r\n"])
async def test_a_connection_that_is_dropped_is_a_failure(part):
    async with serving(part, keep=False) as (port, _):
        outcome = await sent_to_this_machine(port)
    assert (outcome.status, outcome.error) == (None, "The endpoint broke off before it answered.")


@pytest.mark.anyio
async def test_a_connection_that_is_dropped_after_the_status_has_delivered():
    async with serving(response(200, b"answer")[:-1], keep=False) as (port, _):
        assert (await sent_to_this_machine(port)).delivered


@pytest.mark.anyio
async def test_a_port_where_nobody_listens_is_a_failure():
    async with serving(b"") as (port, _):
        pass
    outcome = await sent_to_this_machine(port)
    assert outcome.error == "The endpoint could not be reached."
