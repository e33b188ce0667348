from __future__ import annotations

import pytest

from mdht.errors import BadText
from mdht.model import check_network, check_token


@pytest.mark.parametrize("name", ["a", "Main", "test.net", "x" * 64, "9-_."])
def test_network_names(name: str) -> None:
    assert check_network(name) == name


@pytest.mark.parametrize("name", ["", ".a", "a b", "ü", "x" * 65, "a\n", "a\0", 7, None, b"a"])
def test_names_that_no_network_has(name: str) -> None:
    with pytest.raises(BadText) as caught:
        check_network(name)
    assert "1 to 64" in str(caught.value)


@pytest.mark.parametrize("token", ["tcp", "x" * 32, "a.b-c_1"])
def test_tokens(token: str) -> None:
    assert check_token(token, "capability") == token


@pytest.mark.parametrize("token", ["", "TCP", "-a", "x" * 33, "a/b", "é", "a\n", None])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(BadText) as caught:
        check_token(token, "capability")
    assert str(caught.value).startswith("capability ")
