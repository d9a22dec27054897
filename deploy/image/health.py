"""Whether the process in this container is ready: exit code 0, or 1 with what it said.

Runs every few seconds, so it imports next to nothing: `python -IS health.py`.
"""

import os
import socket
import sys


def ask(port: int) -> bytes | None:
    """The whole answer to GET /readyz; None when nobody listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b""
            while part := connection.recv(65_536):
                answer += part
            return answer
    except OSError:
        return None


def main() -> int:
    """Nameko services answer on the one port, HTTP servers on the other."""
    for variable in ("QIPAN_OPS_PORT", "QIPAN_PORT"):
        port = os.environ.get(variable, "")
        answer = ask(int(port)) if port.isdigit() and port != "0" else None
        if answer is not None:
            head, _, body = answer.partition(b"\r\n\r\n")
            sys.stdout.write(body.decode(errors="replace"))
            return 0 if head.split(b" ", 2)[1:2] == [b"200"] else 1
    sys.stdout.write("nobody listens yet")
    return 1


if __name__ == "__main__":
    sys.exit(main())
