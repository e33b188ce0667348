from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mdht.errors import BadSignature, LinkRefused, Malformed, Refusal, RemoteError, WrongState
from mdht.model.identity import Identity
from mdht.model.peer import PeerRecord
from mdht.session import binary
from mdht.session.handshake import Handshake
from mdht.session.handshake_states import State
from mdht.session.parties import HandshakeConfig, HandshakeFailed, Proven
from mdht.session.proof import Role

from .hands import EXPORTER, Hands, answerer, dialler, events
from .pair import ALICE, BOB, MALLORY, WALL_S, handshake_config, identity, record

SECRET = b"s" * 32
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "handshake.json").read_text(encoding="utf-8")
)["handshakes"]


def refused(hands: Hands, by: str, reason: Refusal, *, proven: bool = False) -> None:
    """`by` refused the other, and both know why; neither has a link."""
    other = "b" if by == "a" else "a"
    ours, theirs = hands.error(by), hands.error(other)
    assert (ours.reason, ours.by_us) == (reason, True)
    assert (theirs.reason, theirs.by_us) == (reason, False)
    assert isinstance(ours, LinkRefused) and isinstance(ours, RemoteError)
    assert hands.a.state is hands.b.state is State.FAILED
    if not proven:
        assert hands.proven(by) is None


# -- as it should be ---------------------------------------------------------------------------------------------------


def test_three_messages_then_both_accept() -> None:
    hands = Hands(dialler(BOB.id), answerer()).run()
    assert hands.open
    kinds = [(name, binary.parse_untrusted(frame).__class__.__name__) for name, frame in hands.frames]
    assert kinds == [("a", "Ping"), ("b", "Pong"), ("a", "Proof"), ("a", "Accept"), ("b", "Accept")]
    b, a = hands.proven("a"), hands.proven("b")
    assert (b.id, b.dialled, b.expected) == (BOB.id, True, True)
    assert (a.id, a.dialled, a.expected) == (ALICE.id, False, False)
    assert a.record == record(ALICE)
    assert a.capabilities == ("relay", "store")
    assert a.encoding == b.encoding == "msgpack"
    assert a.version == b.version == 1


def test_without_an_id_whoever_answers_is_trusted_and_that_is_said() -> None:
    assert Hands(dialler(), answerer()).run().proven("a").expected is False


def test_nothing_is_proven_before_the_peers_signature() -> None:
    a, b = dialler(), answerer()
    (ping,) = a.frames_to_send()
    b.receive_untrusted(ping, 0.0)
    assert b.peer is None and b.next_event() is None and b.state is State.PONG_SENT
    with pytest.raises(WrongState):
        b.accept()


def test_a_private_network() -> None:
    hands = Hands(dialler(secret=SECRET), answerer(secret=SECRET)).run()
    assert hands.open
    for _, frame in hands.frames[:3]:
        parsed = binary.parse_untrusted(frame)
        assert isinstance(parsed, binary.Ping | binary.Pong | binary.Proof) and len(parsed.mac) == 32


def test_the_diallers_best_common_encoding_is_chosen() -> None:
    hands = Hands(dialler(encodings=("zzz", "json", "msgpack")), answerer(encodings=("msgpack", "json"))).run()
    assert hands.proven("a").encoding == hands.proven("b").encoding == "json"


def test_without_tls_only_in_so_many_words() -> None:
    assert Hands(dialler(exporter=b"", without_tls=True), answerer(exporter=b"", without_tls=True)).run().open
    with pytest.raises(WrongState, match="begin with 0 bytes of exporter while it is configured with TLS"):
        dialler(exporter=b"")
    with pytest.raises(WrongState, match="begin with 32 bytes of exporter while it is configured without TLS"):
        dialler(without_tls=True)


def test_the_clock_offset_is_reported_at_both_ends() -> None:
    def end(who: Identity, role: Role, wall_s: float) -> Handshake:
        return Handshake(handshake_config(who), role, challenge=bytes(32), now_s=0.0, wall_s=wall_s)

    a, b = end(ALICE, Role.DIAL, WALL_S), end(BOB, Role.ANSWER, WALL_S + 100)
    a.begin(EXPORTER, 1.0)
    b.begin(EXPORTER, 1.0)
    (ping,) = a.frames_to_send()
    b.receive_untrusted(ping, 1.2)  # 0.2 s each way
    (pong,) = b.frames_to_send()
    a.receive_untrusted(pong, 1.4)
    (proof,) = a.frames_to_send()
    b.receive_untrusted(proof, 1.6)
    assert a.peer is not None and b.peer is not None
    assert a.peer.clock_offset_s == pytest.approx(100, abs=0.002)
    assert b.peer.clock_offset_s == pytest.approx(-100, abs=0.002)
    assert a.peer.rtt_s == pytest.approx(0.4)
    assert b.peer.rtt_s == pytest.approx(0.4)


