"""Conformance: puts a channel or a spawner, ours or yours, through the contract that this package relies on.

    from ipc.conformance import check_channel, check_spawner

    report = check_channel(MyChannel)   # NotConformant names the clause that is broken, and what happened
    print(report.not_applicable)        # clauses that could not be checked, and why

With pytest, one test a clause:

    @pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in channel_checks()])
    def test_my_channel(check):
        if reason := check(MyChannel):
            pytest.skip(reason)

Written for implementers; it needs no test framework. (The model are trio's channel tests and pykka's runtime tests.)
"""

from .channel import channel_checks, check_channel
from .spawner import check_spawner, spawner_checks
from .verdict import NotConformant, Report

__all__ = ["NotConformant", "Report", "channel_checks", "check_channel", "check_spawner", "spawner_checks"]
