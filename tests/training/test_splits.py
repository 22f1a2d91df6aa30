"""No split can be made whose parts share a speaker or a recording."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import splits
from training.splits import LeakageError, Split

corpora = st.integers(10, 40).flatmap(
    lambda speakers: st.lists(
        st.tuples(st.integers(0, speakers - 1), st.sampled_from("abc")), min_size=4 * speakers, max_size=6 * speakers
    ).map(lambda clips: [(number % speakers, label) for number, (_, label) in enumerate(clips)])
)


def parts(split: Split) -> list[np.ndarray]:
    return [split.train, split.validation, split.test]


@given(corpora, st.integers(0, 1000))
def test_speaker_independent_folds_test_every_clip_once_and_share_no_speaker(
    clips: Sequence[tuple[int, str]], seed: int
) -> None:
    speakers = [f"speaker-{speaker}" for speaker, _ in clips]
    recordings = [str(index) for index in range(len(clips))]
    folds = splits.random_folds(speakers, 5, seed=seed)
    made = splits.speaker_independent(speakers, recordings, folds, seed=seed)
    tested = np.concatenate([split.test for split in made])
    assert sorted(tested) == list(range(len(clips)))
    for split in made:
        assert sorted(np.concatenate(parts(split))) == list(range(len(clips)))
        heard = [{speakers[index] for index in part} for part in parts(split)]
        assert not heard[0] & heard[1]
        assert not heard[0] & heard[2]
        assert not heard[1] & heard[2]
        assert all(heard)


@given(st.lists(st.sampled_from("abcd"), min_size=80, max_size=200), st.integers(0, 1000), st.data())
def test_paper_protocol_keeps_copies_together_and_classes_in_proportion(
    labels: Sequence[str], seed: int, data: st.DataObject
) -> None:
    copies = data.draw(st.sets(st.integers(0, len(labels) - 1), max_size=5))
    labels = [*labels, *(labels[index] for index in sorted(copies))]
    recordings = [*map(str, range(len(labels) - len(copies))), *map(str, sorted(copies))]
    split = splits.paper_protocol(labels, recordings, seed=seed)
    sides = [{recordings[index] for index in part} for part in parts(split)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert sorted(np.concatenate(parts(split))) == list(range(len(labels)))
    assert len(split.test) / len(labels) == pytest.approx(0.2, abs=0.08)


def test_same_seed_gives_the_same_split() -> None:
    labels, recordings = ["a", "b"] * 50, [str(index) for index in range(100)]
    first, second = (splits.paper_protocol(labels, recordings, seed=7) for _ in range(2))
    assert np.array_equal(first.test, second.test)
    assert not np.array_equal(first.test, splits.paper_protocol(labels, recordings, seed=8).test)


def test_split_that_shares_a_speaker_cannot_be_made() -> None:
    with pytest.raises(LeakageError, match="train and test share"):
        Split("leaky", np.array([0, 1]), np.array([2]), np.array([3]), ["ann", "bob", "cyd", "ann"])


def test_clip_on_two_sides_cannot_be_made() -> None:
    with pytest.raises(LeakageError, match="train and validation share"):
        Split("leaky", np.array([0, 1]), np.array([1]), np.array([2]), ["ann", "bob", "cyd"])


def test_recording_shared_by_speakers_of_different_folds_is_refused() -> None:
    speakers = ["ann", "bob", "cyd", "dan", "eve"]
    with pytest.raises(LeakageError, match="folds 1 and 2 share the recording x"):
        splits.speaker_independent(speakers, ["x", "x", "1", "2", "3"], [[name] for name in speakers], seed=0)
