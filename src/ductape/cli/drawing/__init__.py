"""What a command shows: tables, times, bars, lines and errors."""
