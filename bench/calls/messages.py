"""What is sent: the same by ours and by the bare libraries."""

ORDER = {"customer": "ada", "sku": "book-42", "amount": 1_250, "currency": "EUR"}
MESSAGE = {"order": 4_711, "customer": "ada", "state": "shipped"}
SUBJECT = "bench-orders"
"""The stream and the subject of the brokers' messages."""

MAIL = {
    "from": "Shop <shop@example.org>",
    "to": "ada@example.org",
    "subject": "Your order is on its way",
    "text": "Hello Ada\n\nYour order has left us.\n",
    "template": "<h1>Hello Ada</h1><p>Your order has left us.</p>",
}
