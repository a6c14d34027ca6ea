"""/audit: who changed what."""

from app.auth import ADMIN
from app.web.api import tokens
from app.web.api.schemas.people import AuditAsked
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages

PAGES = Pages()


@PAGES.get("/audit", ADMIN)
def show(request: PageRequest) -> PageResponse:
    """The changes that are asked for, newest first."""
    asked = request.asked(AuditAsked)
    return HtmlPage("audit.html", {"asked": asked, **tokens.list_changes(request.context, asked)})
