"""The doctor: facts about a store and its surroundings, judged (SPEC 13, 16).

Judging is pure: `engines`, `work` and `whole` turn facts into findings. `Examination` asks for the
facts of an open store, each look cheap whatever the tables hold.
"""

from ductape.services.doctor.examining import Examination
from ductape.services.doctor.findings import Finding, Report, State, report, worst

__all__ = ["Examination", "Finding", "Report", "State", "report", "worst"]
