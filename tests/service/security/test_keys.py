"""API keys by themselves: what they look like, and what is kept of them."""

import hashlib
import os
import re

import pytest

from service.security.keys import hashed, matches, new_key, prefix_of


def test_a_key_holds_its_prefix_and_a_secret():
    key, prefix = new_key(os.urandom)
    assert re.fullmatch(r"v2v_[a-z2-7]{16}_[a-z2-7]{52}", key)
    assert prefix_of(key) == prefix == key[4:20]


def test_prefix_and_secret_are_drawn_apart():
    drawn = []

    def entropy(count: int) -> bytes:
        drawn.append(count)
        return bytes([len(drawn)]) * count

    key, prefix = new_key(entropy)
    assert drawn == [10, 32]
    assert key.removeprefix(f"v2v_{prefix}_")[:16] != prefix


def test_no_two_are_alike():
    assert len({new_key(os.urandom) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v2v_",
        "v2v__",
        "ünïcode\n",
        f"v2v_{'a' * 16}",
        f"v2v_{'a' * 16}_{'a' * 51}",
        f"v2v_{'a' * 15}1_{'a' * 52}",
        f"V2V_{'a' * 16}_{'a' * 52}",
        f" v2v_{'a' * 16}_{'a' * 52}",
        f"v2v_{'a' * 16}_{'a' * 52}\n",
    ],
)
def test_what_is_no_key_has_no_prefix(text):
    assert prefix_of(text) is None


def test_only_the_key_itself_matches_what_is_kept_of_it():
    key, prefix = new_key(os.urandom)
    other, _ = new_key(os.urandom)
    kept = hashed(key)
    assert kept == hashlib.sha256(key.encode()).hexdigest()
    assert matches(key, kept)
    assert not matches(other, kept)
    assert not matches(f"v2v_{prefix}_{other[-52:]}", kept)
    assert not matches(f"{key[:-1]}{'b' if key[-1] == 'a' else 'a'}", kept)
