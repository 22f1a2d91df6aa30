"""What the readers of CREMA-D, TESS, SAVEE and MELD make of official layouts and of what goes wrong with them."""

from pathlib import Path

import pytest

from service.emotions import SPEECH_EMOTIONS
from training.datasets import CorpusError, read_crema_d, read_meld_audio, read_savee, read_tess
from training.datasets.crema_d import expected_keys
from training.datasets.labels import CREMA_D, MELD, SAVEE, TESS, classes

ALL_BUT_CALM = tuple(label for label in SPEECH_EMOTIONS if label != "calm")
WORDS = ("back", "bite", "germ", "neat")
TESS_FOLDERS = ("angry", "disgust", "Fear", "happy", "neutral", "Pleasant_surprise", "Sad")
MELD_TABLE = """Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID
1,"Oh, no.",Ross,fear,negative,0,0
2,Well.,Rachel,neutral,neutral,0,1
3,What?,Ross,surprise,negative,38,4
4,Great!,Phoebe Sr.,joy,positive,12,0
"""


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def crema_d(tmp_path: Path) -> Path:
    """Actors whose clips have every oddity; readers look at names, the files may be empty."""
    for actor in ("1001", "1002", "1006", "1040", "1076", "1091"):
        for key in expected_keys(actor):
            touch(tmp_path / "crema-d/AudioWAV" / f"{key}.wav")
    return tmp_path / "crema-d"


@pytest.fixture
def tess(tmp_path: Path) -> Path:
    for speaker, folders in (("OAF", TESS_FOLDERS), ("YAF", [name.lower() for name in TESS_FOLDERS])):
        for folder, emotion in zip(folders, TESS, strict=True):
            for word in WORDS:
                named = "OA" if (speaker, word, emotion) == ("OAF", "bite", "neutral") else speaker
                touch(tmp_path / "tess" / f"{speaker}_{folder}" / f"{named}_{word}_{emotion}.wav")
    return tmp_path / "tess"


@pytest.fixture
def savee(tmp_path: Path) -> Path:
    for speaker in ("DC", "JE", "JK", "KL"):
        for emotion in SAVEE:
            for number in range(1, 31 if emotion == "n" else 16):
                touch(tmp_path / "savee/AudioData" / speaker / f"{emotion}{number:02}.wav")
    return tmp_path / "savee"


@pytest.fixture
def meld(tmp_path: Path) -> Path:
    (tmp_path / "test_sent_emo.csv").write_text(MELD_TABLE, encoding="utf-8")
    for name in ("dia0_utt0", "dia0_utt1", "dia38_utt4", "dia12_utt0"):
        touch(tmp_path / "output_repeated_splits_test" / f"{name}.mp4")
    return tmp_path


def test_labels_are_those_of_the_service() -> None:
    assert classes(CREMA_D) == tuple(label for label in ALL_BUT_CALM if label != "surprised")
    assert classes(TESS) == classes(SAVEE) == classes(MELD) == ALL_BUT_CALM


def test_crema_d_as_published_has_7442_clips() -> None:
    assert sum(len(expected_keys(str(actor))) for actor in range(1001, 1092)) == 7442


def test_crema_d_names_say_emotion_and_actor(crema_d: Path) -> None:
    clips = {clip.key: clip for clip in read_crema_d(crema_d).clips}
    assert (clips["1001_DFA_ANG_XX"].label, clips["1001_DFA_ANG_XX"].speaker) == ("angry", "actor-1001")
    assert clips["1091_IEO_FEA_HI"].label == "fearful"
    assert {clip.speaker for clip in clips.values()} == {
        f"actor-{actor}" for actor in (1001, 1002, 1006, 1040, 1076, 1091)
    }


def test_crema_d_leaves_out_what_says_nothing(crema_d: Path) -> None:
    corpus = read_crema_d(crema_d)
    assert sorted(corpus.notes) == [
        "1006_TIE_HAP_XX: the same recording as 1006_TIE_NEU_XX under another label, left out",
        "1006_TIE_NEU_XX: the same recording as 1006_TIE_HAP_XX under another label, left out",
        "1076_MTI_SAD_XX: silent, left out",
    ]
    assert len(corpus.clips) == 4 * 82 + 2 * 81 - 3
    assert {clip.key for clip in corpus.clips}.isdisjoint(note[:15] for note in corpus.notes)


def test_crema_d_reads_the_misnamed_clip_of_older_copies(crema_d: Path) -> None:
    file = crema_d / "AudioWAV/1040_ITH_SAD_XX.wav"
    file.rename(file.with_name("1040_ITH_SAD_X.wav"))
    corpus = read_crema_d(crema_d)
    assert "1040_ITH_SAD_XX" in {clip.key for clip in corpus.clips}
    assert "1040_ITH_SAD_X.wav: read as 1040_ITH_SAD_XX" in corpus.notes


