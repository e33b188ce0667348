"""How many CPUs there are by affinity and by the quotas of control groups, from the contents of files."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from ipc.scheduling import Scheduling
from mdht.config import Config, ServiceConfig, cpu_count
from mdht.config.cgroup import folders, mounts, of_cfs, of_max, own_groups, quota
from mdht.config.cpus import cpu_set
from mdht.config.services import numbers

MOUNT_2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNTS_1 = (
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
)
DOCKER_1 = "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro,relatime master:17 - cgroup cgroup rw,cpu\n"


def reader(files: dict[str, str]) -> Callable[[str], str]:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read


def machine(groups: str, mountinfo: str, **files: str) -> float | None:
    here = {f"/sys/fs/cgroup/{path}": text for path, text in files.items()}
    return quota(reader({"/proc/self/cgroup": groups, "/proc/self/mountinfo": mountinfo, **here}))


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("200000 100000\n", 2.0),
        ("150000 100000", 1.5),
        ("max 100000\n", None),
        ("50000", 0.5),
        ("", None),
        ("0 0", None),
        ("many 100000", None),
        ("-1 100000", None),
    ],
)
def test_cpu_max(text: str, cpus: float | None) -> None:
    assert of_max(text) == cpus


def test_cfs() -> None:
    assert of_cfs("200000\n", "100000\n") == 2.0
    assert of_cfs("-1\n", "100000\n") is None
    assert of_cfs("200000", "") is None and of_cfs("1", "0") is None


def test_own_groups() -> None:
    assert own_groups("0::/user.slice/a:b.scope\n") == {2: "/user.slice/a:b.scope"}
    both = "12:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/y\n0::/system.slice\nnonsense\n"
    assert own_groups(both) == {1: "/docker/abc", 2: "/system.slice"}


def test_mounts() -> None:
    assert mounts(MOUNT_2) == [(2, "/", "/sys/fs/cgroup")]
    assert mounts(MOUNTS_1 + DOCKER_1 + "short - line\n\n") == [
        (1, "/", "/sys/fs/cgroup/cpu,cpuacct"),
        (1, "/docker/abc", "/sys/fs/cgroup/cpu"),
    ]


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/", "/", ["/m/"]),
        ("/a/b", "/", ["/m/a/b", "/m/a", "/m/"]),
        ("/docker/abc", "/docker/abc", ["/m/"]),
        ("/docker/abc/x", "/docker/abc", ["/m/x", "/m/"]),
        ("/docker/abcd", "/docker/abc", ["/m/"]),
        ("/../other", "/", ["/m/"]),
        ("/other", "/docker/abc", ["/m/"]),
    ],
)
def test_folders(path: str, root: str, expected: list[str]) -> None:
    assert [f"{folder.rstrip('/')}/" for folder in folders(path, root, "/m")] == [
        f"{one.rstrip('/')}/" for one in expected
    ]


def test_quota_of_version_2() -> None:
    assert machine("0::/\n", MOUNT_2, **{"cpu.max": "200000 100000\n"}) == 2.0
    nested = {"a.slice/b.scope/cpu.max": "max 100000", "a.slice/cpu.max": "300000 100000"}
    assert machine("0::/a.slice/b.scope\n", MOUNT_2, **nested) == 3.0, "a group above counts"
    assert machine("0::/a.slice/b.scope\n", MOUNT_2, **{**nested, "a.slice/b.scope/cpu.max": "50000 100000"}) == 0.5
    assert machine("0::/\n", MOUNT_2) is None


def test_quota_of_version_1() -> None:
    files = {
        "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert machine("4:cpu,cpuacct:/docker/abc\n0::/\n", MOUNTS_1, **files) == 2.5
    inside = {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}
    assert machine("4:cpu:/docker/abc\n", DOCKER_1, **inside) == 2.0


def test_no_such_files() -> None:
    assert quota(reader({})) is None


@pytest.mark.parametrize(("limit", "count"), [(None, 4), (2.0, 2), (1.5, 2), (0.3, 1), (64.0, 4)])
def test_how_many_cpus(monkeypatch: pytest.MonkeyPatch, limit: float | None, count: int) -> None:
    monkeypatch.setattr("mdht.config.cpus.quota", lambda _: limit)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6, 7}, raising=False)
    assert cpu_set() == (3, 5, 6, 7)
    assert cpu_count() == count
    assert Config(profile="server").places == count


def test_affinity_is_of_the_cpus_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ipc` sees it at the start."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 3, 7}, raising=False)
    assert not Config(services={"api": ServiceConfig("process", affinity=(1,))}).validate()
    assert Scheduling.check((1,), None)
    (fault,) = Config(services={"api": ServiceConfig("process", affinity=(0, 1, 9))}).validate()
    assert fault == ("services.api.affinity", "[0, 9]", "of the CPUs that this process may use: 1-3, 7")
    with pytest.raises(ValueError, match="processor 0"):
        Scheduling.check((0,), None)


def test_numbers() -> None:
    assert [numbers(those) for those in ((), (4,), (0, 1), (0, 2, 3, 4, 9))] == ["", "4", "0-1", "0, 2-4, 9"]
