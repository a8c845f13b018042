"""What is refused of features when a product is applied."""

import pytest

from ductape.domain.product import Question, parse_product, resolve
from ductape.domain.target import Target
from ductape.errors import ValidationError

Part = dict[str, object]


def event(name: str = "act", **parts: object) -> Part:
    return {"event": name, **parts}


def a_sequence(tag: str = "main", *events: Part, **parts: object) -> Part:
    return {"tag": tag, "events": list(events) or [event()], **parts}


def a_feature(*sequences: Part, **parts: object) -> Part:
    return {"tag": "order", "sequence": list(sequences) or [a_sequence()], **parts}


def an_app(tag: str) -> Part:
    actions = [{"tag": "ask", "method": "GET", "resource": "/"}]
    return {"tag": tag, "base_url": "https://a.example", "actions": actions}


def faults_of(*features: Part, **sections: object) -> dict[str, str]:
    document: Part = {
        "tag": "shop",
        "envs": [{"slug": "dev"}],
        "jobs": [{"tag": "act", "handler": "python"}],
        "features": list(features),
        **sections,
    }
    try:
        parse_product(document)  # type: ignore[arg-type]
    except ValidationError as error:
        return {one["path"].removeprefix("features[0]."): one["message"] for one in error.errors}
    return {}


def test_a_whole_feature_is_accepted() -> None:
    first = a_sequence("a", event(retries=3, timeout=5_000, allow_fail=True, critical=True))
    second = a_sequence(
        "b",
        event("act", input={"x": "$Sequence{a}{act}", "y": "$Input{n}", "z": "$Session{u}{id}"}),
        {"type": "sleep", "tag": "nap", "input": {"ms": "$Input{n}"}},
        {"type": "wait", "event": "go", "timeout": 10**12},
        event(tag="again", rollback={"event": "act", "input": {"id": "$Sequence{b}{again}{id}"}}),
        parents=["a"],
    )
    rules = {"n": {"type": "INTEGER", "minlength": 1}}
    output = {"x": "$Sequence{b}{again}{id}"}
    assert faults_of(a_feature(first, second, input=rules, output=output)) == {}


