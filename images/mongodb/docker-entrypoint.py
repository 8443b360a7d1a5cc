#!/usr/bin/env python3
"""Starts mongod; on an empty data folder makes the root user first, with the variables of the upstream image:
MONGO_INITDB_ROOT_USERNAME(_FILE) and MONGO_INITDB_ROOT_PASSWORD(_FILE). Standard library only."""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

DATA = "/data/db"
MADE = os.path.join(DATA, ".root-user-made")
SOCKET = "/tmp/mongodb-27017.sock"


def value(name):
    path = os.environ.get(name + "_FILE")
    if path:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return os.environ.get(name, "")


def encoded(value):
    """A BSON value of the few kinds that a command needs: its type byte and its bytes."""
    if isinstance(value, str):
        data = value.encode()
        return b"\x02", struct.pack("<i", len(data) + 1) + data + b"\0"
    if isinstance(value, int):
        return b"\x10", struct.pack("<i", value)
    if isinstance(value, list):
        return b"\x04", document({str(index): item for index, item in enumerate(value)})
    return b"\x03", document(value)


def document(fields):
    body = b""
    for key, value in fields.items():
        kind, data = encoded(value)
        body += kind + key.encode() + b"\0" + data
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def command(fields):
    """Sends one OP_MSG over the socket in /tmp and answers with the raw reply."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(SOCKET)
        message = struct.pack("<i", 0) + b"\0" + document(fields)
        connection.sendall(struct.pack("<iiii", 16 + len(message), 1, 0, 2013) + message)
        reply = b""
        while len(reply) < 4 or len(reply) < struct.unpack("<i", reply[:4])[0]:
            chunk = connection.recv(65536)
            if not chunk:
                raise OSError("mongod closed the connection")
            reply += chunk
        return reply


def succeeded(reply):
    return b"\x01ok\0" + struct.pack("<d", 1.0) in reply


def make_root_user(user, password):
    """A mongod that only its unix socket reaches makes the user; the mark tells a finished first start from a broken one."""
    server = subprocess.Popen(
        ["mongod", "--dbpath", DATA, "--bind_ip", SOCKET, "--noauth", "--port", "27017", "--quiet",
         "--wiredTigerCacheSizeGB", "0.25", "--logpath", "/tmp/first-start.log"],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if server.poll() is not None:
                raise RuntimeError("mongod ended on its first start, see above: " + tail("/tmp/first-start.log"))
            try:
                if succeeded(command({"ping": 1, "$db": "admin"})):
                    break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError("mongod did not answer within 30 s")
        roles = [{"role": "root", "db": "admin"}]
        reply = command({"createUser": user, "pwd": password, "roles": roles, "$db": "admin"})
        # 51003: an interrupted first start had come this far.
        if not succeeded(reply) and b"already exists" not in reply:
            raise RuntimeError("creating the root user failed: %r" % reply[21:])
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    with open(MADE, "w", encoding="utf-8"):
        pass


def tail(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return " | ".join(file.read().splitlines()[-3:])


def main(words):
    if words and words[0].startswith("-"):
        words = ["mongod", *words]
    if words and words[0] == "mongod":
        user, password = value("MONGO_INITDB_ROOT_USERNAME"), value("MONGO_INITDB_ROOT_PASSWORD")
        if user and password:
            if not os.path.exists(MADE):
                print("first start: making the root user", flush=True)
                make_root_user(user, password)
            words = [word for word in words if word != "--auth"] + ["--auth"]
        if not any(word.startswith("--bind_ip") for word in words):
            words.append("--bind_ip_all")
        if not any(word.startswith("--dbpath") for word in words):
            words += ["--dbpath", DATA]
        for name in list(os.environ):
            if name.startswith("MONGO_INITDB_"):
                del os.environ[name]
    os.execvp(words[0], words)


main(sys.argv[1:])
