import pytest

from service.inference.emoji import spell_out


@pytest.mark.parametrize(
    ("text", "spelled_out"),
    [
        ("Thanks 👍", "Thanks thumbs up"),
        ("😂😂", "with tears of joy with tears of joy"),
        ("I ❤ it", "I heart it"),
        ("good👍🏽job", "good thumbs up job"),
        ("no emoji: é, 日本, ©", "no emoji: é, 日本, ©"),
        ("", ""),
    ],
)
def test_emoji_become_their_names(text, spelled_out):
    assert spell_out(text).split() == spelled_out.split()


def test_what_is_spelled_out_stays_as_it_is():
    once = spell_out("😡 and 🙃")
    assert spell_out(once) == once
