"""Sign notes and checkpoints, and change them: the example of Go's package note, and every bit of our own."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from takedown_log.signed_note import Checkpoint, NoteError, SignerKey, VerifierKey, open_checkpoint, open_note

#: The example of golang.org/x/mod/sumdb/note.
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

KEY = SignerKey.generate("images.example/takedowns")
CHECKPOINT = Checkpoint("images.example/takedowns", 1000, bytes(range(32)))


def test_a_note_of_another_implementation_is_opened() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    assert open_note(EXAMPLE, [key]).startswith("If you think cryptography")


def test_a_key_signs_and_its_text_is_read_again() -> None:
    note = KEY.sign(CHECKPOINT.text())
    assert SignerKey.parse(KEY.text()).sign(CHECKPOINT.text()) == note
    assert Checkpoint.parse(open_note(note, [VerifierKey.parse(str(KEY.verifier()))])) == CHECKPOINT


def test_a_key_shows_itself_neither_in_its_repr_nor_in_an_error() -> None:
    secret = KEY.text().split("+", 4)[4]  # base64 has "+" too
    assert secret not in repr(KEY)
    with pytest.raises(NoteError) as caught:
        SignerKey.parse(KEY.text().replace("takedowns", "takedown"))
    assert secret not in str(caught.value)


def test_no_bit_of_a_note_can_be_changed() -> None:
    note, key = KEY.sign(CHECKPOINT.text()).encode(), KEY.verifier()
    opened = 0
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            open_note(changed.decode(errors="surrogateescape"), [key])
        except (NoteError, UnicodeEncodeError):
            continue
        opened += 1
    assert opened == 0


def test_a_signature_of_a_key_that_is_not_known_is_passed_over() -> None:
    witness = SignerKey.generate("witness.example")
    note = KEY.sign(CHECKPOINT.text())
    both = note + witness.sign(CHECKPOINT.text()).rpartition("\n\n")[2]
    assert open_note(both, [KEY.verifier()]) == open_note(both, [witness.verifier()]) == CHECKPOINT.text()
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(note, [witness.verifier()])


def test_another_key_of_the_same_name_opens_nothing() -> None:
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(KEY.sign(CHECKPOINT.text()), [SignerKey.generate(KEY.name).verifier()])


@pytest.mark.parametrize("text", ["no newline", "a\tb\n", "a\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError, match="must end in a newline"):
        KEY.sign(text)


@pytest.mark.parametrize("note", ["", "text\n", "text\n\n", "text\n\n\u2014 name\n", "text\n\n\u2014 name x\n"])
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [KEY.verifier()])


@pytest.mark.parametrize(
    "text",
    [
        *("", "log\n", "log\n1\n", "\n1\n" + "A" * 43 + "=\n", "log\n01\n" + "A" * 43 + "=\n"),
        *(
            "log\n-1\n" + "A" * 43 + "=\n",
            "log\n1\nAAAA\n",
            "log\n1\n" + "A" * 42 + "B=\n",
            "log\n1\n" + "A" * 43 + "=",
        ),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError, match="checkpoint"):
        Checkpoint.parse(text)


def signed(text: str) -> str:
    """Sign a text as somebody else's program may."""
    key = Ed25519PrivateKey.from_private_bytes(KEY._seed)
    line = b64encode(KEY.verifier().id + key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {KEY.name} {line}\n"


ROOT = "A" * 43 + "="
MANY = "".join(f"\u2014 witness{number} {b64encode(bytes(40)).decode()}\n" for number in range(2000))


@pytest.mark.parametrize(
    "note",
    [
        signed(f"{KEY.name}\n1\n{ROOT}\nx\ty\n"),
        signed(f"{KEY.name}\r\n1\n{ROOT}\n"),
        signed(f"{KEY.name}\n1\n{ROOT}\n\n"),
        signed(CHECKPOINT.text()) + MANY,
        signed(CHECKPOINT.text()) + f"\u2014 a+b {b64encode(bytes(40)).decode()}\n",
        signed(f"{KEY.name}\n1\n{ROOT}\n" + "x" * 1_000_000 + "\n"),
    ],
    ids=["a tab", "a carriage return", "an empty extension", "2,000 signatures", "a name with +", "a megabyte"],
)
def test_a_note_that_go_refuses_is_refused(note: str) -> None:
    assert open_checkpoint(signed(CHECKPOINT.text()), [KEY.verifier()]) == CHECKPOINT
    with pytest.raises(NoteError):
        open_checkpoint(note, [KEY.verifier()])


def test_a_checkpoint_of_another_log_than_the_keys_is_refused() -> None:
    state = Checkpoint("other.example/takedowns", 1, bytes(32))
    assert Checkpoint.parse(open_note(KEY.sign(state.text()), [KEY.verifier()])) == state
    with pytest.raises(NoteError, match="and the key is that of"):
        open_checkpoint(KEY.sign(state.text()), [KEY.verifier()])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u2003b"])
def test_a_name_that_no_note_can_hold_is_refused(name: str) -> None:
    with pytest.raises(NoteError, match="without spaces"):
        SignerKey.generate(name)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", EXAMPLE_KEY.replace("c74f20a3", "c74f20a4")])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
