"""A node that is looked at, made up."""

from __future__ import annotations

from mdht.cli.top.look import Numbers, Process, ProcessView, Rates, ServiceView, View
from mdht.control import About, ServiceRow

NAMES = ("store", "published", "peers", "upkeep", "local", "api", "files", "links", "listener", "door")


def row(name: str, at: int = 0) -> ServiceRow:
    """`links` and `local` in four processes, the others in one."""
    shared = name in ("links", "local")
    return ServiceRow(
        name,
        "process:4@links" if shared else "inline",
        "inline",
        pids=(101, 102, 103, 104) if shared else (100,),
        calls=at * 1_234_567,
        oldest_wait_s=0.001 * at,
        p99_s=0.0123 * at,
        cpu_s=float(at),
        rss_bytes=(50 + at) << 20,
        restarts=at // 8,
        last_error="signal 9 (SIGKILL)" if at // 8 else "",
    )


def view(trouble: str = "", services: int = len(NAMES), processes: int = 5) -> View:
    """With known rates."""
    rows = [row(name, at) for at, name in enumerate(NAMES[:services])]
    return View(
        about=About(id=b"\x5f" * 32, pid=100, network="mdht", addresses=("127.0.0.1:7000",), data_dir="/var/lib/mdht"),
        up_s=4_000.0,
        services=tuple(ServiceView(one, 3.0 * one.cpu_s, 1.0, one.calls / 100) for one in rows),
        processes=tuple(
            ProcessView(
                Process(100 + at, at * 2.0, (90 + at) << 20, 3, "sleeping", "(no service)"),
                tuple(one.name for one in rows if 100 + at in one.pids),
                10.0 * at,
            )
            for at in range(processes)
        ),
        numbers=Numbers(0.0, 12, 1_234, 5 << 20, 100, 100, 100),
        rates=Rates(12.0, 3.0, 18_000.0, 3e6, 1e7),
        trouble=trouble,
    )