def test_a_record_whose_time_is_over_is_no_reason_to_refuse() -> None:
    old = PeerRecord.sign(ALICE, "test", sequence=1, expires_s=1000, now_s=0.0)
    assert Hands(dialler(record=old), answerer()).run().open


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vectors(vector: dict[str, Any]) -> None:
    exporter = bytes.fromhex(vector["exporter"])

    def end(role: Role, side: dict[str, Any]) -> Handshake:
        who = Identity.from_seed(bytes.fromhex(side["seed"]))
        config = HandshakeConfig(
            network=vector["network"],
            identity=who,
            record=PeerRecord.unpack(bytes.fromhex(side["record"])),
            encodings=tuple(side["encodings"]),
            capabilities=tuple(side["capabilities"]),
            secret=bytes.fromhex(vector["secret"]),
            without_tls=not exporter,
        )
        config.validate()
        challenge = bytes.fromhex(side["challenge"])
        handshake = Handshake(config, role, challenge=challenge, now_s=0.0, wall_s=side["time_ms"] / 1000)
        handshake.begin(exporter, 0.0)
        return handshake

    hands = Hands(end(Role.DIAL, vector["a"]), end(Role.ANSWER, vector["b"])).run()
    assert hands.open
    assert [[name, frame.hex()] for name, frame in hands.frames] == vector["frames"]
    assert hands.proven("a").encoding == vector["chosen"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vectors_by_other_means(vector: dict[str, Any]) -> None:
    """Signatures and macs made again from the text of the design, with nothing of the package."""
    exporter, secret = bytes.fromhex(vector["exporter"]), bytes.fromhex(vector["secret"])
    ping, pong, proof = (bytes.fromhex(frame) for _, frame in vector["frames"][:3])
    tail = 33 if secret else 1
    seen = b""
    for side, role, frame in (("a", b"dial", ping), ("b", b"answer", pong), ("a", b"dial", proof)):
        if secret:
            made = hmac.new(secret, role + b"\0" + exporter + frame[:-33], hashlib.sha256).digest()
            assert frame[-33:] == b"\1" + made
        if frame is not ping:
            unsigned, signature = frame[: -tail - 64], frame[-tail - 64 : -tail]
            digest = hashlib.sha256(seen + len(unsigned).to_bytes(4, "big") + unsigned).digest()
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector[side]["seed"]))
            assert signature == key.sign(b"mdht link 1 " + role + b"\0" + exporter + digest)
        seen += len(frame).to_bytes(4, "big") + frame


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_another_network() -> None:
    refused(Hands(dialler(network="other"), answerer()).run(), "b", Refusal.WRONG_NETWORK)


@pytest.mark.parametrize(("a", "b"), [(b"", SECRET), (SECRET, b""), (SECRET, b"t" * 32)])
def test_another_secret_and_b_does_not_say_who_it_is(a: bytes, b: bytes) -> None:
    hands = Hands(dialler(secret=a), answerer(secret=b)).run()
    refused(hands, "b", Refusal.WRONG_NETWORK)
    said = b"".join(frame for name, frame in hands.frames if name == "b")
    assert BOB.id not in said and BOB.public not in said


def test_a_checks_bs_secret_too() -> None:
    def strip(name: str, number: int, frame: bytes) -> bytes:
        return frame[:-33] + b"\0" if number == 2 else frame

    refused(Hands(dialler(secret=SECRET), answerer(secret=SECRET), strip).run(), "a", Refusal.WRONG_NETWORK)


def test_own_id() -> None:
    refused(Hands(dialler(), answerer(who=ALICE)).run(), "b", Refusal.OWN_ID)


def test_another_id_than_was_dialled() -> None:
    hands = Hands(dialler(BOB.id), answerer(who=MALLORY)).run()
    refused(hands, "a", Refusal.OTHER_PEER)
    assert hands.proven("b") is None


def test_no_common_encoding() -> None:
    refused(Hands(dialler(encodings=("cbor",)), answerer()).run(), "b", Refusal.NO_ENCODING)


def test_version_0_is_refused_and_a_higher_one_speaks_ours() -> None:
    def version(number: int, which: int) -> Any:
        def change(name: str, at: int, frame: bytes) -> bytes:
            return frame[:1] + number.to_bytes(2, "big") + frame[3:] if at == which else frame

        return change

    refused(Hands(dialler(), answerer(), version(0, 1)).run(), "b", Refusal.NO_VERSION)
    # The hash covers the version as well: nobody in between can change it.
    refused(Hands(dialler(), answerer(), version(2, 1)).run(), "a", Refusal.BAD_SIGNATURE)


