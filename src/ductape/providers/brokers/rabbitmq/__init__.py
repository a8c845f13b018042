"""RabbitMQ, over aio-pika."""
