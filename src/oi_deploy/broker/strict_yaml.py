"""YAML as two programs cannot read it in two ways."""

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """YAML that is JSON written differently.

    Without aliases (they can explode), tags (`!!set` is no JSON, and the constructors of others
    fail in ways of their own), repeated keys, timestamps, and numbers to the base of 60
    (`1:30`, which only YAML 1.1 has, and which take ages when they are long).
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("YAML aliases (*name) are not allowed; write the value out")
        if getattr(event, "tag", None) is not None:
            raise ValueError("YAML tags (!name) are not allowed; write a plain value")
        return super().compose_node(parent, index)

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        tag = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        is_number = kind is yaml.ScalarNode and tag.endswith((":int", ":float"))
        return self.DEFAULT_SCALAR_TAG if is_number and ":" in value else tag

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
            raise ValueError("every key of a mapping must be a string, and be there only once")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_all(text: str) -> list[Any]:
    """Read all documents; empty ones are left out.

    Raises:
        ValueError: it is not YAML, or it has an alias or a repeated key; one line that says so.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"it is not valid YAML{where}: {problem}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except OverflowError:
        # The scanner does not catch what `chr` says about "\UF0000000".
        raise ValueError("it is not valid YAML: an escape in it is no character") from None
    return [document for document in documents if document is not None]
