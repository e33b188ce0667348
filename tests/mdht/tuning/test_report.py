"""What is told at the end."""

import dataclasses
import json
import math

import pytest

from mdht.config import Config
from mdht.tuning.apply import steps
from mdht.tuning.gain import Gain
from mdht.tuning.observed import Limit
from mdht.tuning.outlook import outlook
from mdht.tuning.placed import SINGLE, Placed
from mdht.tuning.report import Checked, Report, RowOf, TriedRow, against, contradictory, relative_to
from mdht.tuning.workload import Workload

from .seen import observation

THREAD, PROCESS = Placed.of({"store": "thread"}), Placed.of({"store": "process"})
FIRST = observation({"links": ("inline", 0.7), "store": ("inline", 0.2)})
LATER = observation({"links": ("inline", 0.7), "store": ("process", 0.2)}, {("links",): 0.7, ("store",): 0.2})
TRIED = (
    TriedRow(SINGLE, THREAD, "to try", Gain(1.2, 1.1, 1.3, 6), ""),
    TriedRow(THREAD, PROCESS, "to try", Gain(1.5, 1.4, 1.6, 6), ""),
    TriedRow(PROCESS, Placed.of({"store": "process:2"}), "to try", None, "NodeNotStarted: no"),
)


HELD = Checked(Gain(1.1, 1.05, 1.2, 8), "")


def report(recommended=PROCESS, checked=HELD):
    relative = relative_to(SINGLE, TRIED)
    return Report(
        workload=Workload(),
        goal="throughput",
        start=SINGLE,
        found=PROCESS,
        recommended=recommended,
        checked=checked,
        limit=Limit.SERVICE,
        bottleneck="links",
        outlook=outlook(LATER, "links"),
        first=FIRST,
        first_bottleneck="links",
        first_limit=Limit.MACHINE,
        seen=LATER,
        rows=tuple(RowOf.of(placed, times, [LATER, FIRST, LATER]) for placed, times in relative.items()),
        tried=TRIED,
        ended="no move helped",
        cpus=4,
        makers=2,
        took_s=12.0,
    )


def test_gains_on_the_way_are_multiplied():
    assert relative_to(SINGLE, TRIED) == pytest.approx({SINGLE: 1.0, THREAD: 1.2, PROCESS: 1.8})


def test_gains_that_lead_back_contradict_each_other():
    back = TriedRow(PROCESS, SINGLE, "to try", Gain(1.4, 1.2, 1.6, 5), "")
    assert contradictory(SINGLE, (*TRIED, back)) and not contradictory(SINGLE, TRIED)
    text = " ".join(dataclasses.replace(report(SINGLE), tried=(*TRIED, back)).why())
    assert "contradict each other" in text


def test_it_says_why():
    text = " ".join(report().why())
    assert "At single the limit was the machine: links (inline)" in text
    assert "single → store=thread: +20.0 %" in text
    assert "it holds" in text and "2 load maker(s)" in text
    assert "next to nothing: the limit is a process of the node, and 2.5 of 4 cores are idle" in text
    busy = observation({"links": ("inline", 0.9)}, per_s=10_000)
    text = " ".join(dataclasses.replace(report(), outlook=outlook(busy, "links")).why())
    assert "at most 1.25 times as much, 12,500 requests/s: a model, no measurement, on the base of 90.0 µs" in text


def test_more_processes_that_cost_more_than_they_bring_are_named():
    two = Placed.of({"links": "process:2@links", "local": "process:2@links"})
    there = observation({"links": ("process:2@links", 1.8)}, {("links", "local"): 1.8}, per_s=9_000)
    model = outlook(FIRST, "links", placed=SINGLE, measured={two: there}, relative={SINGLE: 1.0, two: 0.58})
    made = dataclasses.replace(report(SINGLE), outlook=model, seen=FIRST)
    text = " ".join(made.why())
    assert "process:2@links did 0.58 times single here, at 200.0 µs of CPU a request instead of 90.0" in text
    assert "cost more than they bring on 4 cores" in text


def test_what_is_undecided_is_said():
    rows = (
        TriedRow(SINGLE, THREAD, "to try", Gain(1.006, 0.0, math.inf, 2), ""),
        TriedRow(SINGLE, PROCESS, "to try", Gain(1.05, 0.96, 1.12, 10), ""),
    )
    text = " ".join(dataclasses.replace(report(SINGLE), tried=rows).why())
    assert "None of 2 moves helped beyond the noise; of 2 that is undecided" in text
    assert "single → store=thread: +0.6 % in 2 turns, too few turns to tell" in text
    assert "+5.0 % [-4.0 %, +12.0 %] in 10 turns, undecided" in text
    assert "Nothing was compared" in " ".join(dataclasses.replace(report(SINGLE), tried=()).why())
    assert RowOf.of(THREAD, 1.006, [FIRST], undecided=True).cells()[1] == "1.01?"


def test_what_does_not_hold_is_said():
    text = " ".join(report(SINGLE, Checked(Gain(0.9, 0.8, 1.0, 12), "")).why())
    assert "does not hold, so single is recommended" in text
    text = " ".join(report(SINGLE, Checked(None, "no room")).why())
    assert "could not be measured again (no room), so store=process does not count: single is recommended" in text
    assert "so store=process is not certain" in " ".join(report(PROCESS, Checked(None, "no room")).why())


def test_a_report_is_saved_as_json_and_compared():
    before = json.loads(json.dumps(report().plain()))
    assert Config.from_toml(before["toml"]).placed["store"].placement == "process"
    now = json.loads(json.dumps(report(SINGLE).plain()))
    lines = against(before, now)
    assert lines[0] == "Then store=process was recommended, now single."
    assert any(line.startswith("store=thread: ") and "(+0.0%)" in line for line in lines)
    assert "Another load" in against({**before, "workload": {}}, now)[0]


def test_only_services_that_are_elsewhere_move_and_links_come_last():
    now = {"links": "inline+none", "store": "process+pipe", "files": "thread", "listener": "inline"}
    wanted = Placed.of({"links": "process@links", "store": "process"})
    assert steps(now, wanted) == [("files", "inline+none"), ("links", "process@links+pipe")]
    both = Placed.of({"links": "process:2@links", "local": "process:2@links"})
    assert steps({"links": "inline", "local": "inline"}, both) == [("links", "process:2@links+pipe")]
