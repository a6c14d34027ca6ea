"""/metrics is correct across processes: each of them returns the sums of all."""

from tests.process.intake.test_counts import a_new_one, post_all
from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service, until
from tests.support.socket_sender import event

OFTEN = {"HOOKONCE_COUNTS_SECONDS": "0.1"}
N = 20
ASKED = 12
"""Number of requests, enough to reach both workers more than once."""


def number(text: str, sample: str) -> float:
    """Return the value of the sample, 0 if it does not exist yet."""
    found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def told(gunicorn: Gunicorn, sample: str) -> set[float]:
    """Return the values of repeated requests, each over a connection of its own."""
    answers = [gunicorn.get("/metrics") for _ in range(ASKED)]
    assert {status for status, _ in answers} == {200}
    return {number(body.decode(), sample) for _, body in answers}


def test_every_process_serves_the_metrics_of_all_processes(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=2, **OFTEN)
    worker = service.worker(**OFTEN)
    sender = ledger.sender(gunicorn)

    post_all(*a_new_one(sender, "new"), (sender, event("same")))

    admitted = 'hookonce_admissions_total{source="custom"}'
    answered = 'hookonce_answer_seconds_count{source="custom"}'
    until(lambda: told(gunicorn, admitted) == {N + 1.0}, "admissions of both processes")
    until(lambda: told(gunicorn, answered) == {(N + 1.0) * N}, "answers of both processes")
    worker.stop()
    gunicorn.stop()

    text = service.gunicorn(workers=1, **OFTEN).get("/metrics")[1].decode()
    attempts = [line for line in text.splitlines() if line.startswith("hookonce_attempts_total{")]
    ended = [each for each in ledger.attempts() if each.outcome is not None]
    assert number(text, admitted) == N + 1
    assert sum(float(line.rpartition(" ")[2]) for line in attempts) == len(ended) > 0
