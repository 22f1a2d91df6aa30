import shutil
from pathlib import Path

import pytest

from service.emotions import SENTIMENTS
from training.datasets.clips import CorpusError
from training.text.datasets import Example, fingerprint, read_corpora, read_goemotions, read_meld, read_sst5

NEGATIVE, NEUTRAL, POSITIVE = range(3)


@pytest.fixture
def folder(corpora_folder: Path, tmp_path: Path) -> Path:
    """The tiny corpora in a folder of the test's own."""
    return shutil.copytree(corpora_folder, tmp_path / "data")


def test_sst5_joins_the_outer_classes_and_restores_spellings(folder):
    (folder / "sst5" / "stsa.fine.train").write_text(
        "0 awful\n1 bad\n2 a film\n3 good -lrb- mostly -rrb-\n4 it does n't fail\n", encoding="utf-8"
    )
    assert read_sst5(folder / "sst5").train == (
        Example("awful", NEGATIVE),
        Example("bad", NEGATIVE),
        Example("a film", NEUTRAL),
        Example("good ( mostly )", POSITIVE),
        Example("it doesn't fail", POSITIVE),
    )


def test_meld_reads_quoted_utterances(folder):
    (folder / "meld" / "dev_sent_emo.csv").write_text(
        'Sr No.,Utterance,Sentiment\n1,"Oh, ""no"".",negative\n2,"Two\nlines",neutral\n', encoding="utf-8"
    )
    assert read_meld(folder / "meld").dev == (Example('Oh, "no".', NEGATIVE), Example("Two\nlines", NEUTRAL))


def test_goemotions_drops_mixed_and_ambiguous_texts(folder):
    (folder / "goemotions" / "labels.txt").write_text("anger\nneutral\njoy\nsurprise\nlove\n", encoding="utf-8")
    (folder / "goemotions" / "test.tsv").write_text(
        "two kinds of joy\t2,4\ta\nmixed\t0,2\tb\nemotion and neutral\t1,2\tc\nambiguous\t3\td\n"
        "joy and surprise\t2,3\te\nplain\t1\tf\n",
        encoding="utf-8",
    )
    assert read_goemotions(folder / "goemotions").test == (
        Example("two kinds of joy", POSITIVE),
        Example("plain", NEUTRAL),
    )


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("sst5/stsa.fine.dev", "3 fine\n5 no such class\n", 2),
        ("sst5/stsa.fine.dev", "3 fine\n2 \n", 2),
        ("meld/test_sent_emo.csv", "Utterance,Sentiment\nfine,positive\nodd,mixed\n", 3),
        ("meld/test_sent_emo.csv", "Utterance,Emotion\nfine,joy\n", 1),
        ("meld/test_sent_emo.csv", "Utterance,Sentiment\nshort\n", 2),
        ("goemotions/train.tsv", "fine\t1\tid\nno tabs\n", 2),
        ("goemotions/train.tsv", "fine\t1\tid\nunknown label\t99\tid\n", 2),
        ("goemotions/labels.txt", "anger\nhunger\n", 2),
    ],
)
def test_a_malformed_line_is_named(folder, file, content, line):
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        read_corpora(folder)
    assert Path(file).name in str(caught.value)
    assert f"line {line}:" in str(caught.value)


def test_a_missing_file_is_named(folder):
    (folder / "meld" / "dev_sent_emo.csv").unlink()
    with pytest.raises(CorpusError, match=r"dev_sent_emo\.csv.*\n.*No such file"):
        read_corpora(folder)


def test_an_empty_part_is_named(folder):
    (folder / "goemotions" / "dev.tsv").write_text("surprise only\t3\tid\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dev\.tsv.*\n.*no text"):
        read_corpora(folder)


def test_bytes_that_are_not_utf8_are_named(folder):
    (folder / "sst5" / "stsa.fine.test").write_bytes(b"3 caf\xe9\n")
    with pytest.raises(CorpusError, match=r"stsa\.fine\.test.*\n.*UTF-8"):
        read_corpora(folder)


def test_the_fingerprint_changes_with_any_byte(folder):
    before = fingerprint(read_corpora(folder))
    assert fingerprint(read_corpora(folder)) == before
    with (folder / "meld" / "dev_sent_emo.csv").open("a", encoding="utf-8") as file:
        file.write("more,neutral\n")
    assert fingerprint(read_corpora(folder)) != before


def test_the_published_corpora_have_their_published_sizes(shared):
    sst5, meld, goemotions = read_corpora(shared / "data")
    assert [len(part) for part in (sst5.train, sst5.dev, sst5.test)] == [8544, 1101, 2210]
    assert [len(part) for part in (meld.train, meld.dev, meld.test)] == [9989, 1109, 2610]
    assert [len(part) for part in (goemotions.train, goemotions.dev, goemotions.test)] == [36172, 4547, 4539]
    assert {example.label for example in goemotions.train} == set(range(len(SENTIMENTS)))
