"""What is done now and then: mending, pruning, vacuuming."""
