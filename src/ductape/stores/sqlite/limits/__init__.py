"""What holds work back: queues, gates, quotas, breakers."""
