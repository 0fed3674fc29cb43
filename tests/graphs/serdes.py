"""An encrypting serializer, as users have one, without pycryptodome."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

KEY = b"0123456789abcdef"


class Aes(CipherProtocol):
    """AES-GCM with a fresh nonce each time: equal texts have different ciphertexts."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        nonce = os.urandom(12)
        return "aesgcm", nonce + AESGCM(KEY).encrypt(nonce, plaintext, None)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "aesgcm"
        return AESGCM(KEY).decrypt(ciphertext[:12], ciphertext[12:], None)


def encrypted(inner: SerializerProtocol | None = None) -> EncryptedSerializer:
    return EncryptedSerializer(Aes(), inner or JsonPlusSerializer())
