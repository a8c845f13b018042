"""Speaking to the server: its connections, transactions, statements, clock, hints and faults."""
