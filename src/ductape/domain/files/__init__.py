"""What a file is, what it is called, and how JSON has it."""
