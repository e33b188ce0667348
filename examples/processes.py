"""Five nodes as processes with a store on disk: one is killed, its records are found, and it comes back as it was."""

from mdht.config import Config
from mdht.testnet import ProcessNet


def main() -> None:
    with ProcessNet(5, Config(store="lmdb", replicas=3)) as net:
        done = net[0].put(b"hello", key=b"greeting")  # synced to disk by three nodes when it returns
        print("stored by", done.stored, "nodes")

        owner = net[0].public
        net.kill(0)  # SIGKILL: no goodbye
        print("running:", net.running(), "found:", net[4].get(b"greeting", kind="owned", owner=owner).value)

        back = net.restart(0)
        print("back as the same node:", back.public == owner, "with", len(back.peers()), "peers")
        print("and goes on:", back.put(b"hello again", key=b"greeting").sequence)


if __name__ == "__main__":
    main()
