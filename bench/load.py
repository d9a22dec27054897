"""The load generator: a process of its own, excluded from what is measured, cheap enough for one machine.

`python -m bench.load PORT CONNECTIONS RATE` reads one request body a line from standard input, as JSON
`[path, key, body]`, posts them over keep-alive connections, and prints one line `status seconds answer` each.
RATE is requests a second, 0 as fast as they are answered.
"""

import asyncio
import json
import sys
import time


async def _connection(port: int, todo: asyncio.Queue[tuple[float, str, str, bytes]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not todo.empty():
        due, path, key, body = todo.get_nowait()
        if due > (now := time.monotonic()):
            await asyncio.sleep(due - now)
        started = time.monotonic()
        header = f"Idempotency-Key: {key}\r\n" if key else ""
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{header}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        answer = await reader.readexactly(length)
        status = head.split(b" ", 2)[1].decode()
        sys.stdout.write(f"{status} {time.monotonic() - started:.6f} {answer.decode()}\n")
    writer.close()


async def _run(port: int, connections: int, rate: float) -> None:
    todo: asyncio.Queue[tuple[float, str, str, bytes]] = asyncio.Queue()
    began = time.monotonic()
    for number, line in enumerate(sys.stdin):
        path, key, body = json.loads(line)
        due = began + number / rate if rate else 0.0
        todo.put_nowait((due, path, key, json.dumps(body, ensure_ascii=False).encode()))
    await asyncio.gather(*(_connection(port, todo) for _ in range(connections)))


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