def test_crema_d_says_what_pointers_are(crema_d: Path) -> None:
    """A clone without Git LFS looks complete, and no decoder could say what is wrong."""
    (crema_d / "AudioWAV/1002_DFA_SAD_XX.wav").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:c6f9\nsize 72862\n", encoding="ascii"
    )
    with pytest.raises(
        CorpusError, match=r"1002_DFA_SAD_XX\.wav: a pointer of Git LFS .* run `git lfs pull`"
    ) as caught:
        read_crema_d(crema_d)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "name", ["1092_DFA_ANG_XX", "1001_DFA_ANG_HI", "1001_IEO_ANG_XX", "1001_XYZ_ANG_XX", "1002_TIE_NEU_XX", "angry"]
)
def test_crema_d_wrong_name_is_named(crema_d: Path, name: str) -> None:
    touch(crema_d / "AudioWAV" / f"{name}.wav")
    with pytest.raises(CorpusError, match=rf"{name}\.wav: the name does not follow"):
        read_crema_d(crema_d)


def test_tess_reads_whatever_case_the_folders_have(tess: Path) -> None:
    corpus = read_tess(tess)
    clips = {clip.key: clip for clip in corpus.clips}
    assert len(clips) == 2 * 7 * len(WORDS) - 2
    assert (clips["OAF_back_fear"].label, clips["OAF_back_fear"].speaker) == ("fearful", "OAF")
    assert clips["YAF_back_ps"].label == "surprised"


