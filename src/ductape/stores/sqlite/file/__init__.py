"""The file: its connections and its one writer, its statements, and hints about it."""
