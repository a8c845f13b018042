"""What holds work back, and in what order it goes on."""
