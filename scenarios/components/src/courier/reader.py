"""Reads a range of a file in a way that needs raw memory, and writes it to standard output.

Ends with 10 when the kernel refuses the call (it must, for some). Started by the courier only.
"""

import array
import ctypes
import mmap
import os
import socket
import sys

how, path, start, length = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)


def refused(call):
    error = ctypes.get_errno()
    print(f"{call}: {os.strerror(error)}", file=sys.stderr)
    sys.exit(10)


def by_mmap():
    page = mmap.ALLOCATIONGRANULARITY
    base = start // page * page
    with open(path, "rb") as file:
        with mmap.mmap(
            file.fileno(), start - base + length, mmap.MAP_PRIVATE, mmap.PROT_READ, offset=base
        ) as view:
            return view[start - base : start - base + length]


def by_passed_descriptor():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    child = os.fork()
    if child == 0:
        descriptor = os.open(path, os.O_RDONLY)
        there.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
        os._exit(0)
    _, descriptors, _, _ = socket.recv_fds(here, 1, 1)
    os.waitpid(child, 0)
    return os.pread(descriptors[0], length, start)


def by_io_uring():
    # io_uring_setup(2): number 425 on every architecture.
    if libc.syscall(425, 4, ctypes.create_string_buffer(120)) < 0:
        refused("io_uring_setup")
    sys.exit("io_uring is not refused")


def by_handle():
    # name_to_handle_at(2), then open_by_handle_at(2): 303 and 304 on x86-64.
    handle = ctypes.create_string_buffer(8 + 128)
    ctypes.c_uint.from_buffer(handle).value = 128
    mount = ctypes.c_int()
    libc.syscall(303, -100, path.encode(), handle, ctypes.byref(mount), 0)
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    if libc.syscall(304, descriptor, handle, os.O_RDONLY) < 0:
        refused("open_by_handle_at")
    sys.exit("open_by_handle_at is not refused")


ways = {
    "mmap": by_mmap,
    "scm-rights": by_passed_descriptor,
    "io-uring": by_io_uring,
    "open-by-handle-at": by_handle,
}
sys.stdout.buffer.write(ways[how]())
