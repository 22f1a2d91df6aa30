"""No split of any protocol can be made whose parts share a speaker, a clip or a copy of a recording."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import splits
from training.datasets import Corpus, read_emogator, read_ravdess
from training.datasets.ravdess import ACTOR_FOLDS
from training.splits import LeakageError, Split

# The clips of each corpus that are one take under two names.
TWICE = {
    "RAVDESS": {"03-01-03-01-02-02-07": "03-01-03-01-02-01-07"},
    "EmoGator": {"000160-11-2": "000160-11-1"},
}
SPLITS = ["fold-1", "fold-2", "fold-3", "fold-4", "fold-5", "random-1", "random-2", "random-3", "random-4", "random-5"]


@dataclass(frozen=True)
class Clips:
    """What a split is made of: for each clip who speaks, the class, and which recording it is."""

    speakers: Sequence[str]
    labels: Sequence[str]
    recordings: Sequence[str]
    folds: Sequence[Sequence[str]]
    seed: int

    def speaker_independent(self) -> list[Split]:
        return splits.speaker_independent(self.speakers, self.recordings, self.folds, seed=self.seed)

    def paper(self) -> list[Split]:
        return splits.paper_protocol(self.labels, self.recordings, seed=self.seed)


@st.composite
def made_up(draw: st.DrawFn) -> Clips:
    """Corpora of 10 to 40 speakers and 80 clips or more, some of them copies, some of these under another speaker."""
    seed = draw(st.integers(0, 1000))
    names = [f"speaker-{number}" for number in range(draw(st.integers(10, 40)))]
    folds = splits.random_folds(names, 5, seed=seed)
    fold_of = {name: fold for fold in folds for name in fold}
    labels = draw(st.lists(st.sampled_from("abcd"), min_size=max(80, 3 * len(names)), max_size=160))
    speakers = [names[number % len(names)] for number in range(len(labels))]
    recordings = [f"take-{number}" for number in range(len(labels))]
    for copied in draw(st.lists(st.integers(0, len(labels) - 1), max_size=6)):
        # A copy may bear another name of the same fold: the corpus took one voice for two.
        speakers.append(draw(st.sampled_from(sorted(fold_of[speakers[copied]]))))
        labels.append(labels[copied])
        recordings.append(recordings[copied])
    order = draw(st.permutations(range(len(labels))))
    shuffled = ([column[index] for index in order] for column in (speakers, labels, recordings))
    return Clips(*shuffled, folds, seed)


def parts(split: Split) -> list[np.ndarray]:
    return [split.train, split.validation, split.test]


def nothing_shared(split: Split, names: Sequence[str]) -> bool:
    """Whether no two parts hold the same of ``names``, which has one for each clip of the corpus."""
    held = [{names[index] for index in part} for part in parts(split)]
    return all(held[one].isdisjoint(held[other]) for one, other in ((0, 1), (0, 2), (1, 2)))


def is_a_partition(split: Split, clips: int) -> bool:
    return sorted(np.concatenate(parts(split))) == list(range(clips))


@given(made_up())
def test_every_fold_keeps_speakers_and_every_copy_of_a_recording_on_one_side(clips: Clips) -> None:
    for split in clips.speaker_independent():
        assert nothing_shared(split, clips.speakers)
        assert nothing_shared(split, clips.recordings)
        assert is_a_partition(split, len(clips.labels))
        assert all(map(len, parts(split)))


@given(made_up())
def test_every_random_split_keeps_every_copy_of_a_recording_on_one_side(clips: Clips) -> None:
    for split in clips.paper():
        assert nothing_shared(split, clips.recordings)
        assert is_a_partition(split, len(clips.labels))


@given(made_up())
def test_both_protocols_test_every_clip_once(clips: Clips) -> None:
    for made in (clips.speaker_independent(), clips.paper()):
        assert sorted(np.concatenate([split.test for split in made])) == list(range(len(clips.labels)))


@given(made_up())
def test_test_part_of_a_fold_is_the_fold(clips: Clips) -> None:
    for split, fold in zip(clips.speaker_independent(), clips.folds, strict=True):
        assert {clips.speakers[index] for index in split.test} == set(fold)


@given(made_up())
def test_random_splits_test_a_fifth_and_validate_on_a_tenth_of_the_rest_of_each_class(clips: Clips) -> None:
    takes = dict(zip(clips.recordings, clips.labels, strict=True))
    of_class = Counter(takes.values())
    for split in clips.paper():
        for part, share in ((split.test, 0.2), (split.validation, 0.08)):
            drawn = Counter(takes[name] for name in {clips.recordings[index] for index in part})
            for label, count in of_class.items():
                assert abs(drawn[label] - share * count) <= 1


@given(st.integers(0, 1000))
def test_a_sixth_of_each_other_fold_is_for_validation(seed: int) -> None:
    speakers = [f"speaker-{number}" for number in range(60)]
    folds = splits.random_folds(speakers, 5, seed=seed)
    for number, split in enumerate(splits.speaker_independent(speakers, speakers, folds, seed=seed)):
        held = {speakers[index] for index in split.validation}
        assert [len(held & set(fold)) for fold in folds] == [0 if other == number else 2 for other in range(5)]


@given(made_up())
def test_same_seed_gives_the_same_splits(clips: Clips) -> None:
    for first, second in ((clips.speaker_independent(), clips.speaker_independent()), (clips.paper(), clips.paper())):
        for one, other in zip(first, second, strict=True):
            assert all(map(np.array_equal, parts(one), parts(other)))


def test_another_seed_gives_other_splits() -> None:
    labels, names = ["a", "b"] * 50, [f"{index:03}" for index in range(100)]
    folds = splits.random_folds(names, 5, seed=0)
    one, other = (splits.paper_protocol(labels, names, seed=seed)[0] for seed in (7, 8))
    assert not np.array_equal(one.test, other.test)
    one, other = (splits.speaker_independent(names, names, folds, seed=seed)[0] for seed in (7, 8))
    assert not np.array_equal(one.validation, other.validation)
    assert splits.random_folds(names, 5, seed=1) != folds


@given(st.integers(5, 60), st.integers(0, 100))
def test_random_folds_hold_every_speaker_once_and_are_of_equal_size(speakers: int, seed: int) -> None:
    names = [f"{number:02}" for number in range(speakers)]
    folds = splits.random_folds([*names, *names], 5, seed=seed)
    assert sorted(name for fold in folds for name in fold) == names
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


@pytest.fixture(scope="module", params=["RAVDESS", "EmoGator"])
def corpus(request: pytest.FixtureRequest, shared: Path) -> Corpus:
    reader = {"RAVDESS": read_ravdess, "EmoGator": read_emogator}[request.param]
    return reader(shared / "data" / request.param.lower())


@pytest.fixture(scope="module")
def real(corpus: Corpus) -> Clips:
    speakers = [clip.speaker for clip in corpus.clips]
    twice = TWICE[corpus.name]
    return Clips(
        speakers,
        [clip.label for clip in corpus.clips],
        [twice.get(clip.key, clip.key) for clip in corpus.clips],
        [[f"actor-{actor:02}" for actor in fold] for fold in ACTOR_FOLDS]
        if corpus.name == "RAVDESS"
        else splits.random_folds(speakers, 5, seed=0),
        0,
    )


def test_no_split_of_a_real_corpus_shares_anything(corpus: Corpus, real: Clips) -> None:
    made = [*real.speaker_independent(), *real.paper()]
    assert [split.name for split in made] == SPLITS
    assert len(set(real.recordings)) == len(corpus.clips) - 1
    for split in made:
        assert is_a_partition(split, len(corpus.clips))
        assert nothing_shared(split, real.recordings)
    for split in made[:5]:
        assert nothing_shared(split, real.speakers)
    for five in (made[:5], made[5:]):
        assert sorted(np.concatenate([split.test for split in five])) == list(range(len(corpus.clips)))


def test_all_parts_of_a_real_corpus_hold_the_classes_in_proportion(corpus: Corpus, real: Clips) -> None:
    overall = Counter(real.labels)
    for split in [*real.speaker_independent(), *real.paper()]:
        for part in parts(split):
            held = Counter(real.labels[index] for index in part)
            for label in corpus.labels:
                assert held[label] / len(part) == pytest.approx(overall[label] / len(corpus.clips), abs=0.005)


def test_a_fifth_of_a_real_corpus_is_tested_and_about_a_tenth_is_for_validation(corpus: Corpus, real: Clips) -> None:
    for split in [*real.speaker_independent(), *real.paper()]:
        assert len(split.test) / len(corpus.clips) == pytest.approx(0.2, abs=0.04)
        assert 0.07 < len(split.validation) / len(corpus.clips) < 0.18


@pytest.mark.parametrize(
    ("parts_of", "sides"),
    [
        (([0, 1], [2], [3]), "train and test share ann"),
        (([1, 2], [0], [3]), "validation and test share ann"),
        (([0, 1], [1], [2]), "train and validation share bob"),
    ],
)
def test_split_that_shares_a_speaker_or_a_clip_cannot_be_made(parts_of: tuple[list[int], ...], sides: str) -> None:
    with pytest.raises(LeakageError, match=f"leaky: {sides}$"):
        Split("leaky", *map(np.array, parts_of), ["ann", "bob", "cyd", "ann"])


def test_recording_shared_by_speakers_of_different_folds_is_refused() -> None:
    speakers = ["ann", "bob", "cyd", "dan", "eve"]
    with pytest.raises(LeakageError, match="fold-1: validation and test share ann"):
        splits.speaker_independent(speakers, ["x", "x", "1", "2", "3"], [[name] for name in speakers], seed=0)


def test_speakers_who_share_recordings_through_others_count_as_one() -> None:
    speakers = [f"{number:02}" for number in range(40) for _ in range(2)]
    recordings = [f"take-{index}" for index in range(80)]
    # 00 with 01, 01 with 02: the copies of 00 and 02 have nothing in common but 01.
    recordings[2], recordings[5] = recordings[0], recordings[3]
    folds = [[f"{number:02}" for number in range(start, start + 8)] for start in range(0, 40, 8)]
    chosen = 0
    for seed in range(20):
        for split in splits.speaker_independent(speakers, recordings, folds, seed=seed):
            sides = [{speakers[index] for index in part} & {"00", "01", "02"} for part in parts(split)]
            assert sorted(map(len, sides)) == [0, 0, 3]
            chosen += len(sides[1]) == 3
    assert chosen
