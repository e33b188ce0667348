"""What services need of each other: `local` stands beside the links, and members of a group share its hosts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ipc import PlacementError
from ipc.placement import LEGAL, Placement

from .services import Fault, ResolvedService, brief, misplaced

BESIDE = "what a peer asks is answered beside its link"
"""Why `local` goes with the links."""


def together(services: Mapping[str, ResolvedService]) -> list[Fault]:
    """What is wrong between those of these services whose placements are right by themselves.

    `affinity` and `nice` are those that each of them names, not those that it inherits.
    """
    placed = {name: place for name, one in services.items() if (place := _place(one)) is not None}
    faults = beside(placed)
    told = {key for key, _, _ in faults}
    for group, members in _groups(placed).items():
        faults += _shape(group, members, [name for name in members if _key(name) not in told], placed)
        faults += _scheduling(group, {name: services[name] for name in members}, placed)
    return faults


def shared(services: Mapping[str, ResolvedService]) -> dict[str, ResolvedService]:
    """The same, where members of a group that name no affinity or nice have those of the member that does."""
    placed = {name: place for name, one in services.items() if (place := _place(one)) is not None}
    found = dict(services)
    for members in _groups(placed).values():
        apart = [name for name in members if placed[name].spawner == "process"]
        affinity = next((services[name].affinity for name in apart if services[name].affinity), ())
        nice = next((services[name].nice for name in apart if services[name].nice is not None), None)
        for name in apart:
            one = services[name]
            found[name] = replace(one, affinity=one.affinity or affinity, nice=nice if one.nice is None else one.nice)
    return found


def free_group(group: str, taken: Collection[str]) -> str:
    """A name like that of a group that is none of those taken."""
    return next(name for number in range(2, len(taken) + 3) if (name := f"{group[:60]}{number}") not in taken)


def written(place: Placement) -> str:
    """A placement as people write it, in quotes."""
    return repr(brief(str(place)))


def beside(placed: Mapping[str, Placement]) -> list[Fault]:
    """Links in several places need `local` in the same; `local` alone is never in several."""
    links, local = placed.get("links"), placed.get("local")
    if links is not None and links.count > 1:
        if links.group is None:
            right = f"{written(replace(links, group='links'))} for both links and local: {BESIDE}"
            return [(_key("links"), f"{written(links)}, which names no group", right)]
        shape = (links.spawner, links.count, links.group)
        if local is not None and (local.spawner, local.count, local.group) != shape:
            right = f"{written(links)} for both: {BESIDE}"
            return [(_key("local"), f"{written(local)} while links are {written(links)}", right)]
    elif local is not None and local.count > 1 and links is not None:
        right = f"{written(replace(local, count=1))}, or {written(_grouped(local))} for both: {BESIDE}"
        return [(_key("local"), f"{written(local)} while links are {written(links)}", right)]
    return []


def _shape(group: str, members: list[str], judged: Iterable[str], placed: Mapping[str, Placement]) -> list[Fault]:
    """A group is of one spawner and one size."""
    first = "links" if "links" in members else members[0]
    model = placed[first]
    faults: list[Fault] = []
    for name in judged:
        one = placed[name]
        if (one.spawner, one.count) == (model.spawner, model.count):
            continue
        rights = [written(replace(one, group=free_group(group, _groups(placed))))]
        same = replace(model, channel=_channel(one, model.spawner))
        if not misplaced(name, str(same)):
            rights.insert(0, written(same))
        wrong = f"{written(one)} while services.{first} has {written(model)}"
        faults.append((_key(name), wrong, f"{', or '.join(rights)}: a group is of one spawner and one size"))
    return faults


def _scheduling(group: str, members: Mapping[str, ResolvedService], placed: Mapping[str, Placement]) -> list[Fault]:
    """Affinity and nice are those of the processes, so members name the same, or one of them for all."""
    faults: list[Fault] = []
    for part in ("affinity", "nice"):
        first = ""
        for name in sorted(members, key=lambda name: name != "links"):
            value = getattr(members[name], part)
            if placed[name].spawner != "process" or value in ((), None):
                continue
            if not first:
                first = name
                continue
            theirs = getattr(members[first], part)
            if value != theirs:
                wrong = f"{_shown(value)} while services.{first}.{part} is {_shown(theirs)}, in the same processes"
                right = f"{_shown(theirs)} for both, or {part} of one of them alone"
                if name != "local" or placed[name].count == 1:
                    own = replace(placed[name], group=free_group(group, _groups(placed)))
                    right += f", or services.{name}.placement = {written(own)}"
                faults.append((f"services.{name}.{part}", wrong, f"{right}: both are of the group {group}"))
    return faults


def _channel(one: Placement, spawner: str) -> str:
    """The channel of a placement where another spawner has it, and it was chosen; else the one that is taken anyway."""
    chosen = one.channel != LEGAL[one.spawner][0] and one.channel in LEGAL[spawner]
    return one.channel if chosen else LEGAL[spawner][0]


def _groups(placed: Mapping[str, Placement]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, place in placed.items():
        if place.group is not None:
            groups.setdefault(place.group, []).append(name)
    return groups


def _grouped(place: Placement) -> Placement:
    """`links` and `local` in several places share a group; inline and coroutines have none."""
    return place if place.group is not None else replace(place, group="links")


def _place(one: ResolvedService) -> Placement | None:
    try:
        return one.place
    except PlacementError:
        return None


def _key(name: str) -> str:
    return f"services.{name}.placement"


def _shown(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
