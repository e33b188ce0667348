"""Four peers on this machine: one puts a record, another gets it; an owned record is updated and found again."""

from mdht.model import Kind
from mdht.testnet import TestNet


def main() -> None:
    with TestNet(4) as net:
        done = net[0].put(b"hello")  # content: found by the hash of its value
        print("stored by", done.stored, "peers; found:", net[3].get(done.key).value)

        net[1].put(b"version 1", key=b"config")  # owned: a later version replaces an earlier one
        net[1].put(b"version 2", key=b"config")
        print("owned:", net[2].get(b"config", kind=Kind.OWNED, owner=net[1].public).value)

        for index, node in enumerate(net):
            print(index, node.address, len(node.peers()), "peers")


if __name__ == "__main__":
    main()
