"""What the parser makes of a text, and what it finds wrong with one."""

import pytest

from ductape.domain.references.grammar import DEEPEST, MOST_USES, parse
from ductape.domain.references.operators import OPERATORS
from ductape.domain.references.syntax import (
    Call,
    Flaw,
    Given,
    Listing,
    NearMiss,
    Reference,
    Template,
    Text,
)


def the_flaw(text: str) -> Flaw:
    (flaw,) = parse(text).flaws
    return flaw


def the_argument(text: str) -> object:
    template = parse(f"$Uppercase({text})")
    assert template.flaws == ()
    call = template.alone
    assert isinstance(call, Call)
    return call.arguments[0]


def test_a_text_without_a_dollar_stands_for_itself() -> None:
    assert parse("plain {text} (here)") == Template((Text("plain {text} (here)"),))


def test_a_reference_has_a_name_and_a_path() -> None:
    assert parse("$Session{details}{id}").parts == (Reference("Session", ("details", "id"), 0),)


def test_a_segment_is_any_text_but_braces() -> None:
    (reference,) = parse("$Variable{my app}{$Now() é. 'x'}").references
    assert reference.path == ("my app", "$Now() é. 'x'")


def test_a_reference_stands_inside_longer_text() -> None:
    assert parse("Hi $Session{name}!").parts == (
        Text("Hi "),
        Reference("Session", ("name",), 3),
        Text("!"),
    )


def test_only_a_reference_with_nothing_round_it_is_alone() -> None:
    assert parse("$Session{name}").alone == Reference("Session", ("name",), 0)
    assert parse(" $Session{name}").alone is None
    assert parse("$Session{a}$Session{b}").alone is None
    assert parse("$$").alone is None


def test_two_dollars_are_one() -> None:
    assert parse("$$Session{a} costs $$5$$").parts == (Text("$Session{a} costs $5$"),)


def test_a_reference_may_follow_an_escaped_dollar() -> None:
    assert parse("$$$Session{a}").parts == (Text("$"), Reference("Session", ("a",), 2))


@pytest.mark.parametrize(
    "text",
    [
        "$",
        "$5",
        "a $ b",
        "$ {x}",
        "${HOME}",
        "$1{a}",
        "$price{x}",
        "$Nowhere",
        "$And(x)",
        "$é{x}",
        "$_(x)",
    ],
)
def test_a_dollar_that_begins_nothing_known_is_plain_text(text: str) -> None:
    assert parse(text) == Template((Text(text),))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("$session{details}{id}", "$Session{tag}{key}"),
        ("$Sesion{id}", "$Session{tag}{key}"),
        ("$Sessions{id}", "$Session{tag}{key}"),
        ("$Sessoin{id}", "$Session{tag}{key}"),
        ("$Sassion{id}", "$Session{tag}{key}"),
        ("$Session(id)", "$Session{tag}{key}"),
        ("$Session", "$Session{tag}{key}"),
        ("$Session1{id}", "$Session{tag}{key}"),
        ("$NOW()", "$Now()"),
        ("$Now", "$Now()"),
        ("$uppercas('x')", "$Uppercase(text)"),
        ("$trim('x')", "$Trim(text)"),
    ],
)
def test_a_near_miss_is_plain_text_and_told(text: str, meant: str) -> None:
    template = parse(f"x {text}")
    assert template.parts == (Text(f"x {text}"),)
    assert [(miss.meant, miss.at) for miss in template.near_misses] == [(meant, 2)]


def test_a_near_miss_says_how_it_was_written() -> None:
    assert parse("$session{id}").near_misses == (NearMiss("$session{", "$Session{tag}{key}", 0),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'it is'", "it is"),
        ('"it\'s"', "it's"),
        (r"'it\'s'", "it's"),
        (r'"a\\b\"\/\n\t\r\b\f"', 'a\\b"/\n\t\r\b\f'),
        (r"'\u00e9\u20AC'", "é€"),
        ("'$Session{id} $$'", "$Session{id} $$"),
        ("''", ""),
        ("0", 0),
        ("-12", -12),
        ("2.50", 2.5),
        ("1e3", 1000.0),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("true", True),
        ("false", False),
        ("null", None),
    ],
)
def test_an_argument_is_a_written_value(written: str, value: object) -> None:
    argument = the_argument(written)
    assert isinstance(argument, Given)
    assert (argument.value, type(argument.value)) == (value, type(value))


def test_a_list_holds_arguments() -> None:
    assert the_argument("[1, $Session{a}, ['x']]") == Listing(
        (Given(1), Reference("Session", ("a",), 15), Listing((Given("x"),)))
    )
    assert the_argument("[ ]") == Listing(())


def test_operators_nest() -> None:
    template = parse("$Uppercase($Concat([$Session{a}, $Lowercase('B')], '-'))")
    assert template.flaws == ()
    assert template.uses == 4
    assert [reference.path for reference in template.references] == [("a",)]


def test_white_space_may_stand_between_the_parts_of_a_call() -> None:
    assert parse("$Add(\n  1 ,\t2\r\n)").alone == Call("Add", (Given(1), Given(2)), 0)


