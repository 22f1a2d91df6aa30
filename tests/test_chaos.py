"""A small storm; ``make chaos`` makes a larger one."""

from tests.chaos import Storm, killed_in_each_step, storm_over_postgres_and_redis

DEATHS = (
    ("fetch", "after", 1),
    ("acoustics", "after", 1),
    ("transcription", "after", 2),  # about to be ordered
    ("transcription", "after", 2),  # ordered
    ("transcription", "after", 1),  # the order found again
    ("text", "after", 1),
    ("combine", "after", 1),
)


def test_an_analysis_outlives_the_death_of_its_process_in_each_step(tmp_path):
    report = killed_in_each_step(tmp_path, DEATHS)
    assert not report.broken, report


def test_every_promise_is_kept_while_processes_are_killed_and_the_queue_is_lost(tmp_path):
    report = storm_over_postgres_and_redis(Storm(analyses=20, kills=5, redis_restarts=1, pause=(0.5, 1)), tmp_path)
    assert not report.broken, report
