import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.headers import (
    MalformedIdempotencyKey,
    Preferences,
    applied,
    idempotency_key,
    preferences,
)

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)
tokens = st.text(st.sampled_from("!#$%&'*+.^_`|~-019azAZ"), min_size=1, max_size=8)
spaces = st.text(st.sampled_from(" \t"), max_size=2)
headers = st.text(st.characters(max_codepoint=0xFF))  # as Latin-1 is read
NOTHING = Preferences()


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class TestIdempotencyKey:
    def test_no_header_is_no_key(self):
        assert idempotency_key(None) is None

    @pytest.mark.parametrize(
        ("value", "key"),
        [
            ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ('"a"', "a"),
            ('" a "', " a "),
            ('  "a"  ', "a"),
            (r'"a\"b\\c"', r'a"b\c'),
            ('"' + "a" * 255 + '"', "a" * 255),
            ('"' + '\\"' * 255 + '"', '"' * 255),
        ],
    )
    def test_a_string_is_a_key(self, value, key):
        assert idempotency_key(value) == key

    @pytest.mark.parametrize(
        "value",
        [
            "",
            '""',
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "'a'",
            '"a',
            'a"',
            '"',
            '"a""b"',
            '"a", "b"',
            '"a";b=1',
            r'"a\b"',
            '"a\\"',
            '"größe"',
            '"a\tb"',
            '"a\nb"',
            '"a\x7f"',
            '\t"a"',
            "12",
            "?1",
            ":YQ==:",
            '"' + "a" * 256 + '"',
        ],
    )
    def test_anything_else_is_malformed(self, value):
        with pytest.raises(MalformedIdempotencyKey, match='such as Idempotency-Key: "8e03978e-') as caught:
            idempotency_key(value)
        assert caught.value.status == 400

    @given(key=printable)
    def test_what_was_quoted_comes_back(self, key):
        assert idempotency_key(quoted(key)) == key

    @given(value=headers)
    def test_whatever_is_sent_it_is_a_key_or_malformed(self, value):
        try:
            key = idempotency_key(value)
        except MalformedIdempotencyKey:
            return
        assert quoted(key) == value.strip(" ")


class TestPreferences:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([], NOTHING),
            ([""], NOTHING),
            (["respond-async"], Preferences(respond_async=True)),
            (["Respond-Async"], Preferences(respond_async=True)),
            (['respond-async=""'], Preferences(respond_async=True)),
            (["respond-async="], Preferences(respond_async=True)),
            (["respond-async;why=now"], Preferences(respond_async=True)),
            (["wait=10"], Preferences(wait=10)),
            (["wait=0"], Preferences(wait=0)),
            (["WAIT = 10 ; x"], Preferences(wait=10)),
            (['wait="10"'], Preferences(wait=10)),
            (['wait="\\10"'], Preferences(wait=10)),
            (["respond-async, wait=10"], Preferences(respond_async=True, wait=10)),
            (["respond-async", "wait=10"], Preferences(respond_async=True, wait=10)),
            ([",, respond-async ,,wait=10,"], Preferences(respond_async=True, wait=10)),
            (['return=minimal; a="x, wait=1", wait=10'], Preferences(wait=10)),
            (['foo="\\", wait=1", wait=10'], Preferences(wait=10)),
            (["wait=10, wait=20"], Preferences(wait=10)),
            (["wait=10", "wait=20"], Preferences(wait=10)),
            (["wait=99999999999999999999"], Preferences(wait=2**31)),
        ],
    )
    def test_what_is_preferred_is_read(self, values, expected):
        assert preferences(values) == expected

    @pytest.mark.parametrize(
        "value",
        [
            "handling=lenient",
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "wait=soon",
            "wait=١٢",
            'wait="10',
            "wait=10 20",
            "wait 10",
            'respond-async="yes"',
            "respond-async=1",
            "respond async",
            "respond-async()",
            '"respond-async"',
            '"respond-async, wait=10',
            "=wait",
            "no-wait=10",
        ],
    )
    def test_what_is_unknown_or_malformed_is_ignored(self, value):
        assert preferences([value]) == NOTHING
        assert preferences([value, ""]) == NOTHING

    def test_what_is_malformed_takes_nothing_else_with_it(self):
        assert preferences(["(what), respond-async, wait=?, wait=10"]) == Preferences(respond_async=True, wait=10)

    def test_of_two_values_the_first_counts_though_it_means_nothing(self):
        assert preferences(["wait=soon, wait=10"]) == NOTHING

    @given(values=st.lists(headers))
    def test_no_header_is_an_error(self, values):
        found = preferences(values)
        assert found.wait is None or 0 <= found.wait <= 2**31

    @given(
        wait=st.integers(0, 10**6),
        others=st.lists(st.tuples(tokens.filter(lambda name: name.lower() != "wait"), headers)),
        padding=spaces,
        data=st.data(),
    )
    def test_a_preference_is_found_among_others(self, wait, others, padding, data):
        text = [f"{padding}{name}{padding}={padding}{quoted(value)}{padding}" for name, value in others]
        text.insert(data.draw(st.integers(0, len(text))), f"{padding}wait{padding}={padding}{wait}")
        assert preferences([",".join(text)]).wait == wait
        assert preferences(text).wait == wait

    @pytest.mark.parametrize("unit", ['"\\', " ", 'a="', "a;", ",a ", '"', "a=b ", ";", "\\"])
    def test_a_long_header_is_read_in_one_pass(self, unit):
        preferences(["respond-async" + unit * 30_000 + "("])  # takes minutes where it is not

    @given(st.builds(Preferences, st.booleans(), st.none() | st.integers(0, 2**31).map(float)))
    def test_what_is_applied_reads_as_it_was(self, wanted):
        text = applied(wanted)
        assert (text is None) == (wanted == NOTHING)
        assert preferences([text or ""]) == wanted

    def test_what_is_applied_is_said_in_the_standard_s_words(self):
        assert applied(Preferences(respond_async=True, wait=10)) == "respond-async, wait=10"
        assert applied(Preferences(wait=30)) == "wait=30"
        assert applied(NOTHING) is None
