"""Find by trying why a signature was refused. The sender never sees the result.

The raw body and all headers are needed, and only memory has them: so it is tried once, after the
answer, and the result is stored. No finding repeats a secret or a header's value.
"""

from app.intake.diagnosis.findings import Cause, Refused
from app.intake.diagnosis.tried import diagnose

__all__ = ["Cause", "Refused", "diagnose"]
