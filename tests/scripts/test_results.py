"""Layouts, medians, and who is ahead."""

import pytest

from . import bench

networks, layout, result, turn = (bench(f"networks{name}") for name in ("", ".layout", ".result", ".turn"))
report = bench("networks.report")


def run(mode="get 1", **changes):
    known = {"mode": mode, "count": 100, "good": 100, "wall_s": 1.0, "cpu_s": 0.02, "per_s": 100.0, "errors": []}
    known |= {"p50_s": 0.001, "p99_s": 0.002, "worst_s": 0.003, "replicas": None, "fewest": None}
    return turn.Run(**{**known, **changes})


def test_nodes_are_spread_evenly():
    assert layout.even(16, 2).spread == (8, 8)
    assert layout.even(7, 3).spread == (3, 2, 2)
    assert layout.even(16, 1).name == "16 nodes, 1 process"


def test_a_quarter_is_lost_in_a_process_of_its_own():
    lost = layout.quarter_lost(16, 2, layout.FROZEN)
    assert (lost.spread, lost.staying, lost.nodes) == ((6, 6, 4), 2, 16)
    assert lost.name == "16 nodes, 2 processes, 4 nodes frozen"


def test_the_median_of_turns_and_the_share_of_all():
    runs = [run(per_s=10.0, p50_s=None), run(per_s=30.0, good=50, errors=[("no answer", 50)]), run(per_s=20.0)]
    one = result.combine("a", "b", "get 1", runs)
    assert (one.per_s, one.p50_ms, one.turns, one.count) == (20.0, pytest.approx(1.0), 3, 300)
    assert one.cpu_ms == pytest.approx(0.2)
    assert one.good == pytest.approx(250 / 300)
    assert one.errors == ["50× no answer"]


def test_content_is_compared_with_values_and_owned_with_signed_ones():
    systems = [networks.system(name) for name in ("mdht content, memory", "libtorrent mutable", "kademlia")]
    rates = dict(zip((one.name for one in systems), (50, 100, 25), strict=True))
    results = [result.combine(name, "b", "get 1", [run(per_s=rate)]) for name, rate in rates.items()]
    (row,) = result.versus(results, systems)
    assert (row.peer, row.rate, row.cpu, row.verdict) == ("kademlia", 2.0, 1.0, "ahead")


def test_a_cell_behind_says_in_what():
    systems = [networks.system(name) for name in ("mdht content, memory", "kademlia")]
    results = [
        result.combine(systems[0].name, "b", "put 1", [run(per_s=10.0, cpu_s=0.1)]),
        result.combine(systems[1].name, "b", "put 1", [run(per_s=20.0, cpu_s=0.2)]),
    ]
    assert result.versus(results, systems)[0].verdict == "behind in rate"


def test_the_report_tells_what_was_lost():
    one = result.combine("a", "b", "get 1", [run(good=99, replicas=7.5, fewest=6)])
    text = "\n".join(report.losses([one], "b"))
    assert "99.0%" in text and "7.5 (≥ 6)" in text


def test_a_peer_that_is_not_installed_is_not_there():
    assert not networks.System("x", "x", "X", needs="no_such_module_anywhere").installed
    assert networks.SYSTEMS[0].installed


def test_tables_have_a_row_a_system_and_a_dash_for_what_is_not_there():
    names = ("mdht content, memory", "kademlia")
    results = [result.combine(name, "16 nodes", "get 1", [run()]) for name in names]
    text = "\n".join(report.rates(results, "16 nodes"))
    assert all(sum(line.startswith(name) for line in text.splitlines()) == 2 for name in names)
    assert " - " in text and "100.0%" in text
    rows = result.versus(results, [networks.system(name) for name in names])
    assert "ahead in both in 1 of 1 cells" in "\n".join(report.versus_table(rows))
