"""A configuration written as TOML is read as the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mdht.config import Config, Limits, ServiceConfig
from mdht.testnet.settings import to_toml

CONFIGS = {
    "default": Config(),
    "lmdb": Config(store="lmdb", data_dir="/somewhere"),
    "all": Config(
        network="other",
        secret="ab" * 32,
        listen=("127.0.0.1:0", "[::1]:0"),
        advertise=("example.org:7000",),
        seeds=(f"{'00' * 32}@127.0.0.1:7000",),
        store="memory",
        replicas=5,
        file_replicas=4,
        min_replicas=2,
        timeout_s=1.5,
        allow=("11" * 32,),
        deny=("22" * 32,),
        limits=Limits(links=7, owner_bytes=1 << 20),
        services={"store": ServiceConfig("process+pipe", affinity=(0,), nice=5, restart=False), "api": "thread"},
    ),
    "profile": Config(profile="server", limits=Limits(links=9)),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_there_and_back(name: str) -> None:
    config = CONFIGS[name]
    text = to_toml(config)
    assert "data_dir" not in text
    data_dir = f'data_dir = "{config.data_dir}"\n' if config.data_dir else ""
    assert Config.from_toml(data_dir + text) == config


def test_only_what_differs_is_written() -> None:
    usual = 'profile = "single"\nstore = "memory"\n'
    assert to_toml(Config()) == usual
    assert to_toml(replace(Config(), door=False, alpha=4)) == f"{usual}door = false\nalpha = 4\n"
    limited = to_toml(Config(limits=replace(Config().limits, links=7)))
    assert limited == f"{usual}\n[limits]\nlinks = 7\n"


def test_text_is_quoted() -> None:
    odd = replace(Config(), network='a"b\\c\n\x7fü')
    assert 'network = "a\\"b\\\\c\\n\\u007fü"\n' in to_toml(odd)
