#!/usr/bin/env python3
"""An upload of 1 GiB over HTTP in the jar, recorded whole, against the same sender on plain loopback.

The sender is one Python program; it measures itself from connect to the end of the answer. Outside
it sends to a sink that reads and throws away, in a network namespace of its own.
"""

from measure import *

SIZE = int(os.environ.get("BELLJAR_BENCH_UPLOAD", str(1 << 30)))
SENDER = r"""
import os, socket, sys, time
host, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
block = os.urandom(1 << 20)
began = time.monotonic()
s = socket.create_connection((host, port))
s.sendall(b"PUT /v1/submit HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (host.encode(), size))
left = size
while left:
    part = block[:left]
    s.sendall(part)
    left -= len(part)
answer = s.recv(65536)
took = time.monotonic() - began
assert b" 200 " in answer or b" 202 " in answer, answer
print("took", took)
"""

SINK = r"""
import os, socket, subprocess, sys, threading
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server(("127.0.0.1", 8080))
def sink():
    s = listener.accept()[0]
    size = int(sys.argv[2])
    seen = -len(b"")
    buffer = bytearray(256 * 1024)
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(65536)
    seen = len(head) - head.index(b"\r\n\r\n") - 4
    while seen < size:
        seen += s.recv_into(buffer)
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
threading.Thread(target=sink, daemon=True).start()
subprocess.run([sys.executable, sys.argv[1], "127.0.0.1", "8080", sys.argv[2]], check=True)
"""

WORLD = scenario_header("bench-upload", egress="3 GiB") + """
[[decoys]]
path = "{home}/note.txt"
kind = "text"
""" + SCAN + """
[[vendor]]
host = "upload.vendor.example"
path = "/v1/submit"
status = 202
body = "taken"

[policy]
strict = false
"""


def component(sender):
    return f"""name = "sender"
vendor = "Test"
version = "1"
files = [{{ host = "{sender}", inside = "/opt/bench/send.py" }}]

[commands.scan]
argv = ["/usr/bin/python3", "-I", "-S", "/opt/bench/send.py", "upload.vendor.example", "80", "{SIZE}"]
exit = [0]
"""


def main():
    with Folder() as folder:
        sender, sink = folder / "send.py", folder / "sink.py"
        sender.write_text(SENDER)
        sink.write_text(SINK)
        times = {"bare": [], "jar": []}
        for turn in range(ROUNDS):
            plain = bare(["unshare", "-n", "/usr/bin/python3", str(sink), str(sender), str(SIZE)], codes=(0,))
            run = jar(folder, WORLD, component(sender), conclude=False)
            times["bare"].append(float(plain.out.split()[1]))
            times["jar"].append(float(run.output().split()[1]))
            # What is lost or unreadable stands in the record as soon as the wire has ended.
            limited = [
                o["event"] for o in run.record()
                if o["event"]["kind"] == "limited" and o["event"]["dimension"] in ("packets", "streams")
            ]
            sent = max(
                o["event"]["bytes_out"] for o in run.record() if o["event"]["kind"] == "flow-closed"
            )
            phases = ", ".join(f"{name} {took:.2f}" for name, took in run.wall.items())
            say(f"round {turn + 1}: bare {times['bare'][-1]:.2f} s, jar {times['jar'][-1]:.2f} s; {sent} bytes in "
                f"the record, {len(limited)} losses of packets or streams; phases of the run in "
                f"seconds: {phases}")
            if limited or sent < SIZE:
                sys.exit("something was lost")
            keep(run)
        say(f"upload of {SIZE} bytes: jar/bare {spread(ratio(times['jar'], times['bare']))}, nothing lost")


main()
