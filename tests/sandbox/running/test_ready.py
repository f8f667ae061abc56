"""The files by which others find a sandbox that is up."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.running.ready import env_file, hint, published

DESCRIBED = {
    "aws": {
        "endpoint_url": "http://127.16.0.1:4566",
        "region": "us-east-2",
        "access_key_id": "AKIASANDBOX",
        "secret_access_key": 'it\'s $HOME `id`; "x"',
    }
}
TELL = (
    "import boto3, json; s = boto3.Session(); c = s.get_credentials(); "
    "print(json.dumps([s.client('stepfunctions').meta.endpoint_url, s.region_name, c.access_key, c.secret_key, "
    "c.token]))"
)


def test_a_shell_that_reads_the_env_file_turns_to_the_sandbox(tmp_path):
    own = tmp_path / "config"
    own.write_text("[profile mine]\nregion = eu-west-1\nendpoint_url = http://mine\n")
    users = {
        "AWS_PROFILE": "mine",
        "AWS_CONFIG_FILE": str(own),
        "AWS_SESSION_TOKEN": "mine",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "PATH": "/usr/bin:/bin",
    }
    ready = tmp_path / "x y" / "sandbox.json"
    with published(ready, DESCRIBED):
        command = f'{hint(ready).partition("terminal: ")[2]} && exec "$0" -c "$1"'
        said = subprocess.run(
            ["/bin/sh", "-euc", command, sys.executable, TELL], env=users, capture_output=True, text=True, check=True
        ).stdout
    aws = DESCRIBED["aws"]
    assert json.loads(said) == [
        aws["endpoint_url"],
        aws["region"],
        aws["access_key_id"],
        aws["secret_access_key"],
        None,
    ]


def test_both_files_are_the_users_alone_and_go_at_the_end(tmp_path):
    ready = tmp_path / "sandbox.json"
    left = tmp_path / "sandbox.env.new"  # of a run that was killed
    left.touch(mode=0o644)
    with published(ready, DESCRIBED):
        assert {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {
            "sandbox.json": 0o600,
            "sandbox.env": 0o600,
        }
    assert list(tmp_path.iterdir()) == []


def test_the_env_file_is_there_before_the_ready_file(tmp_path):
    ready = tmp_path / "sandbox.json"
    with pytest.raises(TypeError), published(ready, {**DESCRIBED, "bucket": object()}):
        pass
    ready.mkdir()  # nothing can be renamed to it
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        rename = type(ready).rename
        patch.setattr(type(ready), "rename", lambda path, to: (seen.append(to.name), rename(path, to))[1])
        with pytest.raises(OSError, match=r"sandbox\.json"), published(ready, DESCRIBED):
            pass
    assert seen == ["sandbox.env", "sandbox.json"]


@pytest.mark.parametrize(
    ("ready", "env"), [("build/sandbox.json", "build/sandbox.env"), ("a/ready", "a/ready.env"), ("x.json", "./x.env")]
)
def test_the_ready_line_says_what_to_type(ready, env):
    path = Path(ready)
    assert hint(path) == f"ready: {ready}; for the CLI, in another terminal: . {env}"
    assert env_file(path) == Path(env)
