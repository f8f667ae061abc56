"""What `sam build` and `sam package` do, without pip: archives of code and layers, machines inline, SAM translated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from sandbox.aws.cloudformation.intrinsics import TemplateError
from sandbox.aws.functions.packages import REFERENCE, pack
from sandbox.plan import REGION

Upload = Callable[[str, bytes], str]
"""`(name, archive)` to the s3:// URL under which it then lies."""


class _ArnByName(dict[str, str]):
    """SAM asks IAM for the ARNs of managed policies by name; AWS's own follow a pattern."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.startswith("AWS")

    def __getitem__(self, name: str) -> str:
        folder = "service-role/" if name.startswith("AWSLambda") and name.endswith("ExecutionRole") else ""
        return f"arn:aws:iam::aws:policy/{folder}{name}"

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - `get` itself


def read(path: Path) -> dict[str, Any]:
    """A template with CloudFormation's short forms (`!Ref`) spelled out."""
    template: dict[str, Any] = yaml_parse(path.read_text(encoding="utf-8"))
    return template


def package(template: Mapping[str, Any], root: Path, parameters: Mapping[str, Any], upload: Upload) -> dict[str, Any]:
    """Plain CloudFormation for the SAM `template` whose paths are relative to `root`.

    Raises TemplateError for code that is not there.
    """
    packaged = copy.deepcopy(dict(template))
    defaults = packaged.get("Globals", {}).get("Function", {})
    for name, resource in packaged.get("Resources", {}).items():
        properties = resource.setdefault("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                if "InlineCode" not in properties:
                    code = properties.get("CodeUri", defaults.get("CodeUri", "."))
                    properties["CodeUri"] = upload(name, _code(root / code))
            case "AWS::Serverless::LayerVersion":
                built = "BuildMethod" in resource.get("Metadata", {})
                properties["ContentUri"] = upload(name, _layer(root, root / properties["ContentUri"], built=built))
            case "AWS::Serverless::StateMachine" if "DefinitionUri" in properties:
                definition = (root / properties.pop("DefinitionUri")).read_text(encoding="utf-8")
                properties["Definition"] = yaml.safe_load(definition)
            case _:
                pass
    translator = Translator(None, Parser(), boto_session=Session(region_name=REGION))
    # The translator changes its input and wants plain strings, which JSON gives.
    translated: dict[str, Any] = translator.translate(
        json.loads(json.dumps(packaged)), dict(parameters), get_managed_policy_map=_ArnByName
    )
    return translated


def _code(folder: Path) -> bytes:
    if not folder.is_dir():
        raise TemplateError(f"no folder {folder}")
    return pack(_files(folder, folder))


def _layer(root: Path, folder: Path, *, built: bool) -> bytes:
    if not folder.is_dir():
        raise TemplateError(f"no folder {folder}")
    if (folder / "requirements.txt").exists():
        # `make install` has already put there what `sam build` would install from the same locked list.
        installed = root / "build" / "runtime" / "dependencies"
        if not installed.is_dir():
            raise TemplateError(f"{installed} is missing: run `make install`")
        return pack({REFERENCE: json.dumps({"python": str(installed)}).encode("utf-8")})
    files = _files(folder, folder)
    return pack({f"python/{name}": content for name, content in files.items()} if built else files)


def _files(folder: Path, base: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(base)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
