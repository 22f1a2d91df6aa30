"""Training windows differ every time, are the same again for the same seed and epoch, and stray as far as is said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.audio.features import Floats, FrontEnd
from tests.training.made_up import FRONT_ENDS, PLAIN, features_of, noise
from training.augment import Augmentation, Sampler
from training.features import VARIANTS, Features

LENGTHS = (40, 94, 97, 130, 20, 94, 60, 100)
MEL = FrontEnd(n_mels=26)
# Every clip's mel bands, pitch classes and zero crossings side by side, so that all can be looked at.
ALL = FrontEnd(n_mels=26, features=("mel", "chroma", "zcr"))
CHROMA, ZCR = slice(26, 38), slice(38, 39)


@pytest.fixture(params=FRONT_ENDS.values(), ids=FRONT_ENDS)
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    """One for each kind of feature, as sequences and as statistics."""
    kind: FrontEnd = request.param
    return kind


def sampler(features: Features, front_end: FrontEnd, augmentation: Augmentation, **options: Any) -> Sampler:
    """Over all clips, each of which is a class of its own."""
    clips = np.arange(len(features.recordings))
    targets = np.eye(len(clips), dtype=np.float32)
    usual = Sampler(features, front_end, augmentation, clips, targets, copies=1, smote=False, seed=1)
    return replace(usual, **options)


def steady(frame: Floats, front_end: FrontEnd, clips: int = 64) -> Features:
    """Clips that are ``frame`` (columns,) from beginning to end, longer than a window, in every variant."""
    clip = np.tile(frame, (front_end.frames * 2, 1))
    return features_of([[clip] * clips] * len(VARIANTS), front_end)


def frame(mel: Floats, chroma: float = 0.5, zcr: float = 0.25) -> Floats:
    return np.concatenate([mel, np.full(12, chroma), [zcr]]).astype(np.float32)


FLAT = frame(np.full(26, -20.0))


def test_same_epoch_is_the_same_bytes_and_another_is_not(front_end: FrontEnd) -> None:
    features = noise(front_end, LENGTHS)
    first, again = (sampler(features, front_end, Augmentation(), copies=3).epoch(3) for _ in range(2))
    assert [array.tobytes() for array in first] == [array.tobytes() for array in again]
    others = [
        sampler(features, front_end, Augmentation(), copies=3).epoch(4),
        sampler(features, front_end, Augmentation(), copies=3, seed=2).epoch(3),
    ]
    for inputs, targets in others:
        assert not np.array_equal(inputs, first[0])
        assert not np.array_equal(targets, first[1])


def test_epoch_is_inputs_of_the_model_and_shares_of_classes(front_end: FrontEnd) -> None:
    inputs, targets = sampler(noise(front_end, LENGTHS), front_end, Augmentation(), copies=3).epoch(0)
    assert inputs.shape == (24, *front_end.shape)
    assert targets.shape == (24, 8)
    assert inputs.dtype == targets.dtype == np.float32
    assert np.isfinite(inputs).all()
    assert np.allclose(targets.sum(axis=1), 1)


def test_only_the_given_clips_are_drawn(front_end: FrontEnd) -> None:
    """Whatever is made of a clip that was not given is not a number."""
    features = noise(front_end, LENGTHS)
    targets = np.eye(8, dtype=np.float32)
    targets[4:] = np.nan
    for frames, starts in zip(features.frames, features.starts, strict=True):
        frames[starts[4] :] = np.nan
    drawn = sampler(features, front_end, Augmentation(), clips=np.arange(4), targets=targets, copies=5)
    for epoch in range(5):
        assert all(np.isfinite(array).all() for array in drawn.epoch(epoch))


def test_without_augmentation_a_window_is_the_clips_own_frames(front_end: FrontEnd) -> None:
    """A long clip's from wherever it is cut, a short one's all, in silence."""
    features = noise(front_end, LENGTHS)
    inputs, targets = sampler(features, front_end, PLAIN).epoch(0)
    assert sorted(targets.argmax(axis=1)) == list(range(8))
    for window, target in zip(inputs, targets, strict=True):
        places = np.stack(list(cuts(features, int(target.argmax()), front_end)))
        assert np.abs(places - window).max(axis=tuple(range(1, places.ndim))).min() < 1e-4


def cuts(features: Features, clip: int, front_end: FrontEnd) -> list[Floats]:
    """Every window that holds as much of ``clip`` as one can."""
    first, end = features.starts[0][clip : clip + 2]
    own = features.frames[0][first:end].astype(np.float32)
    room = front_end.frames - len(own)
    silence = np.zeros((abs(room), own.shape[1]), dtype=np.float32)
    silence[:, features.columns["mel"]] = -100
    whole = [np.concatenate([silence[:lead], own, silence[lead:]]) for lead in range(room + 1)]
    parts = [own[lead : lead + front_end.frames] for lead in range(-room + 1)]
    windows = np.stack(whole or parts)
    return list(front_end.compose({name: windows[..., at] for name, at in features.columns.items()}))


def test_long_clips_are_cut_from_all_over_and_short_ones_start_soon() -> None:
    front_end = FRONT_ENDS["zcr"]
    ramps = [np.outer(np.arange(1, length + 1) / 1024, np.ones(39)) for length in (60, 300)]
    features = features_of([ramps] * len(VARIANTS), front_end)
    inputs, targets = sampler(features, front_end, PLAIN, copies=200).epoch(0)
    short, long = (inputs[targets[:, clip] == 1, :, 0] * 1024 for clip in (0, 1))
    begins = (short == 0).argmin(axis=1)
    assert set(begins) == set(range(round(0.3 * 34) + 1))
    inputs, targets = sampler(features, front_end, replace(PLAIN, lead=0.0), copies=200).epoch(0)
    assert (inputs[targets[:, 0] == 1, 0, 0] > 0).all()
    assert long[:, 0].min() < 10
    assert long[:, -1].max() > 290


def marked(front_end: FrontEnd, clips: int) -> Features:
    """Clips whose zero crossings say which variant they are in."""
    variants = [[np.full((front_end.frames, 39), (number + 1) / 16)] * clips for number in range(len(VARIANTS))]
    return features_of(variants, front_end)


def variants_drawn(drawn: Sampler) -> list[list[int]]:
    """For each clip the variants that its windows were cut from."""
    inputs, targets = drawn.epoch(0)
    variants = np.round(inputs[:, 0, 0] * 16).astype(int) - 1
    return [sorted(variants[targets[:, clip] == 1]) for clip in range(targets.shape[1])]


def test_copies_of_a_clip_take_different_variants() -> None:
    front_end = FRONT_ENDS["zcr"]
    all_of_them = replace(PLAIN, variants=VARIANTS)
    three = variants_drawn(sampler(marked(front_end, 40), front_end, all_of_them, copies=3))
    assert all(len(set(variants)) == 3 for variants in three)
    assert {variant for variants in three for variant in variants} == set(range(8))
    eight = variants_drawn(sampler(marked(front_end, 40), front_end, all_of_them, copies=8))
    assert all(variants == list(range(8)) for variants in eight)


def test_more_copies_than_variants_take_each_equally_often() -> None:
    front_end = FRONT_ENDS["zcr"]
    both = replace(PLAIN, variants=("wideband", "telephone"))
    drawn = variants_drawn(sampler(marked(front_end, 10), front_end, both, copies=4))
    assert drawn == [[0, 0, 1, 1]] * 10


def test_variants_are_those_that_are_named() -> None:
    front_end = FRONT_ENDS["zcr"]
    named = replace(PLAIN, variants=(VARIANTS[6], VARIANTS[1]))
    drawn = variants_drawn(sampler(marked(front_end, 40), front_end, named))
    assert {variant for (variant,) in drawn} == {1, 6}


def test_tempo_changes_the_pace_of_all_features_by_at_most_its_share() -> None:
    steps = np.arange(300)[:, None]
    clip = np.concatenate([np.tile(-60 + steps / 32, (1, 26)), np.tile(steps / 1024, (1, 13))], axis=1)
    features = features_of([[clip] * 64] * len(VARIANTS), ALL)
    inputs, _ = sampler(features, ALL, replace(PLAIN, tempo=0.2)).epoch(0)
    paces = []
    for column, scale in ((0, 32), (26, 1024), (38, 1024)):
        taken = np.diff(inputs[:, :, column], axis=1) * scale
        assert np.ptp(taken, axis=1).max() < 1e-3
        paces.append(taken.mean(axis=1))
    assert np.allclose(paces, paces[0], atol=1e-3)
    assert 0.8 <= paces[0].min() < 0.85
    assert 1.15 < paces[0].max() <= 1.2


def test_warp_moves_what_is_in_a_mel_band_by_a_share_of_its_place() -> None:
    peak = frame(-4.0 * np.abs(np.arange(26) - 18))
    inputs, _ = sampler(steady(peak, ALL), ALL, replace(PLAIN, warp=0.2)).epoch(0)
    bands = inputs[:, 0, :26].argmax(axis=1)
    assert {15, 16, 17, 18, 19, 20, 21, 22} <= set(bands) <= set(range(15, 24))
    assert (inputs == inputs[:, :1]).all()


def test_tilt_raises_one_edge_of_the_spectrum_as_much_as_it_lowers_the_other() -> None:
    inputs, _ = sampler(steady(FLAT, MEL), MEL, replace(PLAIN, tilt_db=4.0)).epoch(0)
    slopes = inputs[:, 0, -1] - inputs[:, 0, 0]
    assert np.allclose(np.diff(inputs, axis=2), slopes[:, None, None] / 25, atol=1e-4)
    assert -8 <= slopes.min() < -6
    assert 6 < slopes.max() <= 8


def test_noise_floor_lies_between_where_it_may_come_to_and_the_dynamic_range() -> None:
    spike = frame(np.where(np.arange(26) == 9, 0.0, -100.0))
    inputs, _ = sampler(steady(spike, MEL), MEL, replace(PLAIN, floor_db=50.0)).epoch(0)
    assert (inputs[:, :, 9] == 0).all()
    floors = np.delete(inputs, 9, axis=2).reshape(64, -1)
    assert (np.ptp(floors, axis=1) == 0).all()
    assert -55 < floors.max() <= -50
    assert -80 <= floors.min() < -75


def test_frequency_mask_hides_neighbouring_mel_bands_of_the_whole_window() -> None:
    inputs, _ = sampler(steady(FLAT, ALL), ALL, replace(PLAIN, frequency_mask=5)).epoch(0)
    hidden = inputs[:, :, :26] == -40
    assert (inputs[:, :, :26][~hidden] == 0).all()
    assert (hidden == hidden[:, :1]).all()
    assert stretches(hidden[:, 0]) == {0, 1, 2, 3, 4, 5}
    assert np.array_equal(inputs[:, :, 26:], np.broadcast_to(FLAT[26:], (64, ALL.frames, 13)))


def test_time_mask_hides_the_same_neighbouring_frames_of_all_features() -> None:
    inputs, _ = sampler(steady(FLAT, ALL), ALL, replace(PLAIN, time_mask=7)).epoch(0)
    hidden = inputs[:, :, 38] == 0
    assert stretches(hidden) == set(range(8))
    for column, mask in ((slice(0, 26), -40), (CHROMA, 0), (ZCR, 0)):
        assert (inputs[:, :, column][hidden] == mask).all()
        assert (inputs[:, :, column][~hidden] != mask).all()


def stretches(hidden: np.ndarray) -> set[int]:
    """How many neighbours are hidden in a row of ``hidden`` (rows, places), over all rows."""
    edges = np.diff(hidden.astype(int), axis=1, prepend=0, append=0)
    assert (np.abs(edges).sum(axis=1) <= 2).all()
    return set(hidden.sum(axis=1).tolist())


def test_mask_as_wide_as_everything_hides_everything() -> None:
    inputs, _ = sampler(steady(FLAT, ALL, clips=400), ALL, replace(PLAIN, time_mask=1000)).epoch(0)
    assert (inputs[:, :, 38] == 0).all(axis=1).any()


@pytest.mark.parametrize("change", [{"warp": 0.1}, {"tilt_db": 6.0}, {"floor_db": 30.0}, {"frequency_mask": 8}])
def test_what_is_done_to_the_spectrum_changes_mel_and_mfcc_alone(change: dict[str, Any]) -> None:
    front_end = FRONT_ENDS["combined"]
    features = noise(front_end, LENGTHS)
    plain, changed = (
        sampler(features, front_end, augmentation).epoch(0)[0] for augmentation in (PLAIN, replace(PLAIN, **change))
    )
    mfcc, mel, rest = np.split(changed != plain, [13, 39], axis=2)
    assert mfcc.any(axis=(1, 2)).sum() >= 7
    assert mel.any(axis=(1, 2)).sum() >= 7
    assert not rest.any()


@pytest.mark.parametrize("change", [{"tilt_db": 6.0}, {"floor_db": 20.0}, {"warp": 0.1}])
def test_features_without_a_spectrum_are_left_alone_by_what_is_done_to_one(change: dict[str, Any]) -> None:
    for front_end in (FRONT_ENDS["chroma"], FRONT_ENDS["zcr"]):
        features = noise(front_end, LENGTHS)
        plain, changed = (
            sampler(features, front_end, augmentation).epoch(0)[0] for augmentation in (PLAIN, replace(PLAIN, **change))
        )
        assert np.array_equal(plain, changed)


def test_mixup_mixes_windows_as_it_mixes_classes_and_one_of_the_two_prevails() -> None:
    front_end = FRONT_ENDS["zcr"]
    values = np.arange(1, 65) / 64
    features = features_of([[np.full((188, 39), value) for value in values]] * len(VARIANTS), front_end)
    inputs, targets = sampler(features, front_end, replace(PLAIN, mixup=0.4), copies=2).epoch(0)
    assert np.allclose(inputs[:, :, 0], (targets @ values)[:, None], atol=1e-6)
    assert (targets.max(axis=1) >= 0.5).all()
    assert ((targets > 0).sum(axis=1) <= 2).all()
    assert ((targets.max(axis=1) < 0.99).mean()) > 0.3


def test_real_window_holds_its_clips_pitch(tiny_features: Features) -> None:
    """The loudest mel band of a tone is where it was, but for the pitches and paces of the variants."""
    targets = np.eye(150, dtype=np.float32)
    every = replace(PLAIN, variants=VARIANTS)
    drawn = Sampler(tiny_features, FrontEnd(), every, np.array([7]), targets, copies=32, smote=False, seed=1)
    expected = tiny_features.inputs("wideband", np.flatnonzero(tiny_features.owner == 7), FrontEnd())[0]
    loudest = drawn.epoch(0)[0].max(axis=1).argmax(axis=1)
    assert np.abs(loudest - expected.max(axis=0).argmax()).max() <= 3
