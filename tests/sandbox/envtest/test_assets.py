"""What is said when Kubernetes' programs or published definitions are missing."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_a_missing_program_is_one_line(tmp_path):
    command = [sys.executable, "-m", "sandbox", "demo", "--kube", "real", "--run-dir", tmp_path / "run"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "KUBEBUILDER_ASSETS": str(tmp_path / "assets")}
    said = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "kube-apiserver" in said.stderr
    assert "make kube" in said.stderr
    assert not (tmp_path / "run").exists()


def test_a_folder_without_definitions_is_one_line(tmp_path):
    command = [sys.executable, "-m", "sandbox", "demo", "--run-dir", tmp_path / "run"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LIFEBOAT_CRDS": str(tmp_path / "none")}
    said = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "LIFEBOAT_CRDS" in said.stderr
    assert not (tmp_path / "run").exists()
