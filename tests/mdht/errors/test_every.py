from __future__ import annotations

import inspect
from typing import Any

import pytest

from mdht import errors
from mdht.errors import LocalError, MdhtError, NotDone, RemoteError

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
    assert cls.__module__ == "mdht.errors"
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
