"""From documents to a product that can be applied, and the report of how (SPEC 13)."""

from typing import Literal, cast

from msgspec.structs import replace as replaced

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import parse_product
from ductape.errors import invalid
from ductape.importers.documents import Documents
from ductape.importers.openapi import openapi_apps, openapi_format
from ductape.importers.options import Options
from ductape.importers.postman import postman_apps, postman_format
from ductape.importers.products import joined, new_product
from ductape.importers.report import Imported, Report
from ductape.importers.tags import tag_of
from ductape.importers.values import a_text, member, whole

Format = Literal["openapi", "postman"]

_READERS = {"openapi": (openapi_format, openapi_apps), "postman": (postman_format, postman_apps)}


def make(
    kind: Format,
    documents: Documents,
    options: Options,
    *,
    into: JsonObject | None = None,
    replace: bool = False,
) -> Imported:
    """Make a product of documents, or join the apps to the product `into`.

    Raises `ValidationError` for what is no such document, for options that do not fit, and for a
    product that could not be applied.
    """
    format_of, apps_of = _READERS[kind]
    told = format_of(documents.first.value)
    app = options.app or _app_tag(documents)
    options = replaced(options, app=app, product=options.product or app)
    report = _report_of(documents, options.product)
    try:
        apps = apps_of(documents, options, report)
    except RecursionError as error:
        raise invalid("", "a document of bounded depth", "a deeper one") from error
    apps = [cast("JsonObject", whole(app)) for app in apps]
    if into is None:
        product = new_product(apps, options)
    else:
        product = joined(into, apps, report, replace=replace)
    parse_product(product)
    return Imported(
        format=told,
        product=options.product,
        apps=[cast("str", app["tag"]) for app in apps],
        actions=report.number("operation"),
        counts=report.counts(),
        skipped=report.skipped,
        left_out=report.left_out,
        notes=report.notes,
        secrets=report.secrets(),
        document=product,
    )


def _report_of(documents: Documents, product: str) -> Report:
    """Begin the report with what reading has left out."""
    report = Report(product)
    for place in documents.odd:
        report.leave_out(place, "number", "JSON has no such number")
    return report


def _app_tag(documents: Documents) -> str:
    """Return a tag for the app: its title, as a tag."""
    root = documents.first.value
    info = member(root, "info") or member(member(root, "collection"), "info")
    title = a_text(member(info, "title")) or a_text(member(info, "name"))
    return tag_of(title.lower()) or "app"
