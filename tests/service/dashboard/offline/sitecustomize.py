"""Python in a process that is started with this folder in PYTHONPATH reaches this machine and no other."""

import ipaddress
import socket
import sys


def _watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX:
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        print(f"WENT OUT: {event} {host}", file=sys.stderr, flush=True)
        raise OSError(f"{host} is outside")


def _is_here(host):
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


sys.addaudithook(_watch)
