import base64
import json
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from service.security.webhooks import Secrets, new_secret, sign
from service.settings import Settings, SettingsError, load_settings

A, B, C = (new_secret(bytes([number]) * 32) for number in range(3))
KEY_A, KEY_B, KEY_C = (bytes([number]) * 32 for number in range(3))

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1)
keys = st.binary(min_size=24, max_size=64)


def now():
    return int(datetime.now(UTC).timestamp())


def verified(secret, message_id, timestamp_s, signature, body):
    """What a receiver with the reference library takes for the body."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp_s), "webhook-signature": signature}
    return Webhook(secret).verify(body, headers)


@given(key=keys, message_id=texts, body=st.dictionaries(st.text(), st.integers()))
def test_the_reference_library_verifies_a_signature(key, message_id, body):
    raw, timestamp_s = json.dumps(body).encode(), now()
    signature = sign([key], message_id, timestamp_s, raw)
    assert verified(new_secret(key), message_id, timestamp_s, signature, raw) == body


@given(keys=st.lists(keys, min_size=1, max_size=5, unique=True), data=st.data())
def test_any_one_of_several_secrets_verifies_it(keys, data):
    timestamp_s = now()
    signature = sign(keys, "msg_1", timestamp_s, b"{}")
    assert len(signature.split(" ")) == len(keys)
    assert verified(new_secret(data.draw(st.sampled_from(keys))), "msg_1", timestamp_s, signature, b"{}") == {}


def test_a_secret_is_replaced_without_a_gap():
    for live in ([KEY_A], [KEY_A, KEY_B], [KEY_B, KEY_A]):
        assert verified(A, "msg_1", now(), sign(live, "msg_1", now(), b"{}"), b"{}") == {}
    for live in ([KEY_A, KEY_B], [KEY_B, KEY_A], [KEY_B]):
        assert verified(B, "msg_1", now(), sign(live, "msg_1", now(), b"{}"), b"{}") == {}
    with pytest.raises(WebhookVerificationError):
        verified(A, "msg_1", now(), sign([KEY_B], "msg_1", now(), b"{}"), b"{}")


@pytest.mark.parametrize("changed", ["message_id", "timestamp_s", "body"])
def test_whatever_is_signed_cannot_be_changed(changed):
    message = {"message_id": "msg_1", "timestamp_s": now(), "body": b"{}"}
    signature = sign([KEY_A], **message)
    message[changed] = {"message_id": "msg_2", "timestamp_s": message["timestamp_s"] - 1, "body": b"{ }"}[changed]
    with pytest.raises(WebhookVerificationError):
        verified(A, signature=signature, **message)


def test_the_specification_s_form():
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(key=keys)
def test_a_new_secret_is_one_that_is_taken(key):
    secret = new_secret(key)
    assert secret.startswith("whsec_")
    assert Secrets({"*": [secret]}).of("https://crm.example.com/") == (key,)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/hooks",
        "https://crm.example.com/hooks/",
        "https://crm.example.com/hooks/1?token=x",
        "https://crm.example.com/hooks?token=/../",
        "HTTPS://CRM.example.com:443/hooks",
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_beginning_counts_for_what_is_under_it(url, slash):
    assert Secrets({f"https://crm.example.com/hooks{slash}": [A]}).of(url) == (KEY_A,)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com.evil.org/hooks",
        "https://crm.example.community/hooks",
        "https://crm.example.com@evil.org/hooks",
        "https://evil.org/https://crm.example.com/hooks",
        "https://crm.example.com:8443/hooks",
        "http://crm.example.com/hooks",
        "http://crm.example.com:443/hooks",
        "https://crm.example.com/hooks2",
        "https://crm.example.com/hooks%2F1",
        "https://crm.example.com/hooks/../other",
        "https://crm.example.com/",
        "https://crm.example.com",
    ],
)
def test_a_beginning_counts_for_nothing_else(url):
    assert Secrets({"https://crm.example.com/hooks": [A]}).of(url) == ()


@pytest.mark.parametrize("beginning", ["https://crm.example.com", "https://crm.example.com/"])
def test_a_beginning_without_a_path_counts_for_the_whole_host(beginning):
    secrets = Secrets({beginning: [A]})
    assert secrets.of("https://crm.example.com") == secrets.of("https://crm.example.com/any") == (KEY_A,)
    assert secrets.of("https://crm.example.com.evil.org/") == ()


def test_the_longest_beginning_counts_and_a_star_is_any_other():
    secrets = Secrets({"*": [A], "https://crm.example.com:443/": [B], "https://crm.example.com/hooks": [C, A]})
    assert secrets.of("https://other.example.com/hooks") == (KEY_A,)
    assert secrets.of("https://crm.example.com/other") == (KEY_B,)
    assert secrets.of("https://crm.example.com/hooks/1") == (KEY_C, KEY_A)


def test_without_secrets_nothing_counts():
    assert Secrets({}).of("https://crm.example.com/") == ()


def test_what_is_no_address_has_no_secrets():
    with pytest.raises(httpx2.InvalidURL):
        Secrets({"*": [A]}).of("https://[::1/")


def test_a_host_that_the_operator_allows_may_speak_http():
    assert Secrets({"http://crm.internal:8080/": [A]}).of("http://crm.internal:8080/hooks") == (KEY_A,)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"*": A},
        {"*": []},
        {"*": [A] * 6},
        {"*": [1]},
        {"*": [""]},
        {"*": [A.removeprefix("whsec_")]},
        {"*": ["whsec_"]},
        {"*": [new_secret(b"x" * 23)]},
        {"*": [new_secret(b"x" * 65)]},
        {"*": [A + "!"]},
        {"*": [A.rstrip("=")]},
        {"*": [A + "é"]},
        {"": [A]},
        {"crm.example.com": [A]},
        {"ftp://crm.example.com": [A]},
        {"https://": [A]},
        {"https://user@crm.example.com": [A]},
        {"https://crm.example.com/?a=1": [A]},
        {"https://crm.example.com/#a": [A]},
        {"https://[::1": [A]},
        {"https://*.example.com": [A], A: ["https://crm.example.com"]},
    ],
)
def test_anything_else_is_refused(value, monkeypatch):
    with pytest.raises(ValidationError):
        Secrets(value)
    monkeypatch.setenv("V2V_CALLBACK_SECRETS", json.dumps(value))
    with pytest.raises(SettingsError) as refused:
        load_settings()
    for line in str(refused.value).splitlines():
        assert line.startswith("V2V_CALLBACK_SECRETS=…: ")
    assert "whsec_A" not in str(refused.value)


@pytest.mark.parametrize("text", ["whsec_AAAA", "{whsec_AAAA", '{"*": ["whsec_AAAA"]', "null", '"whsec_AAAA"'])
def test_a_variable_that_is_not_json_of_secrets_is_refused_without_showing_it(text, monkeypatch):
    monkeypatch.setenv("V2V_CALLBACK_SECRETS", text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("V2V_CALLBACK_SECRETS=…: ")
    assert "whsec_A" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_variable_is_json(monkeypatch):
    monkeypatch.setenv("V2V_CALLBACK_SECRETS", json.dumps({"https://crm.example.com/": [A, B]}))
    assert load_settings().callback_secrets.of("https://crm.example.com/hooks") == (KEY_A, KEY_B)


@pytest.mark.parametrize("value", [{"*": [A + "!"]}, {"*": A}, {"crm.example.com": [A]}])
@pytest.mark.parametrize("made", [Secrets, lambda value: Settings(callback_secrets=value)])
def test_an_error_does_not_show_what_was_refused(made, value):
    with pytest.raises(ValidationError) as caught:
        made(value)
    assert "whsec_A" not in str(caught.value)


def test_secrets_are_not_shown():
    secrets = Secrets({"*": [A]})
    settings = Settings(callback_secrets=secrets)
    for text in (repr(secrets), str(secrets), repr(settings), str(settings), settings.model_dump_json()):
        assert A.removeprefix("whsec_")[:8] not in text
        assert repr(KEY_A) not in text
