"""SQL templates: taken apart by the rules of their database, their values bound, never written in.

`lexing` knows what is code, text, name and comment; `template` finds the placeholders and refuses
those that could only be filled with text; `judging` refuses what may not be done on a server;
`statement` makes what the database is sent.
"""

from ductape.domain.templates.sql.judging import judge_statement
from ductape.domain.templates.sql.lexing import Dialect
from ductape.domain.templates.sql.statement import Statement, statement_of
from ductape.domain.templates.sql.template import SqlTemplate, TemplateFault, read_template

__all__ = [
    "Dialect",
    "SqlTemplate",
    "Statement",
    "TemplateFault",
    "judge_statement",
    "read_template",
    "statement_of",
]
