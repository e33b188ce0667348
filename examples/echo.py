"""One service, every placement: one word is changed, and then changed again while it runs."""

import time

from ipc import Service, launch
from ipc.placement import all_pairs


class Echo(Service):
    """Answers what it is asked, and knows how often."""

    def start(self) -> None:
        self.count = 0

    def call(self, command: str) -> str:
        self.count += 1
        return f"{command} ({self.count})"


def main() -> None:
    for placement in all_pairs():
        with launch(Echo(), placement) as echo:
            began = time.perf_counter()
            replies = echo.call_many(["hello"] * 1000)
            took = time.perf_counter() - began
            print(f"{placement:16} {replies[-1]:14} {1000 / took:12,.0f} calls/s")

    with launch(Echo(), "inline") as echo:
        for placement in all_pairs():
            echo.move(placement)
            print(f"moved to {placement:16} {echo.call('still here')}")


if __name__ == "__main__":
    main()
