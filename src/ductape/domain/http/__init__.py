"""The parts of HTTP that are values: what is sent, what an answer means."""
