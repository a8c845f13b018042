"""What any worker does now and then, for the whole fleet."""
