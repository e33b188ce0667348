"""How many CPUs a control group lets its processes have, from the files in which Linux says so. Pure.

A container with `--cpus=2` sees every CPU of its machine; only the quota of its group says two. It is `cpu.max` in
version 2 ("200000 100000": microseconds in each period; cgroups(7), Documentation/admin-guide/cgroup-v2.rst), and
`cpu.cfs_quota_us` with `cpu.cfs_period_us` in version 1 (Documentation/scheduler/sched-bwc.rst). Groups above it count
as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

Read = Callable[[str], str]
"""The text of a file, by its path. Raises OSError."""


def quota(read: Read) -> float | None:
    """CPUs that this process may use at a time by the quotas of its groups, such as 1.5; None: as many as there are.
    Files that are missing or say something else are no quota. `read` may raise OSError.
    """
    paths = own_groups(_text(read, "/proc/self/cgroup"))
    found = []
    for version, root, mount in mounts(_text(read, "/proc/self/mountinfo")):
        if version not in paths:
            continue
        for folder in folders(paths[version], root, mount):
            if version == 2:
                cpus = of_max(_text(read, f"{folder}/cpu.max"))
            else:
                cpus = of_cfs(_text(read, f"{folder}/cpu.cfs_quota_us"), _text(read, f"{folder}/cpu.cfs_period_us"))
            if cpus is not None:
                found.append(cpus)
    return min(found, default=None)


def own_groups(text: str) -> dict[int, str]:
    """Of /proc/self/cgroup: the path of this process's group, by version; in 1, that of the controller `cpu`."""
    paths: dict[int, str] = {}
    for line in text.splitlines():
        _, separator, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if not separator:
            continue
        if not controllers:
            paths[2] = path
        elif "cpu" in controllers.split(","):
            paths[1] = path
    return paths


def mounts(text: str) -> list[tuple[int, str, str]]:
    """Of /proc/self/mountinfo (proc(5)): version, root and mount point of each hierarchy that may limit CPUs."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) < 5 or len(right) < 3:
            continue
        if right[0] == "cgroup2":
            found.append((2, left[3], left[4]))
        elif right[0] == "cgroup" and "cpu" in right[2].split(","):
            found.append((1, left[3], left[4]))
    return found


def folders(path: str, root: str, mount: str) -> Iterator[str]:
    """The folder of a group and those of all groups above it, as far as they are mounted. In a namespace of its own a
    container sees its group as `/`; without one, its group is the root of the mount, or only the machine's are seen.
    """
    top = root.rstrip("/")
    below = path == root or path.startswith(f"{top}/")
    parts = [part for part in path[len(top) :].split("/") if part] if below else []
    if ".." in parts:  # outside the namespace
        parts = []
    for length in range(len(parts), -1, -1):
        yield "/".join([mount.rstrip("/"), *parts[:length]])


def of_max(text: str) -> float | None:
    """CPUs of a `cpu.max`; None: no limit."""
    words = text.split()
    return of_cfs(words[0], words[1] if len(words) > 1 else "100000") if words else None


def of_cfs(quota_us: str, period_us: str) -> float | None:
    """CPUs of a quota in each period, both in microseconds; None: no limit."""
    try:
        most, period = int(quota_us), int(period_us)
    except ValueError:
        return None
    return most / period if most > 0 and period > 0 else None


def _text(read: Read, path: str) -> str:
    try:
        return read(path)
    except (OSError, UnicodeDecodeError):
        return ""
