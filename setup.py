"""Packaging of the distribution `mdht`: the packages `ipc` and `mdht`."""

from setuptools import find_packages, setup

setup(
    name="mdht",
    version="0.1.0",
    description="A peer-to-peer node built of small services that run inline, in coroutines, threads or processes",
    license="MIT",
    python_requires=">=3.11",
    package_dir={"": "."},
    packages=find_packages(include=["ipc", "ipc.*", "mdht", "mdht.*"]),
    package_data={"ipc": ["py.typed"], "mdht": ["py.typed"]},
    zip_safe=False,
    install_requires=[
        "pyzmq>=26",
        "msgpack>=1.1",
        "psutil>=6",
        "cryptography>=43",
        "PyNaCl>=1.5",
        "pyOpenSSL>=25",
        "msgspec>=0.19",
        "lmdb>=3",
        "greenlet>=3.1",
        "click>=8.1.7",
        "rich>=13.7",
        'uvloop>=0.21; sys_platform != "win32" and platform_python_implementation == "CPython"',
    ],
    entry_points={"console_scripts": ["mdht=mdht.cli:main"]},
    extras_require={
        "test": [
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "pyyaml>=6",
            "hypothesis>=6.100",
            "mypy==2.4.1",
            "ruff==0.17.5",
            "types-psutil",
            "types-PyYAML",
        ],
        # What people would use instead, for scripts/bench: a peer that is not installed is reported as such.
        "bench": [
            "matplotlib>=3.8",
            "pykka>=4",
            "thespian>=4",
            'ray>=2.9; python_version < "3.15"',
            "libtorrent>=2.0.9",
            "opendht>=3",
            "kademlia>=2.2.2",
        ],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Typing :: Typed",
    ],
)
