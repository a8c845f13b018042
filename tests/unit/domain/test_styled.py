"""Lists and objects in a path, a header and a cookie, each as its style says (SPEC 9)."""

import pytest

from ductape.domain.http.parts import fill_path, param_faults
from ductape.domain.http.styled import cookies_of, style_faults, styled_headers
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import Styles, query_pairs
from ductape.errors import ValidationError

LIST: JsonValue = ["a b", 2, None, "c/d"]
OBJECT: JsonValue = {"k": "v/w", "n": None, "l": 2}


@pytest.mark.parametrize(
    ("resource", "style", "value", "path"),
    [
        ("/x/:v", "comma", LIST, "/x/a%20b,2,c%2Fd"),
        ("/x/:v", "comma", OBJECT, "/x/k,v%2Fw,l,2"),
        ("/x/:v", "equals", OBJECT, "/x/k=v%2Fw,l=2"),
        ("/x/:v", "equals", LIST, "/x/a%20b,2,c%2Fd"),
        ("/x/.:{v}", "dots", LIST, "/x/.a%20b.2.c%2Fd"),
        ("/x/.:{v}", "dots", OBJECT, "/x/.k=v%2Fw.l=2"),
        ("/x/:{v}", "matrix", LIST, "/x/;v=a%20b;v=2;v=c%2Fd"),
        ("/x/:{v}", "matrix", OBJECT, "/x/;k=v%2Fw;l=2"),
        ("/x/:v", "json", {"k": [1]}, "/x/%7B%22k%22%3A%5B1%5D%7D"),
        ("/x/:v", "json", "a", "/x/%22a%22"),
        ("/x/:v", "comma", "a,b", "/x/a%2Cb"),
        ("/x/:{v}", "matrix", 7, "/x/;v=7"),
    ],
)
def test_a_path_holds_lists_and_objects_as_its_style_says(
    resource: str, style: str, value: JsonValue, path: str
) -> None:
    assert fill_path(resource, {"v": value}, styles={"params:v": style}) == path  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "value",
    [[], {}, [None], ["a", ""], [""], ["a", ".."], ["./x"], {"k": ".."}, {"": ""}, "", None],
)
def test_what_is_in_a_styled_list_stays_in_its_place(value: JsonValue) -> None:
    assert param_faults("/x/.:{v}", {"v": value}, styles={"params:v": "dots"})
    with pytest.raises(ValidationError):
        fill_path("/x/.:{v}", {"v": value}, styles={"params:v": "dots"})


def test_headers_hold_lists_and_objects_as_their_styles_say() -> None:
    styles: Styles = {"headers:X-A": "comma", "headers:x-b": "equals", "headers:X-C": "json"}
    given: JsonObject = {"x-a": LIST, "X-B": OBJECT, "X-C": {"a": [1]}, "X-D": 5, "X-E": None}
    assert styled_headers(given, styles) == {
        "x-a": "a b,2,c/d",
        "X-B": "k=v/w,l=2",
        "X-C": '{"a":[1]}',
        "X-D": 5,
        "X-E": None,
    }


def test_cookies_are_one_header_and_no_other() -> None:
    styles: Styles = {"headers:sid": "cookie", "headers:ids": "cookie", "headers:at": "cookies"}
    given: JsonObject = {"sid": "a;b c=%2F", "ids": [1, 2], "at": {"x": 1, "y": "é"}, "X": 1}
    assert cookies_of(given, styles) == "sid=a%3Bb%20c=%2F; ids=1,2; x=1; y=%C3%A9"
    assert styled_headers(given, styles) == {"X": 1}
    assert cookies_of({"X": 1}, styles) == ""
    assert cookies_of({"SID": "x"}, styles) == ""  # Names of cookies have a case.


def test_a_cookie_that_would_say_something_else_is_refused() -> None:
    styles: Styles = {"headers:a;b": "cookie"}
    faults = style_faults({"a;b": "x"}, styles, "input.headers")
    assert [one["path"] for one in faults] == ["input.headers.a;b"]


def test_an_object_in_a_query_is_joined_with_its_names() -> None:
    given: JsonObject = {"o": {"a": 1, "n": None, "b": "x"}}
    for style, text in (("comma", ("a", "1", "b", "x")), ("pipe", "a|1|b|x"), ("space", "a 1 b x")):
        assert query_pairs(given, {"query:o": style}) == (("o", text),)  # pyright: ignore[reportArgumentType]
