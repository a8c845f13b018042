"""Database templates: text and documents whose placeholders only ever become values."""
