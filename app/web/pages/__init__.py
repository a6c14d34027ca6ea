"""The HTML pages at `/`; they show what the API returns and work without JavaScript."""
