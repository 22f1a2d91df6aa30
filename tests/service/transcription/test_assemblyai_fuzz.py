"""Whatever AssemblyAI answers, the client gives one of the port's four answers, and nothing that cannot be kept."""

import functools
import io
import itertools
import json

import anyio
import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from service.transcription import Order, Phase, Refused, Request, Transcript, Unavailable, Waiting
from service.transcription.assemblyai import AssemblyAI

UPLOAD = "https://cdn.assemblyai.com/upload/1"
ID = "9ea68fd3-f953-42c1-9742-976c447fb463"
ORDERS = [
    Order(),
    Order(Phase.uploaded, UPLOAD),
    Order(Phase.submitting, UPLOAD),
    Order(Phase.submitted, UPLOAD, ID),
]

WORD = {"text": "Hello", "start": 10, "end": 90, "confidence": 0.9, "channel": None, "speaker": "A"}
VALID = [
    {"upload_url": UPLOAD},
    {"error": "Bad request"},
    {
        "page_details": {"limit": 200, "result_count": 1, "current_url": UPLOAD, "prev_url": UPLOAD, "next_url": None},
        "transcripts": [{"id": ID, "status": "queued", "audio_url": UPLOAD, "error": None}],
    },
    *(
        {
            "id": ID,
            "status": status,
            "audio_url": UPLOAD,
            "error": "It failed.",
            "language_code": "en",
            "text": "Hello",
            "confidence": 0.9,
            "words": [WORD],
            "utterances": utterances,
        }
        for status in ("queued", "processing", "completed", "error")
        for utterances in (None, [{**WORD, "words": [WORD]}])
    ),
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "completed", "queued", "error", "", "../../x", ID, UPLOAD, -1, 10**30, "NaN"])
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def _places(value, here=()):
    """The path of every value inside ``value``, itself included."""
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*here, key))


def _replaced(value, place, new):
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = _replaced(value[place[0]], place[1:], new)
    return copy


@st.composite
def mutated(draw):
    """An answer as the document has it, with something in it replaced by something else."""
    value = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(0, 2))):
        value = _replaced(value, draw(st.sampled_from(list(_places(value)))), draw(values))
    return value


bodies = (
    (mutated() | values).map(lambda value: json.dumps(value).encode())
    | st.binary()
    | mutated().flatmap(lambda value: st.sampled_from(range(40)).map(lambda cut: json.dumps(value).encode()[:-cut]))
)
answers = st.tuples(
    st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 422, 429, 500, 503, 504]) | st.just(200),
    st.sampled_from([{}, {"Retry-After": "5"}, {"Retry-After": "x"}, {"Content-Encoding": "gzip"}]) | st.just({}),
    bodies,
)


async def outcome(order, given_answers, *, forget=False, separate=False):
    """What the client makes of these answers, given in turn; an error of the port is returned."""

    def answer(_):
        status, headers, body = next(turns)
        return httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(body))

    turns = itertools.cycle(given_answers)
    client = AssemblyAI(
        api_key=SecretStr("key"),
        base_url="https://api.assemblyai.com",
        speech_models=("universal-2",),
        redact_pii=False,
        public_url="",
        transport=httpx2.MockTransport(answer),
        clock=lambda: 1_800_000_000.0,
    )
    try:
        if forget:
            return await client.forget(order)
        return await client.advance(Request("an_1", lambda: io.BytesIO(b"RIFF"), separate, None), order)
    except (Unavailable, Refused) as error:
        return error


def check_fit_to_read(error):
    assert error.reason.isprintable()
    assert 0 < len(error.reason) < 400


@settings(max_examples=300)
@given(order=st.sampled_from(ORDERS), separate=st.booleans(), given_answers=st.lists(answers, min_size=1, max_size=2))
def test_any_answer_becomes_one_of_the_ports_answers(order, separate, given_answers):
    answer = anyio.run(functools.partial(outcome, order, given_answers, separate=separate))
    match answer:
        case Unavailable() | Refused():
            check_fit_to_read(answer)
        case Transcript(utterances=utterances):
            assert list(utterances) == sorted(utterances, key=lambda utterance: utterance.start_ms)
            for item in itertools.chain(utterances, *(utterance.words for utterance in utterances)):
                assert 0 <= item.start_ms <= item.end_ms
                assert 0 <= item.confidence <= 1
                assert "\0" not in item.text
                item.text.encode()
        case _:
            assert isinstance(answer, Waiting)


@given(order=st.sampled_from(ORDERS), given_answers=st.lists(answers, min_size=1, max_size=2))
def test_forgetting_is_done_or_tried_again(order, given_answers):
    match anyio.run(functools.partial(outcome, order, given_answers, forget=True)):
        case None:
            pass
        case error:
            assert isinstance(error, Unavailable)
            check_fit_to_read(error)


@given(st.text())
def test_any_reason_is_made_fit_to_read(text):
    body = json.dumps({"error": text}).encode()
    for order in ORDERS[::3]:
        answer = anyio.run(outcome, order, [(400, {}, body)])
        assert isinstance(answer, Unavailable | Refused)
        check_fit_to_read(answer)


def test_what_is_mutated_leads_to_every_answer():
    met = {
        type(anyio.run(outcome, order, [(200, {}, json.dumps(value).encode())])) for value in VALID for order in ORDERS
    }
    assert met == {Waiting, Transcript, Unavailable, Refused}
