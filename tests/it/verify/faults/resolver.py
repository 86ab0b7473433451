"""A resolver with a table of its own on port 53, UDP and TCP: resolver.py ADDRESS NAME=A:10.0.0.1 NAME=AAAA:2001:db8::1
NAME=CNAME:OTHER NAME=CODE:2 ... A name that is not there is NXDOMAIN; aliases are followed, for as long as they are new.
"""

import ipaddress
import socketserver
import struct
import sys
import threading

KINDS = {"A": 1, "CNAME": 5, "AAAA": 28}
TABLE = {}


def packed(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def answered(question):
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode().lower())
        at += 1 + question[at]
    (wanted,) = struct.unpack("!H", question[at + 1 : at + 3])
    name, code, records, known = ".".join(labels), 0, [], set()
    while name not in known:
        known.add(name)
        entries = TABLE.get(name, [("CODE", "3")] if len(known) == 1 else [])
        for kind, value in entries:
            if kind == "CODE":
                code = int(value)
            elif kind == "CNAME" or KINDS[kind] == wanted:
                content = packed(value) if kind == "CNAME" else ipaddress.ip_address(value).packed
                records.append(packed(name) + struct.pack("!HHIH", KINDS[kind], 1, 9, len(content)) + content)
        name = next((value for kind, value in entries if kind == "CNAME"), name)
    head = struct.pack("!HHHHHH", *struct.unpack("!H", question[:2]), 0x8180 | code, 1, len(records), 0, 0)
    return head + question[12 : at + 5] + b"".join(records)


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        question, socket = self.request
        socket.sendto(answered(question), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(2):
            answer = answered(self.rfile.read(int.from_bytes(head, "big")))
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    for entry in sys.argv[2:]:
        name, value = entry.split("=", 1)
        TABLE.setdefault(name, []).append(tuple(value.split(":", 1)))
    threading.Thread(target=Tcp((sys.argv[1], 53), Stream).serve_forever, daemon=True).start()
    socketserver.ThreadingUDPServer((sys.argv[1], 53), Datagram).serve_forever()


main()
