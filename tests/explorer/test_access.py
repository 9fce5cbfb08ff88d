"""Only the page that was opened with the token, on this machine, gets answers."""

from __future__ import annotations

import pytest

from dcgan_kit.explorer.access import Access

ACCESS = Access("s3cret", 8000)
HOST = {"host": "127.0.0.1:8000"}
COOKIE = {**HOST, "cookie": "other=1; dcgan-kit-explorer-8000=s3cret"}


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", "token=s3cret", HOST),
        ("GET", "", COOKIE),
        ("GET", "", {**COOKIE, "host": "localhost:8000"}),
        # What programs at other ports leave; there may be an older cookie of this page too.
        *(
            ("GET", "", {**HOST, "cookie": f"{other}; dcgan-kit-explorer-8000=s3cret"})
            for other in ('a={"x":1}', "a=x y", "flag", "=", '"', "dcgan-kit-explorer-8000=old")
        ),
        ("GET", "token=s3cret", {**HOST, "sec-fetch-site": "cross-site"}),
        ("POST", "", {**COOKIE, "origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}),
    ],
)
def test_the_page_is_answered(method, query, headers):
    assert ACCESS.refusal(method, query, headers) == ""


@pytest.mark.parametrize(
    ("method", "query", "headers", "reason"),
    [
        ("GET", "", HOST, "token"),
        ("GET", "token=s3cre", HOST, "token"),
        ("GET", "token=s3cret0", HOST, "token"),
        ("GET", "token=%C3%A9", HOST, "token"),
        ("GET", "", {**HOST, "cookie": "dcgan-kit-explorer-8000=wrong"}, "token"),
        ("GET", "", {**HOST, "cookie": "dcgan-kit-explorer-8001=s3cret"}, "token"),
        ("GET", "", {**HOST, "cookie": '"'}, "token"),
        ("GET", "", {**HOST, "cookie": "dcgan-kit-explorer-8000"}, "token"),
        ("GET", "", {**HOST, "cookie": 'a="; dcgan-kit-explorer-8000=s3cret0"'}, "token"),
        ("GET", "token=s3cret", {}, "host"),
        ("GET", "token=s3cret", {"host": "evil.example"}, "host"),
        ("GET", "token=s3cret", {"host": "127.0.0.1:8001"}, "host"),
        ("GET", "", {**COOKIE, "origin": "http://127.0.0.1:8001"}, "another page"),
        ("GET", "", {**COOKIE, "sec-fetch-site": "same-site"}, "another page"),
        ("POST", "", COOKIE, "another page"),
        ("POST", "", {**COOKIE, "origin": "null"}, "another page"),
        ("POST", "", {**COOKIE, "origin": "https://evil.example"}, "another page"),
    ],
)
def test_nobody_else_is(method, query, headers, reason):
    assert reason in ACCESS.refusal(method, query, headers)


def test_the_cookie_is_for_this_page_alone():
    assert ACCESS.keep() == "dcgan-kit-explorer-8000=s3cret; Path=/; HttpOnly; SameSite=Strict"
