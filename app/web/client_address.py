"""Find the address of a client behind the configured number of proxies."""

import ipaddress

import falcon


def of(req: falcon.Request, proxy_count: int) -> str:
    """Return the client's IP address; the peer's where the proxies named no valid one."""
    peer: str = req.env.get("REMOTE_ADDR", "")
    if proxy_count == 0:
        return peer
    hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",")]
    client = hops[-proxy_count] if proxy_count <= len(hops) else peer
    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        return peer
