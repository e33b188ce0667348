"""Every command line, probe and configuration in the deployment files is one that the program understands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from mdht.cli.doctor import doctor
from mdht.cli.exits import IN_USE, REFUSED, USAGE
from mdht.cli.live import LIVE_S
from mdht.cli.run import run
from mdht.cli.serving import STOP_S
from mdht.cli.settings import settings
from mdht.config import Config, read_toml
from mdht.transport.accepting import BACKLOG

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONFIG = DEPLOY / "config.toml"

PROBE = ["mdht", "doctor", "--live", "--timeout", "8"]


def understood(command: click.Command, arguments: list[str]) -> dict[str, Any]:
    return command.make_context("mdht", list(arguments)).params


def runs(arguments: list[str], toml: str, tmp_path: Path) -> Config:
    """The configuration of `mdht run` with these arguments, and this text where they name a file."""
    assert arguments[0] == "run"
    params = understood(run, arguments[1:])
    file = None
    if params["file"] is not None:
        file = str(tmp_path / "config.toml")
        Path(file).write_text(toml)
    keys = ("listen", "advertise", "seeds", "profile", "store", "network", "replicas")
    config = settings(file, str(tmp_path), True, {key: params[key] for key in keys})
    assert (config.profile, config.store) == ("server", "lmdb")
    assert [port for _, _, port in config.listen_at] == [7000]
    return config


def directives(name: str) -> dict[str, list[str]]:
    """Of a systemd unit, whatever section they stand in."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_the_configuration() -> None:
    config = Config.from_tables({**read_toml(CONFIG.read_bytes()), "data_dir": "/var/lib/mdht"})
    assert (config.profile, config.store) == ("server", "lmdb")


def test_systemd(tmp_path: Path) -> None:
    unit, listening = directives("mdht.service"), directives("mdht.socket")
    command = shlex.split(unit["ExecStart"][0])
    config = runs([*command[1:-2], "-d", str(tmp_path)], CONFIG.read_text(), tmp_path)
    assert set(map(int, unit["RestartPreventExitStatus"][0].split())) == {USAGE, REFUSED, IN_USE}
    assert int(unit["TimeoutStopSec"][0]) > STOP_S
    assert int(unit["TasksMax"][0]) > 4 * (256 + 8), "threads of processes of links on 256 CPUs"
    assert int(unit["LimitNOFILE"][0]) > config.limits.links + config.limits.half_open
    ports = {int(one.rpartition(":")[2]) for one in listening["ListenStream"]}
    assert ports == {port for _, _, port in config.listen_at}
    assert listening["Accept"] == ["no"] and listening["Backlog"] == [str(BACKLOG)]


def test_the_container(tmp_path: Path) -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    lists = {key: json.loads(value) for key, value in re.findall(r"(ENTRYPOINT|CMD) (\[.*\])$", text, re.M)}
    health = json.loads(re.findall(r"HEALTHCHECK .* CMD (\[.*\])$", text, re.M)[0])
    assert lists["ENTRYPOINT"] == ["mdht"] and health == PROBE
    runs([*lists["CMD"], "--advertise", "node.example.org:7000"], "", tmp_path)
    assert re.search(r"^USER \d+:\d+$", text, re.M), "a number, which Kubernetes can tell from root"


def test_what_gets_into_an_image() -> None:
    lines = [one for one in (ROOT / ".dockerignore").read_text().splitlines() if not one.startswith("#")]
    assert lines[0] == "*", "nothing but what is named"
    assert {one[1:] for one in lines if one.startswith("!")} == {"setup.py", "LICENSE", "ipc", "mdht"}


def test_compose(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    assert (DEPLOY / "container" / found["configs"]["mdht"]["file"]).resolve() == CONFIG
    for name, node in found["services"].items():
        config = runs(shlex.split(node["command"]), CONFIG.read_text(), tmp_path)
        assert config.advertise == (f"{name}:7000",)
        assert set(config.seeds) == {f"{one}:7000" for one in found["services"]} - {f"{name}:7000"}
        assert node["healthcheck"]["test"] == ["CMD", *PROBE]
        assert node["volumes"] == [f"{name}:/data"] and name in found["volumes"]


def test_kubernetes(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    found = {
        one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "statefulset.yaml").read_text()) if one
    }
    assert set(found) == {"ConfigMap", "Service", "PodDisruptionBudget", "StatefulSet"}
    pod = found["StatefulSet"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    toml = found["ConfigMap"]["data"]["config.toml"]
    config = runs([one.replace("$(POD)", "mdht-3") for one in container["args"]], toml, tmp_path)
    assert config.advertise == ("mdht-3.mdht:7000",)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = container[probe]["exec"]["command"]
        assert command == PROBE
        assert container[probe]["timeoutSeconds"] > understood(doctor, command[2:])["timeout"] + 2
    assert pod["spec"]["terminationGracePeriodSeconds"] > STOP_S
    labels = pod["metadata"]["labels"]
    assert labels == found["Service"]["spec"]["selector"]
    assert labels == found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert container["resources"]["limits"]["cpu"], "else as many processes of links as the machine has CPUs"


def test_probes_end_in_time() -> None:
    assert understood(doctor, PROBE[2:])["timeout"] == LIVE_S
