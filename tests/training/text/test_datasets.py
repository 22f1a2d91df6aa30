import shutil
from pathlib import Path

import pytest

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from training.datasets.clips import CorpusError
from training.text.datasets import Example, fingerprint, read_corpora, read_goemotions, read_meld, read_sst5


@pytest.fixture
def folder(corpora_folder: Path, tmp_path: Path) -> Path:
    """The tiny corpora in a folder of the test's own."""
    return shutil.copytree(corpora_folder, tmp_path / "data")


def test_sst5_joins_the_outer_classes_and_restores_spellings(folder):
    (folder / "sst5" / "stsa.fine.train").write_text(
        "0 awful\n1 bad\n2 a film\n3 good -lrb- mostly -rrb-\n4 it does n't fail\n", encoding="utf-8"
    )
    assert read_sst5(folder / "sst5").train == (
        Example("awful", "negative"),
        Example("bad", "negative"),
        Example("a film", "neutral"),
        Example("good ( mostly )", "positive"),
        Example("it doesn't fail", "positive"),
    )


def test_meld_reads_quoted_utterances(folder):
    (folder / "meld" / "dev_sent_emo.csv").write_text(
        'Sr No.,Utterance,Emotion,Sentiment\n1,"Oh, ""no"".",fear,negative\n2,"Two\nlines",neutral,neutral\n',
        encoding="utf-8",
    )
    assert read_meld(folder / "meld").dev == (
        Example('Oh, "no".', "negative", ("fear",)),
        Example("Two\nlines", "neutral", ("neutral",)),
    )


def test_goemotions_has_a_sentiment_where_its_labels_agree(folder):
    (folder / "goemotions" / "labels.txt").write_text("anger\nneutral\njoy\nsurprise\nlove\n", encoding="utf-8")
    (folder / "goemotions" / "test.tsv").write_text(
        "two kinds of joy\t2,4\ta\nmixed\t0,2\tb\nambiguous\t3\tc\njoy and surprise\t2,3\td\nplain\t1\te\n",
        encoding="utf-8",
    )
    assert read_goemotions(folder / "goemotions").test == (
        Example("two kinds of joy", "positive", ("joy",), ("joy", "love")),
        Example("mixed", None, ("anger", "joy"), ("anger", "joy")),
        Example("ambiguous", None, ("surprise",), ("surprise",)),
        Example("joy and surprise", None, ("joy", "surprise"), ("joy", "surprise")),
        Example("plain", "neutral", ("neutral",), ("neutral",)),
    )


def test_no_text_is_trained_on_that_any_corpus_holds_out(folder):
    with (folder / "goemotions" / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("Held  OUT of sst5\t1\tid\nnot held out\t1\tid\n")
    with (folder / "sst5" / "stsa.fine.test").open("a", encoding="utf-8") as file:
        file.write("2 held out of SST5\n")
    texts = [example.text for corpus in read_corpora(folder) for example in corpus.train]
    assert "not held out" in texts
    assert "Held  OUT of sst5" not in texts


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("sst5/stsa.fine.dev", "3 fine\n5 no such class\n", 2),
        ("sst5/stsa.fine.dev", "3 fine\n2 \n", 2),
        ("meld/test_sent_emo.csv", "Utterance,Sentiment,Emotion\nfine,positive,joy\nodd,mixed,joy\n", 3),
        ("meld/test_sent_emo.csv", "Utterance,Sentiment,Emotion\nfine,positive,joy\nodd,neutral,bored\n", 3),
        ("meld/test_sent_emo.csv", "Utterance,Emotion\nfine,joy\n", 1),
        ("meld/test_sent_emo.csv", "Utterance,Sentiment,Emotion\nshort\n", 2),
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
    (folder / "goemotions" / "dev.tsv").write_text("", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dev\.tsv"):
        read_corpora(folder)


def test_bytes_that_are_not_utf8_are_named(folder):
    (folder / "sst5" / "stsa.fine.test").write_bytes(b"3 caf\xe9\n")
    with pytest.raises(CorpusError, match=r"stsa\.fine\.test.*\n.*UTF-8"):
        read_corpora(folder)


def test_the_fingerprint_changes_with_any_byte(folder):
    before = fingerprint(read_corpora(folder))
    assert fingerprint(read_corpora(folder)) == before
    with (folder / "meld" / "dev_sent_emo.csv").open("a", encoding="utf-8") as file:
        file.write("more,neutral,neutral\n")
    assert fingerprint(read_corpora(folder)) != before


def test_the_published_corpora_have_their_published_sizes(shared):
    sst5, meld, goemotions = read_corpora(shared / "data")
    assert [len(part) for part in (sst5.dev, sst5.test)] == [1101, 2210]
    assert [len(part) for part in (meld.dev, meld.test)] == [1109, 2610]
    assert [len(part) for part in (goemotions.dev, goemotions.test)] == [5426, 5427]
    published = (8544, 9989, 43410)
    left_out = [whole - len(corpus.train) for whole, corpus in zip(published, (sst5, meld, goemotions), strict=True)]
    assert left_out == [4, 1048, 172]  # texts such as "Yeah.", which a dev or test part holds too


def test_the_published_labels_are_all_there(shared):
    _, meld, goemotions = read_corpora(shared / "data")
    assert {example.sentiment for example in meld.test} == set(SENTIMENTS)
    assert {emotion for example in meld.test for emotion in example.emotions} == set(TEXT_EMOTIONS)
    assert {emotion for example in goemotions.test for emotion in example.fine_emotions} == set(GOEMOTIONS)
    assert sum(example.sentiment is not None for example in goemotions.test) == 4539