def test_a_peers_record_must_be_its_own() -> None:
    a = dialler(who=ALICE)
    forged = handshake_config(ALICE)
    object.__setattr__(forged, "record", record(MALLORY))
    a._config = forged
    hands = Hands(answerer(), answerer())
    hands.a = begin_again(a)
    refused(hands.run(), "b", Refusal.BAD_SIGNATURE)


def test_a_record_that_was_changed() -> None:
    good = record(ALICE)
    changed = PeerRecord(good.network, good.public, 2, good.expires_s, signature=good.signature)
    a = dialler()
    forged = handshake_config(ALICE)
    object.__setattr__(forged, "record", changed)
    a._config = forged
    hands = Hands(begin_again(a), answerer()).run()
    refused(hands, "b", Refusal.BAD_SIGNATURE)


def begin_again(handshake: Handshake) -> Handshake:
    again = Handshake(handshake._config, handshake.role, challenge=bytes(32), now_s=0.0, wall_s=WALL_S)
    again.begin(EXPORTER, 0.0)
    return again


@pytest.mark.parametrize("who", ["a", "b"])
def test_a_node_refuses_after_the_proof(who: str) -> None:
    hands = Hands(dialler(), answerer()).run(accept=False)
    assert hands.proven("a") and hands.proven("b")
    (hands.a if who == "a" else hands.b).refuse(Refusal.NOT_ALLOWED)
    refused(hands.run(), who, Refusal.NOT_ALLOWED, proven=True)
    other = hands.events["b" if who == "a" else "a"][-1]
    assert isinstance(other, HandshakeFailed) and other.peer is not None, "the word of a proven peer"


def test_b_refuses_though_a_has_accepted_already() -> None:
    a, b = dialler(), answerer()
    hands = Hands(a, b).run(accept=False)
    a.accept()
    hands.run()
    assert (a.state, b.state) == (State.ACCEPTED, State.WANTED)
    b.refuse(Refusal.DUPLICATE)
    refused(hands.run(), "b", Refusal.DUPLICATE, proven=True)


def test_the_word_of_somebody_unproven_is_marked() -> None:
    a = dialler()
    a.receive_untrusted(binary.pack(binary.Refuse("not\n allowed")), 0.0)
    (failed,) = events(a)
    assert isinstance(failed, HandshakeFailed) and failed.peer is None
    assert failed.error.reason == "not\n allowed" and "\n" not in str(failed.error)


def test_deadline() -> None:
    a = dialler()
    assert a.next_deadline() == 10.0
    a.handle_timer(9.9)
    assert a.state is State.PING_SENT
    a.frames_to_send()
    a.handle_timer(10.0)
    (failed,) = events(a)
    assert isinstance(failed, HandshakeFailed)
    assert (failed.error.reason, failed.error.by_us) == (Refusal.TOO_SLOW, True)
    assert "pong" in str(failed.error.__cause__)
    assert a.frames_to_send() == [binary.pack(binary.Refuse(Refusal.TOO_SLOW))]
    assert a.next_deadline() is None
    a.receive_untrusted(b"anything", 11.0)
    assert not events(a) and not a.frames_to_send()


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_man_in_the_middle_has_two_exporters() -> None:
    refused(Hands(dialler(BOB.id), answerer(exporter=b"x" * 32)).run(), "a", Refusal.BAD_SIGNATURE)


def test_man_in_the_middle_who_hides_as_refusal_from_b() -> None:
    a, b = dialler(BOB.id), answerer(exporter=b"x" * 32)
    hands = Hands(a, b, lambda name, number, frame: frame if number <= 2 else None).run()
    assert hands.error("a").reason == Refusal.BAD_SIGNATURE
    assert b.state is State.PONG_SENT and hands.proven("b") is None


def test_a_replayed_handshake_leads_nowhere() -> None:
    old = Hands(dialler(), answerer()).run().frames
    b = answerer(exporter=b"n" * 32, challenge=b"n" * 32)
    for name, frame in old:
        if name == "a":
            b.receive_untrusted(frame, 0.0)
    assert b.state is State.FAILED and b.peer is None
    # Not even with the same exporter: the challenge is another one.
    b = answerer(challenge=b"n" * 32)
    for name, frame in old:
        if name == "a":
            b.receive_untrusted(frame, 0.0)
    assert b.state is State.FAILED and b.peer is None


def test_a_replayed_pong_leads_nowhere() -> None:
    old = [frame for name, frame in Hands(dialler(), answerer()).run().frames if name == "b"]
    a = dialler(challenge=b"n" * 32)
    a.receive_untrusted(old[0], 0.0)
    (failed,) = events(a)
    assert isinstance(failed, HandshakeFailed) and failed.error.reason == Refusal.BAD_SIGNATURE