@pytest.mark.parametrize(
    ("feature", "path", "said"),
    [
        (a_feature(a_sequence(parents=["nobody"])), "sequence[0].parents[0]", "nobody"),
        (a_feature(a_sequence(parents=["main"])), "sequence[0].parents", "circle"),
        (
            a_feature(a_sequence("a", parents=["b"]), a_sequence("b", parents=["a"])),
            "sequence[1].parents",
            "circle",
        ),
        (a_feature(a_sequence(), a_sequence()), "sequence[1].tag", "has already"),
        (a_feature(a_sequence("main", event(), event())), "sequence[0].events[1].tag", "own"),
        (
            a_feature(a_sequence("main", event(tag="x"), event(tag="x"))),
            "sequence[0].events[1].tag",
            "own",
        ),
        (
            a_feature(a_sequence("a.b", event(tag="c")), a_sequence("a", event(tag="b.c"))),
            "sequence[1].events[0].tag",
            "`a.b.c`",
        ),
        ({"tag": "order", "sequence": []}, "sequence", "at least one"),
        (a_feature({"tag": "main", "events": []}), "sequence[0].events", "at least one"),
        (a_feature(handler="python"), "sequence", "python"),
        (a_feature(input={"n": {"type": "NUMBER"}}), "input.n.type", "data types"),
        (a_feature(a_sequence("main", {"tag": "x"})), "sequence[0].events[0].event", "runs"),
        (
            a_feature(a_sequence("main", {"type": "sleep", "tag": "x"})),
            "sequence[0].events[0].input",
            "`ms` or `until`",
        ),
        (
            a_feature(a_sequence("main", {"type": "sleep", "tag": "x", "input": {"ms": -1}})),
            "sequence[0].events[0].input.ms",
            "milliseconds",
        ),
        (
            a_feature(a_sequence("main", {"type": "sleep", "tag": "x", "input": {"ms": "5"}})),
            "sequence[0].events[0].input.ms",
            "milliseconds",
        ),
        (
            a_feature(a_sequence("main", {"type": "sleep", "input": {"until": "soon"}})),
            "sequence[0].events[0].input.until",
            "soon",
        ),
        (
            a_feature(a_sequence("main", event(timeout=86_400_001))),
            "sequence[0].events[0].timeout",
            "at most",
        ),
        (
            a_feature(
                a_sequence("main", {"type": "sleep", "tag": "s", "input": {"ms": 9}, "timeout": 5})
            ),
            "sequence[0].events[0].timeout",
            "none for `sleep`",
        ),
        (
            a_feature(a_sequence("main", {"type": "wait", "event": "go", "input": {"a": 1}})),
            "sequence[0].events[0].input",
            "none for `wait`",
        ),
        (
            a_feature(a_sequence("main", {"type": "wait", "event": "go", "retries": 1})),
            "sequence[0].events[0].retries",
            "none for `wait`",
        ),
        (
            a_feature(a_sequence("main", event(input={"x": "$Sequence{main}{later}{id}"}))),
            "sequence[0].events[0].input.x",
            "done before",
        ),
        (
            a_feature(
                a_sequence("a"), a_sequence("b", event(input={"x": "$Sequence{a}{act}{id}"}))
            ),
            "sequence[1].events[0].input.x",
            "parent",
        ),
        (a_feature(output="$Sequence{main}{lost}{id}"), "output", "main.act"),
        (a_feature(output={"all": "$Sequence{main}"}), "output.all", "names none of its steps"),
        (
            a_feature(a_sequence("main", event(input={"x": "$Secret{key}"}))),
            "sequence[0].events[0].input.x",
            "$Secret",
        ),
        (a_feature(rollback="some"), "rollback", "reverse_all"),
        (
            a_feature(a_sequence("main", event(cache="quick", retries=-1))),
            "sequence[0].events[0].retries",
            "0 to 1000",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_place(feature: Part, path: str, said: str) -> None:
    found = faults_of(feature)
    assert path in found
    assert said in found[path]


@pytest.mark.parametrize(
    ("named", "path", "said"),
    [
        ({"event": "nope", "type": "quota"}, "event", "an event of kind quota, found `nope`"),
        ({"event": "nope", "type": "storage"}, "event", "an event of kind storage"),
        ({"event": "nope", "type": "fallback"}, "event", "the product has none"),
        ({"event": "db:nope", "type": "database_action"}, "event", "kind database_action"),
        ({"event": "bus:nope", "type": "publish"}, "event", "kind publish"),
        ({"event": "bus:nope", "type": "subscribe"}, "event", "kind subscribe"),
        ({"event": "akk", "type": "action"}, "event", "did you mean `ask`?"),
        ({"event": "nope", "type": "action", "app": "a"}, "event", "known are `ask`"),
        ({"event": "$Input{e}", "type": "action"}, "event", "an event of kind action"),
        ({"event": "act", "type": "action"}, "type", "expected job, as `act` is, found action"),
        ({"event": "act", "type": "child"}, "type", "expected job, as `act` is, found child"),
        ({"event": "ask", "app": "zz"}, "app", "a connected app, found `zz`"),
        ({"event": "ghost", "type": "job", "app": "zz"}, "app", "there are `a`, `b`"),
        ({"event": "ask"}, "app", "`ask` is an action of `a`, `b`"),
    ],
)
@pytest.mark.parametrize("place", ["", "rollback."])
def test_a_step_that_names_what_cannot_be_there_is_refused(
    place: str, named: Part, path: str, said: str
) -> None:
    step = event(rollback=named) if place else {"tag": "x", **named}
    found = faults_of(a_feature(a_sequence("main", step)), apps=[an_app("a"), an_app("b")])
    assert list(found) == [f"sequence[0].events[0].{place}{path}"]
    assert said in found[f"sequence[0].events[0].{place}{path}"]


@pytest.mark.parametrize("kind", ["job", "function", "feature", "child", None])
def test_a_step_may_name_what_workers_are_yet_to_announce(kind: str | None) -> None:
    step = event("ghost", **({} if kind is None else {"type": kind}))
    assert faults_of(a_feature(a_sequence("main", step))) == {}


def test_a_step_may_say_the_kind_and_the_app_of_what_it_names() -> None:
    steps = event("ask", type="action", app="b"), event("ask", tag="again", app="a"), event("act")
    found = faults_of(a_feature(a_sequence("main", *steps)), apps=[an_app("a"), an_app("b")])
    assert found == {}


def test_an_unknown_app_and_an_unknown_event_of_a_step_are_told_at_once() -> None:
    step = event("nope", type="action", app="zz")
    found = faults_of(a_feature(a_sequence("main", step)), apps=[an_app("a")])
    assert list(found) == ["sequence[0].events[0].app", "sequence[0].events[0].event"]


def calling(tag: str, *callees: str) -> Part:
    return {"tag": tag, "sequence": [a_sequence("main", *(event(one) for one in callees))]}


def test_features_that_call_one_another_in_a_circle_are_refused() -> None:
    found = faults_of(calling("a", "b"), calling("b", "c"), calling("c", "a"))
    [message] = found.values()
    assert "circle" in message


def test_a_feature_must_not_undo_by_itself() -> None:
    undone = event(rollback={"event": "order"})
    found = faults_of(a_feature(a_sequence("main", undone)))
    assert list(found) == ["sequence[0].events[0].rollback.event"]


@pytest.mark.parametrize(("depth", "refused"), [(7, False), (8, True)])
def test_a_chain_of_features_is_at_most_eight_deep(depth: int, refused: bool) -> None:  # noqa: FBT001 (a parameter)
    chain = [calling(f"f{at}", f"f{at + 1}") for at in range(depth - 1)]
    found = faults_of(*chain, calling(f"f{depth - 1}", "act"))
    assert bool(found) is refused


def test_a_step_s_kind_is_that_of_what_it_names() -> None:
    product = parse_product(
        {
            "tag": "shop",
            "envs": [{"slug": "dev"}],
            "jobs": [{"tag": "act", "handler": "python"}],
            "features": [a_feature(a_sequence("main", event(), event("elsewhere")))],  # type: ignore[list-item]
        }
    )
    target = resolve(product, Question("dev", "order"))
    assert isinstance(target, Target)
    [sequence] = target.mappings["sequence"]  # type: ignore[misc]
    assert [one["type"] for one in sequence["events"]] == ["job", "event"]  # type: ignore[index,call-overload]


def test_a_child_may_take_longer_than_a_step() -> None:
    days = 4 * 86_400_000
    child = event("kid", type="child", timeout=days, retries=2)
    assert faults_of(a_feature(a_sequence("main", child))) == {}
    step = event(timeout=days)
    assert "sequence[0].events[0].timeout" in faults_of(a_feature(a_sequence("main", step)))
