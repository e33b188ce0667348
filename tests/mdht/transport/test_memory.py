"""The memory network in virtual time: conformance under loss, the same run for the same seed, partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ipc.loops.virtual import run
from mdht.transport import CannotDial, CannotListen, MemoryNetwork

from .conformance import CHECKS, Ear, Pair, pair

NETWORKS = {
    "perfect": {},
    "slow": {"delay_s": 0.1, "jitter_s": 0.2},
    "lossy": {"delay_s": 0.02, "jitter_s": 0.01, "loss": 0.2},
}


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(check: Callable[[Pair], Awaitable[None]], name: str) -> None:
    async def main() -> None:
        network = MemoryNetwork(1, **NETWORKS[name])
        ends = await pair(network.host("a"), network.host("b"), "b")
        if name == "lossy" and check.__name__ in ("abort_ends_both", "close_flushes_and_both_are_told_once"):
            await asyncio.sleep(1)
        await check(ends)
        await ends.close()

    run(main())


def test_the_same_seed_is_the_same_run() -> None:
    async def main(seed: int) -> float:
        network = MemoryNetwork(seed, delay_s=0.01, jitter_s=0.05, loss=0.3)
        ends = await pair(network.host("a"), network.host("b"), "b")
        for _ in range(50):
            ends.a.wire.write(b"z")
        await ends.b.until(lambda: len(ends.b.data) == 50)
        assert network.stats().lost > 0
        return now()

    assert run(main(1)) == run(main(1)) != run(main(2))


def test_a_partition_delays_and_heals() -> None:
    async def main() -> None:
        network = MemoryNetwork(delay_s=0.01)
        ends = await pair(network.host("a"), network.host("b"), "b")
        network.part("a", "b")
        ends.a.wire.write(b"through")
        await asyncio.sleep(60)
        assert not ends.b.data
        with pytest.raises(CannotDial, match="no answer"):
            await network.host("a").dial("b", ends.listening.port, Ear)
        network.join("a", "b")
        await ends.b.until(lambda: ends.b.data == b"through")

    run(main())


def test_nobody_there_and_taken() -> None:
    async def main() -> None:
        network = MemoryNetwork()
        with pytest.raises(CannotDial, match="nobody listens"):
            await network.host("a").dial("b", 1, Ear)
        await network.host("b").listen("b", 1, Ear)
        with pytest.raises(CannotListen, match="taken"):
            await network.host("b").listen("b", 1, Ear)
        with pytest.raises(CannotListen, match="this host is b"):
            await network.host("b").listen("a", 1, Ear)

    run(main())


@pytest.mark.parametrize("wrong", [{"loss": 1.0}, {"loss": -0.1}, {"delay_s": -1.0}, {"retry_s": 0.0}])
def test_wrong_numbers(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="needed"):
        MemoryNetwork(**wrong)  # type: ignore[arg-type]
