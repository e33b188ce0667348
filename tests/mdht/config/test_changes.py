"""How configurations differ, and a configuration written as TOML."""

from __future__ import annotations

from unittest.mock import patch

from mdht.config import Config, ServiceConfig
from mdht.config.changes import differences
from mdht.config.writing import toml_of


def test_what_is_not_set_is_said() -> None:
    config = Config(services={"store": ServiceConfig("process", nice=5)})
    told = {one.key: (one.before, one.after) for one in differences(Config(services={"store": "process"}), config)}
    assert told == {"services.store.nice": ("not set", "5")}
    changes = differences(Config(services={"store": "process"}), config)
    assert "nice = 5  # changed: it was not set" in toml_of(config, changes)


def test_parts_that_are_not_given_do_not_differ() -> None:
    with patch("mdht.config.node.cpu_count", lambda: 2):
        usual = Config(profile="server")
        assert not differences(usual, Config(profile="server", services={"store": ServiceConfig(watchdog_s=30.0)}))
        (change,) = differences(usual, Config(profile="server", services={"store": ServiceConfig(watchdog_s=60.0)}))
        assert (change.key, change.live) == ("services.store.watchdog_s", False)
        text = toml_of(Config(profile="server", services={"links": ServiceConfig(nice=3)}))
        assert {Config.from_toml(text).placed[name].nice for name in ("links", "local")} == {3}
        assert text.count("nice = 3") == 2, "local shares their processes"
