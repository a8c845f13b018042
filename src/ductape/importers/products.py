"""The apps become a product of their own, or join one that a file has (SPEC 8).

What a person added to an app beside what importing makes stays: only its actions are replaced,
and only where that was asked for.
"""

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid
from ductape.importers.options import Options
from ductape.importers.report import Report
from ductape.importers.values import a_list, a_text, an_object, member


def new_product(apps: list[JsonObject], options: Options) -> JsonObject:
    """Return a product that has the apps alone."""
    envs: list[JsonValue] = [{"slug": slug} for slug in options.envs]
    return {"tag": options.product, "envs": envs, "apps": [*apps]}


def joined(
    product: JsonObject, apps: list[JsonObject], report: Report, *, replace: bool
) -> JsonObject:
    """Return a product with the apps in it; raises `ValidationError` if one is there already."""
    there = {a_text(member(app, "tag")): at for at, app in enumerate(a_list(product.get("apps")))}
    merged = [*a_list(product.get("apps"))]
    for app in apps:
        tag = a_text(app["tag"])
        if tag not in there:
            merged.append(app)
        elif replace:
            merged[there[tag]] = _renewed(an_object(merged[there[tag]]), app, report)
        else:
            hint = "`--replace` replaces its actions, `--app TAG` gives another tag"
            raise invalid(f"apps[{there[tag]}].tag", "a tag of its own", f"`{tag}`", hint=hint)
    return {**product, "apps": [*merged]}


def envs_of(product: JsonObject) -> tuple[str, ...]:
    """Return the slugs of a product's envs."""
    slugs = (a_text(member(env, "slug")) for env in a_list(product.get("envs")))
    return tuple(slug for slug in slugs if slug)


def _renewed(old: JsonObject, new: JsonObject, report: Report) -> JsonObject:
    """Return an app with the new actions; what else it has stays."""
    kept = _tags(new, "actions")
    gone = [tag for tag in _tags(old, "actions") if tag not in kept]
    if gone:
        report.note(f"actions that the document does not have are gone: {', '.join(gone)}")
    own = _tags(old, "auths")
    fresh = [auth for auth in a_list(new.get("auths")) if a_text(member(auth, "tag")) not in own]
    renewed: JsonObject = {**new, **old, "actions": new["actions"]}
    if auths := [*a_list(old.get("auths")), *fresh]:
        renewed["auths"] = auths
    keys = {a_text(member(one, "key")) for one in a_list(old.get("variables"))}
    more = [one for one in a_list(new.get("variables")) if member(one, "key") not in keys]
    if more:
        renewed["variables"] = [*a_list(old.get("variables")), *more]
    return renewed


def _tags(app: JsonObject, section: str) -> dict[str, None]:
    return {a_text(member(one, "tag")): None for one in a_list(app.get(section))}
