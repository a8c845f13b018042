"""What an event names is looked up in the product that is asked, whatever others are like."""

from ductape.domain.product import Product, parse_product
from ductape.domain.product.addressed import MOST_PRODUCTS, addressed


def a_product(*jobs: str) -> Product:
    return parse_product(
        {
            "tag": "p",
            "envs": [{"slug": "dev"}],
            "jobs": [{"tag": tag, "handler": "python"} for tag in jobs],
        }
    )


def test_each_product_answers_for_itself() -> None:
    products = [a_product(f"job{at}") for at in range(MOST_PRODUCTS * 2)]
    for _ in range(2):
        for at, product in enumerate(products):
            assert [one.event for one in addressed(product, f"job{at}")] == [f"job{at}"]
            assert addressed(product, f"job{at + 1}") == ()


def test_equal_products_answer_alike() -> None:
    assert addressed(a_product("a"), "a") == addressed(a_product("a"), "a") != ()
