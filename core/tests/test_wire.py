"""Headers as Django gets to see them."""

import pytest

from core.wire import clean_content_type, clean_cookies


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/plain; charset=hex", "text/plain"),
        ("text/plain; charset*=hex''x; boundary=b", "text/plain"),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4",
            'multipart/form-data; boundary="----WebKitFormBoundary7MA4"',
        ),
        ('Multipart/Form-Data; charset=utf-7; BOUNDARY="a b"; x=y', 'Multipart/Form-Data; boundary="a b"'),
        ("multipart/form-data; boundary*=nonsense''x", "multipart/form-data"),
        ("multipart/form-data; boundary=" + "x" * 71, "multipart/form-data"),
        ("multipart/form-data; boundary=\xff", "multipart/form-data"),
        ('multipart/form-data; boundary="x', "multipart/form-data"),
        ("multipart/form-data", "multipart/form-data"),
        (";;;", ""),
    ],
)
def test_a_content_type_keeps_nothing_but_the_boundary_of_a_form(sent: str, clean: str) -> None:
    assert clean_content_type(sent) == clean


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("a=1; b=2", "a=1; b=2"),
        ('a="x y"; b=\\', 'a="x y"; b=\\'),
        ('a="\\303\\251"; b=2', 'a="\\303\\251"; b=2'),
        ('sessionid="\\000a"; b=2', " b=2"),
        ('a=1; b="\\012"; c=3', "a=1; c=3"),
        ('"\\000"=1', '"\\000"=1'),
        ("a=\x01; b=2", " b=2"),
        ("a\x7f=1", ""),
    ],
)
def test_cookies_with_control_characters_are_dropped_and_no_other(sent: str, clean: str) -> None:
    assert clean_cookies(sent) == clean
