"""The BR Code ("copia e cola") of a dynamic PIX charge: EMV tag-length-value ended by a CRC-16."""

import unicodedata
from decimal import Decimal


def crc16(payload: str) -> str:
    """CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF) of the payload, four hexadecimal digits."""
    register = 0xFFFF
    for byte in payload.encode("ascii"):
        register ^= byte << 8
        for _ in range(8):
            register = ((register << 1) ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return f"{register:04X}"


def field(tag: str, value: str) -> str:
    """One tag-length-value field. ValueError when the value is empty or longer than 99."""
    if not 1 <= len(value) <= 99:
        raise ValueError(f"BR Code field {tag}: {len(value)} characters, must be 1 to 99")
    return f"{tag}{len(value):02d}{value}"


def plain(text: str, longest: int) -> str:
    """`text` without accents or other signs, cut to `longest`: what the standard lets into names."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = "".join(letter for letter in ascii_text if letter.isalnum() or letter in " .-")
    return " ".join(kept.split())[:longest].strip()


def br_code(location: str, amount: Decimal, payee: str, city: str) -> str:
    """The payload of a charge that the payer's bank reads at `location` (host and path, no scheme)."""
    body = "".join(
        (
            field("00", "01"),
            field("01", "12"),  # one payment only
            field("26", field("00", "br.gov.bcb.pix") + field("25", location)),
            field("52", "0000"),
            field("53", "986"),  # BRL
            field("54", f"{amount:.2f}"),
            field("58", "BR"),
            field("59", plain(payee, 25) or "NEXUS"),
            field("60", plain(city, 15) or "BRASIL"),
            field("62", field("05", "***")),
            "6304",
        )
    )
    return body + crc16(body)