def test_a_replayed_ping_in_a_private_network_shows_nothing() -> None:
    ping = Hands(dialler(secret=SECRET), answerer(secret=SECRET)).run().frames[0][1]
    b = answerer(exporter=b"n" * 32, secret=SECRET)
    b.receive_untrusted(ping, 0.0)
    assert b.frames_to_send() == [binary.pack(binary.Refuse(Refusal.WRONG_NETWORK))]


def test_reflected_frames() -> None:
    a = dialler()
    (ping,) = a.frames_to_send()
    a.receive_untrusted(ping, 0.0)
    (failed,) = events(a)
    assert isinstance(failed, HandshakeFailed) and isinstance(failed.error.__cause__, Malformed)
    # A's own signature as B's, in a PONG that names B: the role is another one.
    hands = Hands(dialler(exporter=b"", without_tls=True), answerer(exporter=b"", without_tls=True)).run()
    proof = binary.parse_untrusted(hands.frames[2][1])
    assert isinstance(proof, binary.Proof)

    def swap(name: str, number: int, frame: bytes) -> bytes:
        return frame[:-65] + proof.signature + b"\0" if number == 2 else frame

    swapped = Hands(dialler(exporter=b"", without_tls=True), answerer(exporter=b"", without_tls=True), swap).run()
    refused(swapped, "a", Refusal.BAD_SIGNATURE)


def test_a_node_that_is_led_to_itself() -> None:
    # Mallory carries Alice's PING to Alice's own listening side, over a transport without exporter.
    hands = Hands(dialler(exporter=b"", without_tls=True), answerer(exporter=b"", without_tls=True, who=ALICE)).run()
    refused(hands, "b", Refusal.OWN_ID)


def test_downgraded_encodings() -> None:
    both = b"\x02\x07msgpack\x04json"

    def downgrade(name: str, number: int, frame: bytes) -> bytes:
        if number != 1:
            return frame
        assert both in frame
        return frame.replace(both, b"\x01\x04json")

    hands = Hands(dialler(), answerer(), downgrade).run()
    # B's choice is not the best that A has in common with it, and if it were, B signed another hash.
    refused(hands, "a", Refusal.MALFORMED)

    a, b = dialler(encodings=("msgpack", "json")), answerer(encodings=("json",))
    refused(Hands(a, b, downgrade).run(), "a", Refusal.BAD_SIGNATURE)


def test_a_stolen_pong_of_another_peer() -> None:
    # Mallory answers with her own key, in Bob's name.
    b = answerer(who=MALLORY)

    def pretend(name: str, number: int, frame: bytes) -> bytes:
        return frame.replace(MALLORY.id, BOB.id) if number == 2 else frame

    refused(Hands(dialler(BOB.id), b, pretend).run(), "a", Refusal.BAD_SIGNATURE)


def liar(role: Role, named: Identity) -> Handshake:
    """Mallory's own node, which does everything right with her key and her record, but in another's name."""
    mallory = identity(3)
    config = handshake_config(mallory)
    mallory.id = named.id
    liar = Handshake(config, role, challenge=bytes(32), now_s=0.0, wall_s=WALL_S)
    liar.begin(EXPORTER, 0.0)
    return liar


def test_an_id_belongs_to_its_key() -> None:
    """The whole proof is by Mallory's key, without fault: only the id is not the hash of that key."""
    as_bob = Hands(dialler(BOB.id), liar(Role.ANSWER, BOB)).run()
    refused(as_bob, "a", Refusal.BAD_SIGNATURE)
    as_alice = Hands(liar(Role.DIAL, ALICE), answerer()).run()
    refused(as_alice, "b", Refusal.BAD_SIGNATURE)
    assert Hands(liar(Role.DIAL, MALLORY), answerer()).run().open


# -- what this node does -----------------------------------------------------------------------------------------------


def test_what_this_node_does_wrong_raises() -> None:
    a = dialler()
    with pytest.raises(WrongState):
        a.begin(EXPORTER, 0.0)
    with pytest.raises(WrongState):
        a.accept()
    a.refuse(Refusal.TOO_MANY)
    with pytest.raises(WrongState):
        a.refuse(Refusal.TOO_MANY)
    with pytest.raises(WrongState, match="expect an id"):
        Handshake(handshake_config(BOB), Role.ANSWER, challenge=bytes(32), now_s=0, wall_s=0, expected_id=ALICE.id)
    with pytest.raises(WrongState, match="5 bytes of challenge"):
        Handshake(handshake_config(BOB), Role.ANSWER, challenge=bytes(5), now_s=0, wall_s=0)


def test_the_cause_says_what_was_wrong() -> None:
    hands = Hands(dialler(BOB.id), answerer(exporter=b"x" * 32)).run()
    assert isinstance(hands.error("a").__cause__, BadSignature)
    assert hands.error("a").who == BOB.id.hex()[:8]
    assert isinstance(hands.events["a"][-1], HandshakeFailed) and not isinstance(hands.events["a"][0], Proven)
