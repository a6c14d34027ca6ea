"""HTTP: each resource reads the request, calls one function and responds.

No rule and no statement of SQL stands here, and only here is falcon imported.
"""
