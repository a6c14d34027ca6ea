"""The journal: deliveries that became no execution, written after the answer and bounded."""

from app.intake.journal.queue import Journal

__all__ = ["Journal"]
