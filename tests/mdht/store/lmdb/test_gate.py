"""The gate: many inside, or one alone."""

from __future__ import annotations

import threading

from mdht.store.lmdb.gate import Gate


def test_alone_means_alone() -> None:
    gate = Gate()
    wrong = [0]

    def reader() -> None:
        for _ in range(300):
            gate.enter()
            wrong[0] += not gate._inside
            gate.leave()

    def changer() -> None:
        for _ in range(50):
            with gate.alone():
                wrong[0] += gate._inside != 0

    threads = [threading.Thread(target=target) for target in (reader, reader, changer, changer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert wrong == [0]
    assert gate._inside == 0


def test_it_opens_again_after_an_error() -> None:
    gate = Gate()
    try:
        with gate.alone():
            raise RuntimeError
    except RuntimeError:
        pass
    gate.enter()
    gate.leave()
