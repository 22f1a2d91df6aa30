"""A few broken files; ``make fuzz`` breaks a hundred thousand."""

from tests.fuzz_decode import broken, fuzz, sources


def test_the_decoder_outlives_what_is_broken(tmp_path):
    report = fuzz(300, seed=2, keep=tmp_path)
    assert not report.failures, report
    assert report.files == sum(report.outcomes.values()) == 300
    assert {"decoded", "decoded in part", "not-audio"} <= report.outcomes.keys()


def test_the_same_seed_breaks_the_same_way():
    files = sources()[:3]
    assert broken(files, 1, 7) == broken(files, 1, 7) != broken(files, 2, 7)
