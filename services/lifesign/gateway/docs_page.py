"""The page /docs: the OpenAPI document for people, in one page that loads nothing from anywhere."""

import json
import re
from html import escape
from typing import Any

__all__ = ["render_docs"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border: 1px solid #8886; border-radius: 8px; padding: 0 1rem 1rem; margin: 1rem 0; }
h2 { margin: 2rem 0 0; } h3 { font-size: 1.1rem; } code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: #8881; padding: .75rem; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884; }
.verb { font-weight: 700; } table { margin-top: 1rem; }
"""
_EXAMPLES = {
    "/v1/liveness": "curl -F image=@face.jpg http://localhost:8080/v1/liveness",
    "/v1/liveness:batch": "curl -F images=@a.jpg -F images=@b.jpg http://localhost:8080/v1/liveness:batch",
}


def render_docs(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document; its descriptions are shown as text."""
    info = document["info"]
    tags = "".join(_tag(tag, document) for tag in document["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_paragraphs(info['description'])}"
        '<p>For machines: <a href="openapi.json">openapi.json</a>.</p>'
        f"{tags}<h2>Documents</h2>{_schemas(document)}</body></html>"
    )


def _tag(tag: dict[str, str], document: dict[str, Any]) -> str:
    operations = "".join(
        _operation(path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if tag["name"] in operation.get("tags", ())
    )
    return f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>{operations}"


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    example = f"<pre>{escape(_EXAMPLES[path])}</pre>" if path in _EXAMPLES else ""
    body = operation.get("requestBody", {}).get("content", {})
    kinds = f"<p>Body: {', '.join(f'<code>{escape(kind)}</code>' for kind in body)}</p>" if body else ""
    parameters = _table(
        ("Parameter", "Meaning"),
        [(item["name"], item.get("description", "")) for item in operation.get("parameters", ())],
    )
    answers = _table(
        ("Status", "Meaning"),
        [(code, answer["description"]) for code, answer in operation["responses"].items()],
    )
    return (
        f'<section><h3><span class="verb">{verb.upper()}</span> <code>{escape(path)}</code> – '
        f"{escape(operation['summary'])}</h3>{_paragraphs(operation.get('description', ''))}"
        f"{example}{kinds}{parameters}{answers}</section>"
    )


def _schemas(document: dict[str, Any]) -> str:
    parts = []
    for name, schema in document["components"]["schemas"].items():
        rows = [
            (field, value.get("description", _type(value)))
            for field, value in schema.get("properties", {}).items()
        ]
        examples = "".join(
            f"<pre>{escape(json.dumps(example, indent=2))}</pre>" for example in schema.get("examples", ())
        )
        words = _paragraphs(schema.get("description", ""))
        parts.append(f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{words}')
        parts.append(f"{_table(('Field', 'Meaning'), rows)}{examples}</section>")
    return "".join(parts)


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in value:
        return " or ".join(_type(choice) for choice in value["anyOf"])
    if "const" in value:
        return json.dumps(value["const"])
    if "enum" in value:
        return " or ".join(map(str, value["enum"]))
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    return str(value.get("type", "any"))


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = "".join(f"<tr><td><code>{escape(a)}</code></td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table><tr><th>{head[0]}</th><th>{head[1]}</th></tr>{lines}</table>"


def _paragraphs(text: str) -> str:
    blocks = [block.strip() for block in text.strip().split("\n\n") if block.strip()]
    return "".join(_list(block) if block.startswith("* ") else f"<p>{_marked(block)}</p>" for block in blocks)


def _list(block: str) -> str:
    items = "".join(f"<li>{_marked(line[2:])}</li>" for line in block.splitlines() if line.startswith("* "))
    return f"<ul>{items}</ul>"


def _marked(text: str) -> str:
    code = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", code)
