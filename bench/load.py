"""The load generator: a process of its own, excluded from what is measured, cheap enough for one machine.

`python -m bench.load PORT CONNECTIONS RATE` reads one request a line from standard input, as JSON `[path, body]`,
up to an empty line; opens its connections and prints `ready`. At the next line it posts them, RATE a second, 0 as
fast as they are answered; one more line, or the end of standard input, stops it early. Then it prints one line
`status answer` for each request posted.
"""

import asyncio
import json
import sys
import time

Todo = asyncio.Queue[tuple[float, str, bytes]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connection(
    streams: Streams, todo: Todo, began: float, stop: asyncio.Event, told: list[str]
) -> None:
    reader, writer = streams
    while not todo.empty():
        after, path, body = todo.get_nowait()
        if (early := began + after - time.monotonic()) > 0:
            await asyncio.sleep(early)
        if stop.is_set():
            break
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
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
        told.append(f"{head.split(b' ', 2)[1].decode()} {answer.decode()}\n")
    writer.close()


async def _run(port: int, connections: int, rate: float) -> None:
    todo: Todo = asyncio.Queue()
    for number, line in enumerate(iter(sys.stdin.readline, "\n")):
        path, body = json.loads(line)
        todo.put_nowait((number / rate if rate else 0.0, path, json.dumps(body, ensure_ascii=False).encode()))
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    print("ready", flush=True)
    sys.stdin.readline()
    stop, told, began = asyncio.Event(), list[str](), time.monotonic()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    await asyncio.gather(*(_connection(streams, todo, began, stop, told) for streams in opened))
    sys.stdout.writelines(told)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
