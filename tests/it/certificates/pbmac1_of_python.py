"""Checks the PBMAC1 of a PFX (RFC 9579) with nothing but Python's standard library: pbmac1.py FILE PASSWORD."""

import hashlib
import hmac
import sys


def element(data):
    """Tag, content and rest of the first DER element."""
    length, start = data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], data[start + length :]


def inside(data):
    parts = []
    while data:
        tag, content, data = element(data)
        parts.append((tag, content))
    return parts


pfx = inside(element(open(sys.argv[1], "rb").read())[1])
auth_safe = element(inside(pfx[1][1])[1][1])[1]
mac, salt = inside(pfx[2][1])[:2]
algorithm, value = inside(mac[1])
oid, parameters = inside(algorithm[1])
assert oid[1].hex() == "2a864886f70d01050e", "not PBMAC1"
derivation, scheme = inside(parameters[1])
assert inside(derivation[1])[0][1].hex() == "2a864886f70d01050c", "not PBKDF2"
kdf = inside(inside(derivation[1])[1][1])
assert [tag for tag, _ in kdf] == [0x04, 0x02, 0x02, 0x30], "salt, iterations, key length and PRF must all be stated"
assert inside(kdf[3][1])[0][1].hex() == "2a864886f70d0209" == inside(scheme[1])[0][1].hex(), "not HMAC-SHA-256"
iterations, length = (int.from_bytes(kdf[at][1], "big") for at in (1, 2))
key = hashlib.pbkdf2_hmac("sha256", sys.argv[2].encode(), kdf[0][1], iterations, length)
assert hmac.compare_digest(hmac.digest(key, auth_safe, "sha256"), value[1]), "the MAC differs"
print("the MAC agrees")
