from __future__ import annotations

import inspect
from typing import Any

import pytest

from mdht import errors
from mdht.errors import LinkRefused, LocalError, MdhtError, NotDone, Refusal, RemoteError, shown

ALL: list[type[MdhtError]] = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, MdhtError)
]
BRANCHES = (LocalError, RemoteError, NotDone)
SAMPLES: dict[type, Any] = {
    str: "text",
    int: 7,
    float: 7.5,
    bytes: b"7",
    bool: True,
    tuple: (("key", "wrong", "right"),),
}


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error(cls: type[MdhtError]) -> None:
    if cls is not MdhtError:
        assert sum(issubclass(cls, branch) for branch in BRANCHES) == 1
    assert inspect.getdoc(cls)
    if cls.__init__ is Exception.__init__:
        return
    parameters = list(inspect.signature(cls).parameters.values())
    values = [SAMPLES[type(parameter.default)] for parameter in parameters]
    exc = cls(*values)
    for parameter, value in zip(parameters, values, strict=True):
        assert getattr(exc, parameter.name) == value
    assert str(exc)
    assert str(cls())
    # It crosses a channel as what it is: made again from its arguments and attributes, all of them plain.
    again = cls.__new__(cls, *exc.args)
    again.__dict__.update(exc.__dict__)
    assert str(again) == str(exc)
    assert all(type(value) in SAMPLES for value in exc.__dict__.values())
    assert str(cls(*exc.args)) == str(exc)


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_has_advice(reason: Refusal) -> None:
    for by_us in (False, True):
        exc = LinkRefused(reason, "1a2b3c4d", by_us)
        assert type(exc.reason) is str
        assert "1a2b3c4d" in str(exc) and str(reason) in str(exc)
        assert "operator" not in str(exc)


def test_a_refusal_of_a_newer_peer_is_shown() -> None:
    assert "by 1a2b3c4d: not today" in str(LinkRefused("not today", "1a2b3c4d"))


def test_all_faults_of_a_configuration() -> None:
    exc = errors.ConfigError([("k", "is 0", "give 1 to 64"), ("alpha", "is 'x'", "give a number")])
    assert str(exc).splitlines() == [
        "2 faults in the configuration",
        "  k: is 0; give 1 to 64",
        "  alpha: is 'x'; give a number",
    ]


def test_text_of_others_is_one_short_line() -> None:
    for quotes in (True, False):
        text = shown("\x1b[31m\n" + "x" * 500, quotes=quotes)
        assert text.isprintable() and len(text) < 120
    assert shown("plain", quotes=False) == "plain"
    assert shown("plain") == "'plain'"
