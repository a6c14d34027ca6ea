"""/audit: who changed what."""

from app.auth import ADMIN
from app.web.api import tokens
from app.web.api.schemas.people import AuditAsked
from app.web.pages.page_request import Answer, Page, Visit
from app.web.pages.registry import Pages

PAGES = Pages()


@PAGES.get("/audit", ADMIN)
def show(visit: Visit) -> Answer:
    """The changes that are asked for, newest first."""
    asked = visit.asked(AuditAsked)
    return Page("audit.html", {"asked": asked, **tokens.list_changes(visit.desk, asked)})
