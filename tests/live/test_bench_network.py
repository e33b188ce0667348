"""The benchmark's networks: real processes, put to, got from, some of them lost."""

import pytest

from tests.scripts import bench

networks, layout, turn, remote = (bench(f"networks{name}") for name in ("", ".layout", ".turn", ".remote"))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(turn, "WARM", {"puts": 2, "gets": 2})
    monkeypatch.setattr(turn, "WARM_ALONE", 2)
    monkeypatch.setattr(turn, "LOST_VALUES", 20)
    monkeypatch.setattr(turn, "LOST_ALONE", 5)


def test_a_turn_finds_what_it_puts():
    runs = list(turn.turn(networks.system("mdht content, memory"), layout.even(10, 2), 0.05))
    assert [run.mode for run in runs] == ["put 1", "put 32", "get 1", "get 32"]
    assert all(run.good == run.count > 0 for run in runs), [run.errors for run in runs]
    assert runs[0].replicas == pytest.approx(8, abs=1)
    assert all(run.cpu_s > 0 for run in runs)


def test_a_quarter_is_killed_and_everything_is_found():
    runs = list(turn.turn(networks.system("mdht owned, memory"), layout.quarter_lost(12, 2, layout.KILLED), 0.05))
    before, alone, together = runs[:3]
    assert before.good == 20
    assert alone.count > 0 and together.count > 0
    assert (alone.good, together.good) == (alone.count, together.count), (alone.errors, together.errors)


def test_a_worker_that_raises_says_so_and_all_of_them_end():
    with pytest.raises(remote.WorkerFailed, match="no_such"):
        with remote.Network(networks.system("mdht content, memory"), (1, 1)) as network:
            workers = list(network.workers)
            network.driver.ask("no_such")
    assert [worker.process.poll() is not None for worker in workers] == [True, True]
