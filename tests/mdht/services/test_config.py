"""Configurations: all faults at once, each with its key; reading TOML."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdht.config import Config, Limits, ServiceConfig, parse_listen
from mdht.errors import BadText, ConfigError

SECRET = "5f" * 32


def keys(config: Config) -> list[str]:
    return [key for key, _, _ in config.validate()]


def test_the_default_is_valid() -> None:
    assert Config().validate() == []
    Config().check()


def test_all_faults_at_once() -> None:
    config = Config(
        network="no spaces",
        secret="1234",
        listen=("nowhere",),
        seeds=("xx@127.0.0.1:1", "127.0.0.1:7000"),
        store="tape",
        replicas=0,
        alpha=0,
        timeout_s=0.0,
        deny=("short",),
        limits=Limits(links=0),
        services={"peers": "process", "links": "process+deque", "api": "process:2", "cellar": "inline"},
    )
    assert keys(config) == [
        "network",
        "secret",
        "listen[0]",
        "seeds[0]",
        "store",
        "replicas",
        "reads",
        "alpha",
        "timeout_s",
        "deny[0]",
        "limits.links",
        "services.peers.placement",
        "services.links.placement",
        "services.api.placement",
        "services.cellar",
    ]
    assert "1234" not in str(config.validate()), "a secret is never shown"
    with pytest.raises(ConfigError, match="15 faults"):
        config.check()


def test_all_hosts_need_an_address_to_tell() -> None:
    assert keys(Config(listen=("0.0.0.0:7000",))) == ["listen[0]"]
    assert keys(Config(listen=("[::]:7000",), advertise=("example.org:7000",))) == []


def test_lmdb_needs_a_directory() -> None:
    assert keys(Config(store="lmdb")) == ["data_dir"]


def test_listening_at_any_port() -> None:
    assert parse_listen("127.0.0.1:0") == ("tcp", "127.0.0.1", 0)
    assert parse_listen("[::1]:0") == ("tcp", "::1", 0)
    assert parse_listen("memory://a:7") == ("memory", "a", 7)
    with pytest.raises(BadText):
        parse_listen("127.0.0.1")


def test_toml(tmp_path: Path) -> None:
    text = f'network = "n"\nsecret = "{SECRET}"\nlisten = ["127.0.0.1:7000"]\ntimeout_s = 3\n[limits]\nlinks = 7\n'
    (tmp_path / "node.toml").write_text(text)
    config = Config.load(str(tmp_path / "node.toml"))
    assert (config.network, config.limits.links, config.timeout_s) == ("n", 7, 3)
    assert config.secret_bytes == b"\x5f" * 32
    assert SECRET not in repr(config)
    assert Config.from_toml("[node]\nreplicas = 4").replicas == 4


def test_toml_with_faults() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_toml('listn = []\nsecret = 5\nreplicas = "8"\nstore = "tape"\n[limits]\nlinkz = 1\nlinks = true')
    found = [key for key, _, _ in caught.value.faults]
    assert found == ["listn", "secret", "replicas", "limits.linkz", "limits.links", "store"]
    with pytest.raises(ConfigError, match="toml"):
        Config.from_toml("= nothing")


def test_what_lives_in_one_process_has_one_priority() -> None:
    links = ServiceConfig("process:2@links", nice=5)
    assert keys(Config(services={"links": links, "local": links})) == []
    config = Config(services={"links": "process:2@links", "local": links})
    assert keys(config) == []
    assert [config.placed[name].nice for name in ("links", "local", "api")] == [5, 5, None]
