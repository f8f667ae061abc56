"""Which etcd the hosted clusters get, and what is said where it is not there."""

import pytest

from sandbox import assets
from sandbox.node import images
from sandbox.plan import Plan
from sandbox.running import Sandbox, SandboxError


@pytest.fixture
def built(tmp_path, monkeypatch):
    """An empty folder where `make kube` would put programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    assets.cache().mkdir(parents=True)
    return assets.cache()


def program(path):
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_what_is_missing_is_named_in_one_line(built, tmp_path):
    program(built / "etcdctl")
    with pytest.raises(SandboxError) as refused:
        Sandbox(tmp_path / "run", isolation="rewrite", etcd="3.6")
    told = str(refused.value)
    assert told.startswith(f"no etcd, etcdutl in {built}: `make kube`")
    assert "\n" not in told
    assert not (tmp_path / "run").exists()


def test_by_default_the_emulated_api_comes_with_that_of_pypi(built, tmp_path):
    plan = Plan.create(tmp_path / "run", isolation="rewrite")
    root = images.build(tmp_path / "images", plan.etcd)
    (programs,) = [source for source, target, _ in images.binds(root, images.image("x")) if target == "/.host/etcd"]
    assert programs == str(images.etcd_programs())


def test_the_newer_one_is_what_the_images_hold_when_asked_for(built, tmp_path):
    for name in assets.ETCD:
        program(built / name)
    plan = Plan.load(Plan.create(tmp_path / "run", isolation="rewrite", etcd="3.6").save())
    root = images.build(tmp_path / "images", plan.etcd)
    (programs,) = [source for source, target, _ in images.binds(root, images.image("x")) if target == "/.host/etcd"]
    assert programs == str(built)


def test_etcd_and_its_tools_come_out_of_one_folder(built, tmp_path, monkeypatch):
    """`setup-envtest` brings an etcd of its own; of what version, the tools beside it do not know."""
    given = tmp_path / "given"
    given.mkdir()
    program(given / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(given))
    for name in assets.PROGRAMS:
        program(built / name)
    assert assets.find()["etcd"] == str(given / "etcd")
    assert assets.etcd() == str(built)
    (built / "etcd").unlink()
    with pytest.raises(assets.AssetsError, match=r"no etcd in .*make kube"):
        assets.find()