def test_tess_reads_a_folder_without_folders(tess: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    flat = tmp_path_factory.mktemp("flat")
    for path in tess.rglob("*.wav"):
        path.rename(flat / path.name)
    assert len(read_tess(flat).clips) == 2 * 7 * len(WORDS) - 2


def test_tess_oddities_are_survived(tess: Path) -> None:
    corpus = read_tess(tess)
    assert sorted(corpus.notes) == [
        "OA_bite_neutral.wav: read as OAF_bite_neutral",
        "YAF_germ_angry: damaged in some copies, left out",
        "YAF_neat_fear: damaged in some copies, left out",
    ]
    assert {clip.speaker for clip in corpus.clips} == {"OAF", "YAF"}


@pytest.mark.parametrize(("folder", "says"), [("YAF_sad", "YAF_sad"), ("OAF_happy", "OAF_happy")])
def test_tess_file_in_another_folder_is_named(tess: Path, folder: str, says: str) -> None:
    (tess / "OAF_Sad/OAF_back_sad.wav").rename(tess / folder / "OAF_back_sad.wav")
    with pytest.raises(CorpusError, match=f"the name says OAF and sad, the folder {says}"):
        read_tess(tess)


@pytest.mark.parametrize("name", ["XAF_back_sad", "OAF_back_bored", "OAF_sad", "OA_back_sad"])
def test_tess_wrong_name_is_named(tess: Path, name: str) -> None:
    touch(tess / "OAF_Sad" / f"{name}.wav")
    with pytest.raises(CorpusError, match=rf"{name}\.wav: the name does not follow"):
        read_tess(tess)


def test_savee_has_120_clips_of_each_speaker(savee: Path) -> None:
    corpus = read_savee(savee)
    assert len(corpus.clips) == 480
    assert corpus.notes == ()
    counts = {label: sum(clip.label == label for clip in corpus.clips) for label in corpus.labels}
    assert counts == {label: 120 if label == "neutral" else 60 for label in ALL_BUT_CALM}


def test_savee_tells_sad_from_surprised_and_angry(savee: Path) -> None:
    labels = {clip.key: clip.label for clip in read_savee(savee).clips}
    assert [labels[key] for key in ("DC_a01", "KL_sa15", "JE_su02", "JK_n30")] == [
        "angry",
        "sad",
        "surprised",
        "neutral",
    ]


def test_savee_flat_layout_is_the_same_corpus(savee: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    nested = [(clip.key, clip.label, clip.speaker) for clip in read_savee(savee).clips]
    flat = tmp_path_factory.mktemp("flat")
    for path in savee.rglob("*.wav"):
        path.rename(flat / f"{path.parent.name}_{path.name}")
    assert [(clip.key, clip.label, clip.speaker) for clip in read_savee(flat).clips] == nested


@pytest.mark.parametrize("name", ["DC/a16", "DC/n31", "DC/x01", "DC/a1", "XX/a01", "a01"])
def test_savee_wrong_name_is_named(savee: Path, name: str) -> None:
    touch(savee / "AudioData" / f"{name}.wav")
    with pytest.raises(CorpusError, match=rf"{name}\.wav: the name does not follow"):
        read_savee(savee)


def test_savee_file_in_another_speakers_folder_is_named(savee: Path) -> None:
    (savee / "AudioData/DC/a01.wav").rename(savee / "AudioData/JE/DC_a01.wav")
    with pytest.raises(CorpusError, match="the name says DC, the folder JE"):
        read_savee(savee)


@pytest.mark.parametrize(
    ("reader", "corpus", "file", "key"),
    [
        (read_crema_d, "crema_d", "AudioWAV/1091_TSI_SAD_XX.wav", "1091_TSI_SAD_XX"),
        (read_tess, "tess", "OAF_happy/OAF_back_happy.wav", "OAF_back_happy"),
        (read_savee, "savee", "AudioData/JK/su07.wav", "JK_su07"),
        (read_meld_audio, "meld", "output_repeated_splits_test/dia12_utt0.mp4", "dia12_utt0"),
    ],
)
class TestEveryReader:
    def test_missing_clip_is_named(self, reader, corpus, file, key, request) -> None:
        folder = request.getfixturevalue(corpus)
        (folder / file).unlink()
        with pytest.raises(CorpusError, match=f"{key}: missing"):
            reader(folder)

    def test_clip_that_is_there_twice_is_named(self, reader, corpus, file, key, request) -> None:
        folder = request.getfixturevalue(corpus)
        touch((folder / file).with_suffix(".flac"))
        with pytest.raises(CorpusError, match=rf"{key.split('_')[-1]}\.\w+: the same clip as .*; keep one of them"):
            reader(folder)

    def test_folder_without_clips_is_refused(self, reader, corpus, file, key, tmp_path_factory) -> None:
        with pytest.raises(CorpusError, match="holds no "):
            reader(tmp_path_factory.mktemp("empty"))

    def test_what_macos_leaves_behind_is_survived(self, reader, corpus, file, key, request) -> None:
        folder = request.getfixturevalue(corpus)
        before = reader(folder)
        touch((folder / file).with_name(f"._{Path(file).name}"))
        after = reader(folder)
        assert after.clips == before.clips
        assert len(after.notes) == len(before.notes) + 1


def test_a_subset_of_whole_speakers_is_read(crema_d: Path, tess: Path, savee: Path) -> None:
    for path in (*crema_d.rglob("1076_*.wav"), *tess.rglob("YAF_*.wav"), *(savee / "AudioData/KL").iterdir()):
        path.unlink()
    assert len({clip.speaker for clip in read_crema_d(crema_d).clips}) == 5
    assert {clip.speaker for clip in read_tess(tess).clips} == {"OAF"}
    assert {clip.speaker for clip in read_savee(savee).clips} == {"DC", "JE", "JK"}


def test_meld_test_part_has_the_labels_of_its_table(meld: Path) -> None:
    corpus = read_meld_audio(meld)
    assert corpus.name == "MELD test"
    assert [(clip.key, clip.label, clip.speaker) for clip in corpus.clips] == [
        ("dia0_utt0", "fearful", "Ross"),
        ("dia0_utt1", "neutral", "Rachel"),
        ("dia12_utt0", "happy", "Phoebe Sr."),
    ]
    assert corpus.notes == ("dia38_utt4: minutes long, wrongly cut, left out",)


def test_meld_part_lies_where_its_archive_unpacks_to(meld: Path) -> None:
    table = MELD_TABLE + "5,Hm.,Joey,anger,negative,125,3\n"
    videos = meld / "train/train_splits"
    videos.mkdir(parents=True)
    (meld / "train/train_sent_emo.csv").write_text(table, encoding="utf-8")
    for path in (meld / "output_repeated_splits_test").iterdir():
        path.rename(videos / path.name)
    corpus = read_meld_audio(meld, "train")
    assert corpus.name == "MELD train"
    assert len(corpus.clips) == 4
    assert corpus.notes == ("dia125_utt3: cannot be decoded, left out",)


def test_meld_videos_without_a_label_are_noted(meld: Path) -> None:
    videos = meld / "output_repeated_splits_test"
    for name in ("dia108_utt2.mp4", "final_videos_testdia0_utt0.mp4", "._dia0_utt0.mp4"):
        touch(videos / name)
    assert "3 files that the table does not tell of, left out" in read_meld_audio(meld).notes


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("Utterance,Sentiment\nWell.,neutral\n", "line 1: no column Emotion"),
        ("Utterance,Sentiment,Emotion\nWell.,neutral,neutral\n", "no Dialogue_ID, Utterance_ID and Speaker"),
        (MELD_TABLE + "5,Hm.,Joey,bored,negative,1,3\n", "line 6: expected"),
        (MELD_TABLE + "5,Hm.,Joey,anger,negative,0,1\n", "dia0_utt1 is there twice"),
    ],
)
def test_meld_table_that_cannot_be_used_is_named(meld: Path, table: str, says: str) -> None:
    (meld / "test_sent_emo.csv").write_text(table, encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"test_sent_emo\.csv(.|\n)*{says}"):
        read_meld_audio(meld)


def test_meld_table_that_is_there_twice_is_named(meld: Path) -> None:
    touch(meld / "copy/test_sent_emo.csv")
    with pytest.raises(CorpusError, match=r"copy/test_sent_emo\.csv: one of 2 called so"):
        read_meld_audio(meld)