@pytest.mark.parametrize(
    ("text", "at", "expected", "found"),
    [
        ("$Session{", 9, "`}` to close `$Session{`", "the end of the text"),
        ("ab $Session{id", 14, "`}` to close `$Session{`", "the end of the text"),
        ("$Session{a{b}}", 10, "`}` to close `$Session{`", "`{`"),
        ("$Session{}", 9, "a name between the braces of `$Session`", "nothing"),
        ("$Session{a}{}", 12, "a name between the braces of `$Session`", "nothing"),
        ("$Variable{app}", 0, "`$Variable{app}{key}`", "1 segment"),
        ("$Secret{a}{b}", 0, "`$Secret{name}`", "2 segments"),
        ("$Now(1)", 0, "`$Now()`", "1 argument"),
        ("$Subtract(1, 2, 3)", 0, "`$Subtract(number, number)`", "3 arguments"),
        ("$Default(1)", 0, "`$Default(x, y)`", "1 argument"),
        ("$Add(1", 6, "`,` or `)` after `$Add(`", "the end of the text"),
        ("$Add(1 2)", 7, "`,` or `)` after `$Add(`", "`2`"),
        ("$Add(01, 2)", 6, "`,` or `)` after `$Add(`", "`1`"),
        ("$Concat([1", 10, "`,` or `]` after `[`", "the end of the text"),
        ("$Uppercase('x)", 11, "a second ' to end the quoted text", "none"),
        ("$Add($foo(1), 2)", 5, "a known reference or operator", "`$foo(`"),
        ("$Add($$Now, 2)", 5, "a known reference or operator", "`$`"),
        ("$Add(1e999, 1)", 5, "a number of at most 64 bits", "a larger one"),
        ("$Add(18446744073709551616, 1)", 5, "a number of at most 64 bits", "a larger one"),
    ],
)
def test_a_malformed_text_is_told_with_its_position(
    text: str, at: int, expected: str, found: str
) -> None:
    flaw = the_flaw(text)
    assert (flaw.at, flaw.expected, flaw.found) == (at, expected, found)


@pytest.mark.parametrize(
    "argument", ["", "id", "True", "None", "nulll", "+1", ".5", "{}", "\uff11"]
)
def test_anything_else_is_no_argument(argument: str) -> None:
    assert the_flaw(f"$Add({argument},").expected.startswith("a reference, an operator, a number")


@pytest.mark.parametrize("escape", [r"\x41", r"\u12", r"\ud83d", r"\0", r"\$"])
def test_an_unknown_escape_is_told_at_its_place(escape: str) -> None:
    flaw = the_flaw(f"$Uppercase('ab{escape}')")
    assert flaw.at == 14
    assert flaw.expected.startswith("one of the escapes")


def test_a_mistyped_name_inside_an_operator_is_hinted_at() -> None:
    assert the_flaw("$Add($Sesion{id}, 1)").hint == "did you mean `$Session{tag}{key}`?"


@pytest.mark.parametrize("name", [name for name in OPERATORS if not OPERATORS[name].braced])
def test_only_size_and_length_are_written_with_braces(name: str) -> None:
    template = parse(f"${name}{{'x'}}")
    assert (template.uses, template.flaws) == (0, ())


@pytest.mark.parametrize("name", ["Size", "Length"])
def test_size_and_length_take_one_argument_in_braces_or_brackets(name: str) -> None:
    for text in (f"${name}{{$Input{{list}}}}", f"${name}( $Input{{list}} )"):
        alone = parse(text).alone
        assert isinstance(alone, Call)
        assert (alone.name, len(alone.arguments)) == (name, 1)
    assert the_flaw(f"${name}{{}}").found == "0 arguments"
    assert the_flaw(f"${name}{{'x')").expected == f"`,` or `}}` after `${name}{{`"


def test_reading_goes_on_after_a_flaw() -> None:
    template = parse("$Session{} $Trim() and $Secret{a}{b}")
    assert [flaw.at for flaw in template.flaws] == [9, 11, 23]


def test_nesting_ends_at_its_limit() -> None:
    fits = "$Uppercase(" * DEEPEST + "'x'" + ")" * DEEPEST
    assert parse(fits).flaws == ()
    assert the_flaw(f"$Uppercase({fits})").expected == f"at most {DEEPEST} levels of nesting"
    assert the_flaw("$Concat(" + "[" * DEEPEST).expected == f"at most {DEEPEST} levels of nesting"


def test_segments_end_at_their_limit() -> None:
    assert parse("$Session" + "{a}" * DEEPEST).flaws == ()
    assert the_flaw("$Session" + "{a}" * (DEEPEST + 1)).found == f"{DEEPEST + 1} segments"


def test_uses_end_at_their_limit() -> None:
    assert parse("$Now()" * MOST_USES).flaws == ()
    flaw = the_flaw("$Now()" * (MOST_USES + 5))
    assert flaw.expected == f"at most {MOST_USES} references and operators"


@pytest.mark.parametrize(
    "text",
    ["$Session{", "$Concat([", "$Add('", "$Abcdefg{", "$$", "$", "$Trim(", "$Uppercase($", "$Now("],
)
def test_a_hostile_text_takes_time_by_its_length(text: str) -> None:
    template = parse(text * (1_048_576 // len(text)))
    assert template.uses <= MOST_USES + 1


def test_a_text_is_shown_shortened_in_a_sentence() -> None:
    reference = parse("$Session{" + "x" * 500 + "}").references[0]
    assert len(str(reference)) == 40
