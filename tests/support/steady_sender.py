"""Send signed events until a file appears; write `<key> <status>` for each. Standard library only.

For a root without the tests: `python3 steady_sender.py URL SECRET STOP_FILE RESULTS`.
"""

import hashlib
import hmac
import json
import os
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

THREADS = 4


def main(url: str, secret: str, stop_file: str, results: str) -> None:
    """Send from a few threads, each request on a connection of its own."""
    with Path(results).open("a", buffering=1) as output:
        threads = [
            threading.Thread(target=_send_all, args=(number, url, secret, stop_file, output))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _send_all(number: int, url: str, secret: str, stop_file: str, output) -> None:
    count = 0
    while not os.path.exists(stop_file):
        key = f"steady-{os.getpid()}-{number}-{count}"
        output.write(f"{key} {_status(url, secret, key)}\n")
        count += 1


def _status(url: str, secret: str, key: str) -> str:
    body = json.dumps({"messageId": key}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Webhook-Signature": signature}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return type(error).__name__


if __name__ == "__main__":
    main(*sys.argv[1:])
