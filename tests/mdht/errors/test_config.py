from __future__ import annotations

from mdht.errors import ConfigError


def test_all_faults_of_a_configuration() -> None:
    exc = ConfigError([("k", "is 0", "give 1 to 64"), ("alpha", "is 'x'", "give a number")])
    assert str(exc).splitlines() == [
        "2 faults in the configuration",
        "  k: is 0; give 1 to 64",
        "  alpha: is 'x'; give a number",
    ]
