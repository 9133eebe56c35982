"""The host a call went to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.dispatch import base_url_host

urls = st.lists(st.sampled_from(["https", "://", "/", ":", "a.b", "é", "@", ""]), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api.anthropic.com/v1", "api.anthropic.com"),
        ("http://u:p@[2001:db8::1]:80/v1", "u:p@[2001:db8::1]:80"),
        ("api.x.ai:8443/v1", "api.x.ai:8443/v1"),
        ("//host/path", "//host/path"),
        ("http://a://b/c", "a"),
        ("u@HOST/a://b", "b"),
        ("https://host?query=/x", "host?query="),
        ("https:///path", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_the_host_is_the_text_between_the_scheme_and_the_path(base_url, host):
    assert base_url_host(base_url) == host


@given(urls)
def test_a_host_has_no_slash_and_stands_right_behind_the_first_scheme_mark(base_url):
    host = base_url_host(base_url)
    if "://" not in base_url:
        assert host == base_url
    else:
        assert "/" not in host
        behind = base_url[base_url.index("://") + 3 :]
        assert behind.startswith(host)
        assert behind[len(host) :].startswith(("/", "://")) or behind == host
