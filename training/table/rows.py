"""The rows of the paper's Table 1, what goes beyond them and what is compared with them. Each names a configuration."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """A configuration, the accuracy in per cent that the paper reports for it where that is known, or that was aimed at
    with speakers apart, and where it falls short of that, what was ``tried``."""

    name: str
    paper: float | None = None
    aim: float | None = None
    tried: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A configuration that differs from a row in one thing, ``what``."""

    name: str
    row: str
    what: str


ROWS: Final = (
    Row(
        "ravdess_rf_mfcc",
        65.12,
        tried="wideband clips alone, which comes nearer on wideband and is of no use on the telephone (below); all "
        "eight variants of a clip, fewer statistics, and fewer trees, which were worse; trees without a limit, which "
        "were no better.",
    ),
    Row(
        "ravdess_rf_mel", 57.34, tried="fewer trees, which were worse, and trees without a limit, which were no better."
    ),
    Row("ravdess_rf_chroma", 26.24),
    Row("ravdess_rf_zcr"),
    Row("ravdess_rf_combined"),
    Row("ravdess_cnn1d_mfcc", 67.12),
    Row("ravdess_cnn1d_mel"),
    Row("ravdess_cnn1d_chroma", 31.12),
    Row("ravdess_cnn1d_zcr"),
    Row("ravdess_cnn1d_combined", 67.21),
    Row(
        "ravdess_cnn2d_mfcc",
        72.12,
        tried="mixup with label smoothing, and fewer epochs, both of which had a higher validation loss; less pooling "
        "of the coefficients, which validation could not tell from this.",
    ),
    Row("ravdess_cnn2d_mel", 67.12),
    Row(
        "ravdess_cnn2d_chroma",
        60.0,
        tried="less pooling of the twelve pitch classes, which validation could not tell from this, and wider layers.",
    ),
    Row("ravdess_cnn2d_zcr"),
    Row("ravdess_cnn2d_combined", 69.12),
    Row("ravdess_cnn_bilstm_combined", 65.6),
    Row("emogator_rf_mfcc"),
    Row("emogator_rf_mel"),
    Row("emogator_rf_chroma"),
    Row("emogator_rf_zcr"),
    Row("emogator_rf_combined"),
    Row("emogator_cnn1d_mfcc"),
    Row("emogator_cnn1d_mel"),
    Row("emogator_cnn1d_chroma"),
    Row("emogator_cnn1d_zcr"),
    Row("emogator_cnn1d_combined"),
    Row("emogator_cnn2d_mfcc"),
    Row("emogator_cnn2d_mel"),
    Row("emogator_cnn2d_chroma"),
    Row("emogator_cnn2d_zcr"),
    Row("emogator_cnn2d_combined"),
    Row("emogator_cnn_bilstm_combined"),
)

# What the service is better off with. Their start takes more than the corpora, so that `table` trains them when asked.
BEYOND: Final = (
    Row(
        "speech_encoder",
        aim=82.0,
        tried="half the rate, which had a higher validation loss; CREMA-D first and then RAVDESS, with all layers at a "
        "high rate, which forgot what Whisper knew; the probe on Whisper base, alone, which was no better; statistics "
        "over time that weigh loud steps more, which helped the probe alone; the validation part's speakers, trained "
        "on in the end, and CREMA-D's clips beside RAVDESS's, which are both in this and are worth what is under *One "
        "thing changed*. CREMA-D is there for the sake of [other voices](corpora.md). Next: the mean of several runs' "
        "weights, and an encoder that was made to hear how, not what, is said.",
    ),
    Row(
        "speech_student",
        aim=63.9,
        tried="RAVDESS alone with the probe as the teacher, which came to the same. The aim is what speech_emotion "
        "has, a CNN of as many channels that had no teacher, so that is the CNN that is shipped. Next: clips without "
        "labels, of which a teacher needs none, and wider layers.",
    ),
    Row(
        "burst_encoder",
        aim=60.0,
        tried="the head of speech_encoder and three epochs at its rate, which came to 56.5; a head that weighs loud "
        "steps more and is held back more, and five epochs at a higher rate, which is this. Next: the validation "
        "part's contributors, trained on in the end.",
    ),
)

COMPARISONS: Final = (
    Comparison("ravdess_rf_mfcc_smote", "ravdess_rf_mfcc", "SMOTE on the training part"),
    Comparison("ravdess_rf_mfcc_plain", "ravdess_rf_mfcc", "wideband only, no telephone copies"),
    Comparison("ravdess_cnn1d_mfcc_smote", "ravdess_cnn1d_mfcc", "SMOTE on the training part"),
    Comparison("ravdess_cnn1d_mfcc_plain", "ravdess_cnn1d_mfcc", "no augmentation at all, wideband only"),
    Comparison("ravdess_cnn2d_mfcc_rmsprop", "ravdess_cnn2d_mfcc", "the paper's RMSprop at 5e-5"),
)

ABLATIONS: Final = (
    Comparison("speech_encoder_ravdess", "speech_encoder", "RAVDESS alone"),
    Comparison("speech_student_ravdess", "speech_student", "RAVDESS alone, and speech_encoder_probe as the teacher"),
    Comparison("speech_encoder_probe", "speech_encoder_ravdess", "its head fitted only"),
    Comparison("speech_encoder_no_refit", "speech_encoder_ravdess", "not trained on validation speakers"),
    Comparison("speech_encoder_no_averaging", "speech_encoder_no_refit", "the last weights, not their average"),
    Comparison("speech_encoder_no_augmentation", "speech_encoder_no_refit", "clips as they are, in both bands"),
    Comparison("speech_encoder_no_telephone", "speech_encoder_no_refit", "no telephone copies"),
    Comparison("speech_encoder_no_probe", "speech_encoder_no_refit", "the head is not fitted first"),
)
"""Of what goes beyond the paper; the later ones without its last step, for the sake of time."""
