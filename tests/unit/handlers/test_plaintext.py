"""The text part of an e-mail, derived from its HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.handlers.notification.plaintext import has_markup, text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<style>p {}</style><title>t</title><p>seen</p><script>x()</script>", "seen"),
        ("<p>  lots \n of   space </p>", "lots of space"),
        ("<a href='https://a.example'>here</a>", "here (https://a.example)"),
        ("<a href='https://a.example'>https://a.example</a>", "https://a.example"),
        ("<img alt='Logo' src='x'> &lt;b&gt; &euro;5", "Logo <b> €5"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("unclosed <p>para", "unclosed\n\npara"),
    ],
)
def test_html_reads_as_a_person_would_read_it(html: str, text: str) -> None:
    assert text_of(html) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_html_breaks_the_reader(html: str) -> None:
    assert isinstance(text_of(html), str)


@pytest.mark.parametrize("text", ["Tom &amp; Jerry", "5 &#8364;", "&#x20AC;5", "caf&eacute;"])
def test_what_html_writes_with_an_ampersand_makes_it_html(text: str) -> None:
    assert has_markup(text)
    assert "&" not in text_of(text).replace("Tom & Jerry", "")


@pytest.mark.parametrize("text", ["R&D; and more", "a=1&b=2;", "AT&T", "&;", "1 < 2"])
def test_an_ampersand_of_its_own_makes_nothing_html(text: str) -> None:
    assert not has_markup(text)


@given(st.text(st.characters(exclude_characters="<&", exclude_categories=["Cs"])))
def test_a_text_without_angle_brackets_and_ampersands_is_no_html(text: str) -> None:
    assert not has_markup(text)
