"""/audit: the audit log of changes to triggers and tokens."""

from app.auth import ADMIN
from app.web.api import tokens
from app.web.api.schemas.access import AuditQuery
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages

PAGES = Pages()


@PAGES.get("/audit", ADMIN)
def show(request: PageRequest) -> PageResponse:
    """Show the changes that match the filters, newest first."""
    filters = request.query(AuditQuery)
    changes = tokens.list_changes(request.context, filters)
    return HtmlPage("audit.html", {"filters": filters, **changes})
