"""Examples of every body in the API's description, from its schemas: values by a member's name, else by its type."""

from typing import Any

from core.schema import components

ID = "01920000-0000-7000-8000-00000000000{}"
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BY_NAME = {
    "access": "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiMSJ9.c2lnbmF0dXJl",
    "amount": 100,
    "amountMinor": 499,
    "available": 900,
    "betAmount": 100,
    "clientNonce": "000102030405060708090a0b0c0d0e0f",
    "clientSeed": "lucky",
    "declaredRtp": "19/20",
    "description": "Any song of the list.",
    "details": {},
    "displayName": "Ruby",
    "durationSeconds": 180,
    "eventId": "evt_1",
    "expectedPrice": 40,
    "feature": "menus",
    "held": 100,
    "idempotencyKey": "8b1d4c0e-purchase",
    "kind": "three_cherry",
    "limit": 20,
    "metadata": {"round": 7},
    "multiplier": "1.5",
    "newBalance": 1050,
    "next": "AZIAAAAAcACAAAAAAAAAAQ",
    "orderId": "ord_1",
    "password": "words-that-nobody-guesses",
    "payee": ID.format(2),
    "payout": 150,
    "position": 1,
    "previousBalance": 1000,
    "price": 40,
    "reason": "power cut",
    "refresh": "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIxIn0.c2lnbmF0dXJl",
    "rtp": "19/20",
    "rtpPercent": "95",
    "section": "Songs",
    "sourceEventId": "round-7",
    "sourceFeature": "arcade",
    "symbols": "cherry",
    "title": "A song",
    "tokens": 100,
    "username": "alice",
}
"""What a member of this name shows where its schema allows it."""


def with_examples(result: Any, **_: Any) -> Any:
    """A hook of drf-spectacular: add what operations refer to, and an example to every body."""
    written = str(result)
    for kind, named in components().items():
        used = {name: each for name, each in named.items() if f"'#/components/{kind}/{name}'" in written}
        result["components"].setdefault(kind, {}).update(used)
    for methods in result["paths"].values():
        for operation in methods.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (each for body in bodies for each in body.get("content", {}).values()):
                if "examples" not in content:
                    content["example"] = example_of(content["schema"], result["components"]["schemas"])
    return result


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that the schema admits. Lists have one element; a type that contains itself ends after one level."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth)
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas, name, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object" and "properties" in schema:
        return {member: example_of(inner, schemas, member, depth + 1) for member, inner in schema["properties"].items()}
    known = BY_NAME.get(name)
    if known is not None and TYPES[kind] is type(known) and "format" not in schema:
        return known
    if kind == "array":
        return [example_of(schema["items"], schemas, name, depth + 1)] * schema.get("minItems", 1) if depth < 4 else []
    return _plain(kind, schema)


TYPES: dict[str, type] = {
    "string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "number": float,
}  # fmt: skip


def _plain(kind: str, schema: dict[str, Any]) -> Any:
    """A value by type and format alone."""
    match kind, schema.get("format"):
        case "string", "uuid":
            return ID.format(1)
        case "string", "date-time":
            return "2026-11-28T20:00:00Z"
        case "string", "date":
            return "2000-01-31"
        case "string", _:
            return HASH if "0-9a-f" in schema.get("pattern", "") else "text"
        case "boolean", _:
            return True
        case "integer", _:
            return schema.get("minimum", 1)
        case "number", _:
            return schema.get("minimum", 0.5)
        case _:
            return {}
