"""/audit: who changed what."""

from app.people import ADMIN
from app.web import tokens
from app.web.pages.declaring import Pages
from app.web.pages.visit import Answer, Page, Visit
from app.web.shapes.people import AuditAsked

PAGES = Pages()


@PAGES.get("/audit", ADMIN)
def show(visit: Visit) -> Answer:
    """The changes that are asked for, newest first."""
    asked = visit.asked(AuditAsked)
    return Page("audit.html", {"asked": asked, **tokens.list_changes(visit.desk, asked)})
