"""Share a folder (this one, or that of the command line) and fetch it through another node, with a word on the way."""

import os
import sys
import tempfile

from mdht.services.files.commands import FileProgress
from mdht.testnet import TestNet


def say(now: FileProgress) -> None:
    print(f"  {now.done_bytes:,} of {now.total_bytes:,} bytes, {now.files_done:,} of {now.files_total:,} files")


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with TestNet(4) as net, tempfile.TemporaryDirectory() as place:
        shared = net[0].share(folder, replicas=3, progress=say)
        print("shared", shared.files, "files as", shared.id.hex(), "at", shared.replicas, "nodes or more")
        for reason in shared.skipped:
            print("left out", reason)
        fetched = net[3].fetch(shared.id, f"{place}/copy", progress=say)
        print("fetched", fetched.files, "files:", sorted(os.listdir(fetched.path))[:5])


if __name__ == "__main__":
    main()
