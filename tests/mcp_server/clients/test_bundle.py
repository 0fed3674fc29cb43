"""The MCPB bundle and the registry's `server.json`: in step with the code, and by the rules of their forms.

The rules are written down here in our words; `make mcpb` asks the official validator besides.
"""

import importlib.util
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import memoryops
from memoryops.memory.settings import Settings

ROOT = Path(__file__).parents[3]
MCPB = ROOT / "deploy" / "mcpb"


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"mcpb_{name}", MCPB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def manifest() -> Any:
    return json.loads((MCPB / "manifest.json").read_text(encoding="utf-8"))


class TestManifest:
    def test_it_is_current(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert script("manifest").main(["--check"]) == 0, capsys.readouterr().err

    def test_another_one_is_noticed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        module = script("manifest")
        module.FILE = tmp_path / "manifest.json"
        assert module.main(["--check"]) == 1
        assert "run `python deploy/mcpb/manifest.py`" in capsys.readouterr().err
        assert module.main([]) == 0
        assert module.main(["--check"]) == 0

    def test_it_keeps_the_rules_of_its_form(self, manifest: Any) -> None:
        known = {"manifest_version", "name", "display_name", "version", "description", "long_description", "author"}
        known |= {"icon", "server", "tools", "prompts_generated", "keywords", "license", "compatibility", "user_config"}
        assert manifest.keys() == known
        assert manifest["manifest_version"] == "0.4"
        assert manifest["server"].keys() == {"type", "entry_point", "mcp_config"}
        assert manifest["server"]["type"] == "uv"
        assert manifest["server"]["mcp_config"].keys() <= {"command", "args", "env", "platform_overrides"}
        assert all(tool.keys() == {"name", "description"} for tool in manifest["tools"])
        assert set(manifest["compatibility"]["platforms"]) <= {"darwin", "win32", "linux"}
        for option in manifest["user_config"].values():
            assert option.keys() >= {"type", "title", "description"}
            assert option["type"] in ("string", "number", "boolean", "directory", "file")

    def test_its_options_are_those_of_the_command(self, manifest: Any) -> None:
        asked = re.findall(r"--([\w-]+)=\$\{user_config\.(\w+)\}", " ".join(manifest["server"]["mcp_config"]["args"]))
        assert {name for _, name in asked} == manifest["user_config"].keys()
        assert all(option.replace("-", "_") == name and hasattr(Settings(), name) for option, name in asked)

    def test_a_persons_tools_are_not_offered(self, manifest: Any) -> None:
        names = {tool["name"] for tool in manifest["tools"]}
        assert {"memory_add", "memory_search", "memory_retrieve"} <= names
        assert names.isdisjoint({"hil_answer", "quarantine_review"})


class TestBundle:
    def test_the_same_sources_give_the_same_bytes(self, tmp_path: Path, manifest: Any) -> None:
        wheel = tmp_path / "memoryops-1-py3-none-any.whl"
        wheel.write_bytes(b"wheel")
        one, two = (script("bundle").build(wheel, tmp_path / name) for name in ("a", "b"))
        assert one.name == f"memoryops-{manifest['version']}.mcpb"
        assert one.read_bytes() == two.read_bytes()
        with zipfile.ZipFile(one) as bundle:
            names = bundle.namelist()
            project = bundle.read("pyproject.toml").decode()
        wanted = {"manifest.json", "pyproject.toml", "LICENSE", wheel.name}
        assert set(names) == wanted | {manifest["icon"], manifest["server"]["entry_point"]}
        assert f'"memoryops=={memoryops.__version__}"' in project
        assert wheel.name in project

    def test_the_icon_is_a_picture_of_the_size_that_is_asked_for(self, manifest: Any) -> None:
        head = (MCPB / manifest["icon"]).read_bytes()[:24]
        assert head.startswith(b"\x89PNG\r\n\x1a\n")
        assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (512, 512)

    @pytest.mark.parametrize("empty", ["", "${user_config.data_dir}"])
    def test_what_the_user_left_empty_is_left_out(self, empty: str) -> None:
        given = [f"--data-dir={empty}", "--workspace=shop"]
        assert script("server").arguments(given) == ["mcp", "--workspace=shop"]

    def test_its_server_imports_nothing_before_it_starts(self) -> None:
        before = set(sys.modules)
        script("server")
        assert not {name for name in set(sys.modules) - before if name.startswith("memoryops")}


class TestRegistry:
    @pytest.fixture
    def server(self) -> Any:
        return json.loads((ROOT / "server.json").read_text(encoding="utf-8"))

    def test_it_is_in_step_with_the_version(self, server: Any) -> None:
        (package,) = server["packages"]
        assert server["version"] == package["version"] == memoryops.__version__, "correct server.json"

    def test_it_keeps_the_rules_of_its_form(self, server: Any) -> None:
        assert server["$schema"].endswith("/2025-12-11/server.schema.json")
        assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server["name"])
        assert 3 <= len(server["name"]) <= 200
        assert 1 <= len(server["description"]) <= 100
        assert 1 <= len(server["title"]) <= 100
        (package,) = server["packages"]
        assert (package["registryType"], package["registryBaseUrl"]) == ("pypi", "https://pypi.org")
        assert package["transport"] == {"type": "stdio"}
        assert package["packageArguments"] == [{"type": "positional", "value": "mcp"}]

    def test_its_variables_are_settings_and_secrets_are_marked(self, server: Any) -> None:
        (package,) = server["packages"]
        settings = {each.metadata["name"]: each for each in Settings.__dataclass_fields__.values()}
        for variable in package["environmentVariables"]:
            assert variable.get("isSecret", False) == (not settings[variable["name"]].repr)
