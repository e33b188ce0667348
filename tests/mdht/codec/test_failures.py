from __future__ import annotations

import pytest

from mdht import errors, limits
from mdht.codec import ENCODINGS, Error, ErrorCode, Unknown, answer_unknown, error_for, failure


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (errors.QuotaExceeded("owner", "1a2b", 9, 10), ErrorCode.QUOTA),
        (errors.StoreFull(1, 1), ErrorCode.FULL),
        (errors.TooManyOwners(64), ErrorCode.OWNERS),
        (errors.BadSignature("mdht record 1"), ErrorCode.REJECTED),
        (errors.Expired(1, 2.0), ErrorCode.REJECTED),
        (errors.Malformed("record", "it is empty"), ErrorCode.REJECTED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_told(exc: errors.MdhtError, code: ErrorCode) -> None:
    error = error_for(7, exc, retry_ms=10)
    assert error == Error(7, code, str(exc)[: limits.TEXT_CHARS], 10)
    back = failure(error, "1a2b3c4d")
    assert (back.code, back.text, back.who) == (code, error.text, "1a2b3c4d")
    assert "1a2b3c4d" in str(back)


def test_secrets_are_not_told() -> None:
    for exc in (ValueError("/home/user/secret"), errors.BadKey("of /home/user"), KeyError("x")):
        assert error_for(7, exc) == Error(7, ErrorCode.INTERNAL, "internal error")


def test_what_is_told_fits_its_bounds() -> None:
    error = error_for(7, errors.Malformed("record", "x" * 1000), retry_ms=10**9)
    for coded in ENCODINGS.values():
        assert coded.decode(coded.encode(error)) == error


def test_an_unknown_request_is_answered_and_nothing_else() -> None:
    assert answer_unknown(Unknown(16, 9)) == Error(9, ErrorCode.UNSUPPORTED, "message 16 is not known here")
    assert answer_unknown(Unknown(70, 9)) is None
    assert answer_unknown(Unknown(112)) is None
