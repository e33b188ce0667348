"""Whether running services may move somewhere, and who moves along. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ipc import PlacementError
from ipc.placement import Placement

from ..config import Config, ResolvedService
from ..config.cpus import cpu_set
from ..config.services import Fault, faults_of, misplaced
from ..config.sharing import BESIDE, beside, free_group, written
from ..errors import ConfigError
from ..model.address import TCP

_PAIR = ("links", "local")


def moved_together(config: Config, now: Mapping[str, str], name: str, placement: str) -> list[str]:
    """The service, and those that have to be beside it: `local` stands where its links are, if it did and can."""
    if name == "links" and "local" in now:
        links, local = Placement.parse(now["links"]), Placement.parse(now["local"])
        try:
            into = Placement.parse(placement)
        except PlacementError:
            return [name]  # whoever checks it says what is wrong
        if into.count > 1 or (links == local and (links.group is not None or into.group is not None)):
            return ["links", "local"]
    return [name]


def check_move(config: Config, now: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise ConfigError with everything that is wrong with moving these services, all of them, from where all are
    `now`. The affinity and nice of a service, those of `config.placed`, stay as long as it runs.
    """
    faults: list[Fault] = []
    parts = config.placed
    for name, text in wanted.items():
        if name not in now:
            faults.append((_key(name), "no such service in this node", f"one of {', '.join(now)}"))
        else:
            own = replace(parts[name], placement=text)
            faults += faults_of(name, own, cpu_set()) or _fixed(config, name, text)
    after = {
        name: Placement.parse(text)
        for name, text in {**now, **wanted}.items()
        if name in now and (name not in wanted or not misplaced(name, text))
    }
    apart = [_remedied(fault, wanted, after) for fault in beside(after)]
    told = {key for key, _, _ in apart}
    for name in wanted:
        if name in after and _key(name) not in told and not (name == "local" and _is_beside(after, wanted)):
            faults += _shared_group(after, wanted, name) or _shared_processes(parts, after, wanted, name)
    faults += apart
    if faults:
        raise ConfigError(faults)


def movable(config: Config, now: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which of these services may move, all of them together, and why the others may not, by service. Links and `local`
    move both or not at all.
    """
    going = {name: text for name, text in wanted.items() if name in now}
    refused = {name: "this node has no such service" for name in wanted if name not in now}
    while going:
        try:
            check_move(config, now, going)
        except ConfigError as error:
            before = len(going)
            for key, wrong, right in error.faults:
                what = "" if key.endswith(".placement") else f"{key} is "
                _drop(going, refused, key.split(".")[1], f"{what}{wrong}; {right}")
            if len(going) == before:
                refused.update(dict.fromkeys(going, str(error)))
                return {}, refused
        else:
            break
    return going, refused


def _drop(going: dict[str, str], refused: dict[str, str], name: str, why: str) -> None:
    pair = _PAIR if name in _PAIR else (name,)
    for one in sorted(pair, key=lambda one: one != name):
        if going.pop(one, None) is not None:
            refused[one] = why
            why = f"it goes with {one}"


def _fixed(config: Config, name: str, after: str) -> list[Fault]:
    """What a running node cannot change."""
    if name == "links" and Placement.parse(after).count > 1 and any(kind != TCP for kind, _, _ in config.listen_at):
        return [(_key(name), repr(after), "one place: only TCP can be passed on to links in several")]
    return []


def _is_beside(after: Mapping[str, Placement], wanted: Mapping[str, str]) -> bool:
    """Whether links and `local` move to the same hosts, so that what is wrong there is told of links."""
    links, local = after.get("links"), after.get("local")
    return (
        "links" in wanted and links is not None and local is not None and replace(local, channel=links.channel) == links
    )


def _shared_group(after: Mapping[str, Placement], wanted: Mapping[str, str], name: str) -> list[Fault]:
    """A group is of one spawner and one size, once all that move have moved."""
    new = after[name]
    for other, there in after.items():
        if new.group is None or there.group != new.group or (there.spawner, there.count) == (new.spawner, new.count):
            continue
        free = free_group(new.group, {one.group for one in after.values() if one.group is not None})
        right = f"another group, such as @{free}: {other} has @{there.group} as {there.spawner}:{there.count}"
        return [(_key(name), repr(wanted[name]), right)]
    return []


def _shared_processes(
    parts: Mapping[str, ResolvedService], after: Mapping[str, Placement], wanted: Mapping[str, str], name: str
) -> list[Fault]:
    """Affinity and nice of a group's processes are those of who is first in it; others have the same, or none."""
    new, own = after[name], _scheduling(parts[name])
    if new.group is None or new.spawner != "process" or own == _NONE:
        return []
    others = [one for one, place in after.items() if one != name and place.group == new.group]
    there = any(_scheduling(parts[one]) == own for one in others if one not in wanted)
    for other in others:
        theirs = _scheduling(parts[other])
        if theirs != own and not (theirs == _NONE and there):
            free = free_group(new.group, {one.group for one in after.values() if one.group is not None})
            wrong = f"{wanted[name]!r}: {_told(own)}, and {other} in the same processes {_told(theirs)}"
            right = f"another group, such as @{free}, or the same for both, written before the node starts"
            return [(_key(name), wrong, right)]
    return []


def _remedied(fault: Fault, wanted: Mapping[str, str], after: Mapping[str, Placement]) -> Fault:
    """Of a move of `local` alone: it is the links that are moved."""
    key, wrong, right = fault
    if "links" in wanted or "local" not in wanted:
        return fault
    if after["links"].count > 1:
        right = f"move links, and local goes with them: {BESIDE}"
    else:
        both = after["local"] if after["local"].group is not None else replace(after["local"], group="links")
        right = f"move links to {written(both)}, and local goes with them: {BESIDE}"
    return key, wrong, right


_NONE: tuple[tuple[int, ...], int | None] = ((), None)


def _scheduling(one: ResolvedService) -> tuple[tuple[int, ...], int | None]:
    return one.affinity, one.nice


def _told(scheduling: tuple[tuple[int, ...], int | None]) -> str:
    affinity, nice = scheduling
    told = [f"affinity {list(affinity)}"] if affinity else []
    told += [f"nice {nice}"] if nice is not None else []
    return f"has {' and '.join(told)}" if told else "has neither affinity nor nice"


def _key(name: str) -> str:
    return f"services.{name}.placement"
