"""Checks an archive and signed heads as replay/ARCHIVE.md tells, with nothing of casehub: hashlib, zstd, cryptography."""
import hashlib
import json
import struct
import subprocess

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Wrong(Exception):
    pass


def blake(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=32).digest()


def require(condition, what):
    if not condition:
        raise Wrong(what)


def unpack(packed):
    done = subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=False)
    require(done.returncode == 0, done.stderr.decode())
    return done.stdout


def records(raw):
    while raw:
        size, = struct.unpack_from(">I", raw)
        yield raw[4:4 + size]
        raw = raw[4 + size:]


def judge(path):
    """First and last sequence, and the chain at each sequence (and before the first). Wrong says what is not right."""
    with open(path, "rb") as file:
        whole = file.read()
    require(whole[:8] == b"casehub\x1a" and whole[8:10] == b"\0\1", "no archive")
    require(blake(whole[:224]) == whole[224:256], "head")
    first, last = struct.unpack_from(">QQ", whole, 16)
    sealed_too = whole[11] & 1 == 1
    chains, at, count = {first - 1: whole[32:64]}, 256, 0
    while whole[at:at + 4] == b"BLCK":
        number, raw_size, packed_size = struct.unpack_from(">III", whole, at + 16)
        packed = whole[at + 64:at + 64 + packed_size]
        require(blake(packed) == whole[at + 32:at + 64], f"block at {at}")
        raw = unpack(packed)
        parts = list(records(raw))
        require((len(parts), len(raw)) == (number, raw_size), f"block at {at}")
        for record in parts:
            sequence, = struct.unpack_from(">Q", record, 8)
            public, sealed = struct.unpack_from(">II", record, 40)
            require(sequence - 1 in chains, f"record {sequence} is out of order")
            require(len(record) == 128 + public + (sealed if sealed_too else 0), f"record {sequence}: size")
            chain = blake(chains[sequence - 1], record[4:96], record[128:128 + public])
            require(chain == record[96:128], f"record {sequence}: chain")
            require(not (sealed and sealed_too) or blake(record[128 + public:]) == record[64:96], f"record {sequence}: sealed")
            chains[sequence], count = chain, count + 1
        at += 64 + packed_size
    require(whole[at:at + 4] == b"FOOT" and len(whole) == at + 96, "end")
    require(blake(whole[:at + 64]) == whole[at + 64:], "hash over all of it")
    require(struct.unpack_from(">Q", whole, at + 8)[0] == count == last - first + 1, "count")
    require(chains[last] == whole[at + 32:at + 64] == whole[64:96], "last chain")
    return first, last, chains


def judge_head(line, public_key, chains):
    """Wrong: it is not signed with that key, or the archive has another chain there."""
    head = json.loads(line)
    signed = line[:line.index(',"signature"')].encode()
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(head["signature"]), signed)
    except InvalidSignature as error:
        raise Wrong("signature") from error
    require(head["sequence"] in chains, "cut off")
    require(chains[head["sequence"]].hex() == head["chain"], "replaced")
    return head
