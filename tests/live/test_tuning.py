"""Tuning and its scripts, on real nodes in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mdht.config import Config, ServiceConfig
from mdht.remote import RemoteNode
from mdht.testnet import ProcessNet
from mdht.tuning.apply import apply
from mdht.tuning.errors import NotMeasured
from mdht.tuning.meter import Meter
from mdht.tuning.pinning import BACKGROUND_NICE
from mdht.tuning.placed import SINGLE, Placed
from mdht.tuning.search import Budget
from mdht.tuning.soak import Plan, Soak
from mdht.tuning.tune import Options, tune
from mdht.tuning.workload import Workload, seen_by
from tests.live.footprint import Footprint, back_to

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SMALL = {"links": 4, "in_flight": 8, "records": 50}


def script(name, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *arguments], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == code, done.stderr[-2000:]
    return done.stdout


def script_fails(name, *arguments):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *arguments], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1, done.stderr[-2000:]
    return done.stderr


@pytest.mark.parametrize(
    ("get_share", "store", "owned"), [(1.0, "memory", 0.5), (0.0, "lmdb", 0.0), (0.5, "lmdb", 1.0)]
)
def test_a_load_is_answered_and_seen(get_share, store, owned):
    before = Footprint.take()
    load = Workload(get_share=get_share, owned_share=owned, store=store, **SMALL)
    placed = Placed.of({"links": "process:2@links", "local": "process:2@links"} if store == "lmdb" else {})
    with Meter(load, Budget(turn_s=0.2), makers=1) as meter:
        seen = meter.look(placed)
    assert seen.failed == 0 and seen.errors == {}
    assert (seen.gets > 0) == (get_share > 0) and (seen.puts > 0) == (get_share < 1)
    assert 0 < seen.p50_s <= seen.p99_s
    assert seen.node_cores > 0 and seen.rss_bytes > 10 << 20
    assert seen.service("links").calls_per_s > 0
    back_to(before)


def test_a_whole_run_recommends_what_was_measured():
    lines = []
    budget = Budget(seconds=8.0, turn_s=0.1, turns=5)
    report = tune(Options(workload=Workload(get_share=1.0, **SMALL), budget=budget, makers=1), lines.append)
    assert report.recommended in (report.found, SINGLE)
    assert report.recommended == SINGLE or report.checked.gain.no_worse
    assert {row.placed for row in report.rows} >= {SINGLE}
    plain = json.loads(json.dumps(report.plain()))
    assert plain["outlook"]["is_a_model"] and plain["why"]
    assert Config.from_toml(plain["toml"]).validate() == []
    assert any(line.startswith("load: ") for line in lines)


def placed(node):
    return Placed.of({row.name: row.placement for row in node.services()})


@pytest.fixture
def net():
    with ProcessNet(1, Config(store="lmdb", replicas=1, reads=1)) as made:
        yield made


def test_a_running_node_is_read_and_moved(net):
    node = net[0]
    keys = [node.put(b"%d" % number).key for number in range(20)]
    assert [node.get(key).value for key in keys] == [b"%d" % number for number in range(20)]
    load = seen_by(node.stats(), Config(store="lmdb", data_dir=node.data_dir), links=4)
    assert 0 < load.get_share < 1 and load.store == "lmdb" and load.links == 4
    told = []
    assert apply(node, Placed.of({"store": "thread", "files": "process"}), told.append) == {}
    assert placed(node) == Placed.of({"store": "thread", "files": "process"})
    assert apply(node, SINGLE, told.append) == {}
    assert placed(node) == SINGLE
    assert node.get(keys[3]).value == b"3"


def test_pins_are_shown_set_and_undone(net):
    every = psutil.Process(net.pid(0)).cpu_affinity()
    shown = json.loads(script("pin.py", net[0].data_dir, "--json"))
    assert not shown["applied"] and psutil.Process(net.pid(0)).cpu_affinity() == every
    assert not shown["pinned"] and "one process" in shown["reason"]
    psutil.Process(net.pid(0)).cpu_affinity(every[:1])
    script("pin.py", net[0].data_dir, "--undo", "--apply")
    assert psutil.Process(net.pid(0)).cpu_affinity() == every


def test_nice_is_set_and_undone():
    """Also of threads; on a machine where a nice may be lowered."""
    services = {"upkeep": "process", "published": ServiceConfig("process", nice=7)}
    with ProcessNet(1, Config(services=services)) as net:
        node = net[0]
        pids = {row.name: row.pids[0] for row in node.services()}
        main = psutil.Process(net.pid(0)).nice()
        script("pin.py", node.data_dir, "--apply", "--seconds", "0.1")
        assert [psutil.Process(pids[name]).nice() for name in ("upkeep", "published")] == [BACKGROUND_NICE, 7]
        assert psutil.Process(net.pid(0)).nice() == main
        if os.geteuid():
            return
        script("pin.py", node.data_dir, "--undo", "--apply")
        assert [psutil.Process(pids[name]).nice() for name in ("upkeep", "published")] == [main, 7]
        threads = [thread.id for thread in psutil.Process(pids["upkeep"]).threads()]
        assert {os.getpriority(os.PRIO_PROCESS, one) for one in threads} == {main}


def test_a_node_that_was_not_started_for_it_is_not_signalled(net):
    """Without py-spy; SIGUSR2 would end a process that does not expect it."""
    where = {**os.environ, "PATH": "/nonexistent"}
    code = (
        f"import sys; sys.path[:0] = [{str(SCRIPTS)!r}]; import shutil; shutil.which = lambda *a, **k: None; "
        f"import profile_service as it; sys.exit(it.run(it.main, ['store', {net[0].data_dir!r}, '--seconds', '0.1']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=where, timeout=30)
    assert done.returncode == 1 and "install py-spy" in done.stderr
    assert net[0].stats() is not None


def test_cprofile_in_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS / "lib" / "profiled"))
    monkeypatch.setenv("MDHT_PROFILE_DIR", str(tmp_path))
    with ProcessNet(1, Config(services={"store": "process"})) as net:
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
        monkeypatch.syspath_prepend(str(SCRIPTS))
        import profile_service

        for service in ("store", "api"):
            row = next(one for one in net[0].services() if one.name == service)
            (found,) = profile_service.by_cprofile(row.pids, 0.3)
            assert found.places, service
        assert isinstance(net[0], RemoteNode) and net[0].services()


@pytest.mark.skipif(shutil.which("py-spy", path=str(Path(sys.executable).parent)) is None, reason="needs py-spy")
def test_an_idle_service_is_called_idle(net):
    said = script_fails("profile_service.py", "upkeep", net[0].data_dir, "--seconds", "1", "--json")
    error = json.loads(said)["error"]
    if error["type"] == "CannotProfile":
        pytest.skip(error["message"])
    assert error["type"] == "Idle" and "upkeep was idle for 1 s" in error["message"]


def test_a_budget_holds_in_all():
    """What is kept for the last comparison and the ends is enough; a slow machine ends it early, never late by much."""
    budget = Budget(seconds=12.0, turn_s=0.2, turns=20)
    began_s = time.monotonic()
    report = tune(Options(workload=Workload(get_share=0.5, **SMALL), budget=budget, makers=1), lambda _: None)
    assert time.monotonic() - began_s < 2 * 12.0  # it was more than twice as long
    assert report.took_s <= time.monotonic() - began_s and report.ended


def test_records_that_take_longer_than_the_budget_are_refused():
    load = Workload(get_share=1.0, links=2, in_flight=2, records=200_000)
    with pytest.raises(NotMeasured, match=r"of 200,000 records were put in .* fewer --records"):
        tune(Options(workload=load, budget=Budget(seconds=9.0, turn_s=0.1, turns=5), makers=1), lambda _: None)


def test_placements_says_what_is_legal(tmp_path):
    assert "routing table" in script("placements.py")
    script("placements.py", "store", "process:2+zmq")
    script("placements.py", "peers", "process", code=1)
    bad = tmp_path / "bad.toml"
    bad.write_text('[services]\npeers = "process"\nstore = "inline:2"\n')
    assert len(json.loads(script("placements.py", "--config", str(bad), "--json", code=1))) == 2


@pytest.mark.timeout(120)
def test_a_short_soak_loses_nothing_and_leaves_nothing():
    before = Footprint.take()
    plan = Plan(seconds=12.0, nodes=3, move_every_s=2.0, kill_every_s=4.0, restart_every_s=7.0, pause_s=0.01)
    lines = []
    outcome = Soak(plan, lines.append, every_s=5.0).run()
    assert outcome.faults == []
    assert outcome.counts.gets > 50 and outcome.counts.puts > 20
    assert outcome.moves + sum(outcome.refused.values()) >= 2 and outcome.kills >= 1 and outcome.restarts >= 1
    assert outcome.found > 20 and len(lines) >= 2
    assert json.dumps(outcome.plain())
    back_to(before, 10.0)
