"""The files of ``deploy``: what can be tried of them without Docker, SLURM and Kubernetes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from dcgan_kit.process.exit_codes import PREEMPTED, WRONG_INPUT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


class TestSlurm:
    @pytest.fixture
    def job(self, tmp_path):
        """Return a function status -> (exit status, calls of the programs, output) that runs the job."""
        for name in ("srun", "scontrol"):
            program = tmp_path / name
            status = '"$STATUS"' if name == "srun" else "0"
            program.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {tmp_path}/calls\nexit {status}\n')
            program.chmod(0o755)

        def job(status, restarts=0):
            variables = {"STATUS": str(status), "SLURM_JOB_ID": "71", "SLURM_RESTART_COUNT": str(restarts)}
            ended = subprocess.run(
                ["bash", DEPLOY / "slurm.sh", "tiny-fashion28", "training.steps=4", "--run", "a run"],
                env=os.environ | variables | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
                capture_output=True, text=True, timeout=30, check=False,
            )  # fmt: skip
            calls = (tmp_path / "calls").read_text().splitlines()
            (tmp_path / "calls").unlink()
            return ended.returncode, calls, ended.stdout + ended.stderr

        return job

    def test_75_puts_the_job_into_the_queue_again(self, job):
        status, calls, output = job(PREEMPTED)
        train = "srun --kill-on-bad-exit=0 dcgan-kit train tiny-fashion28 training.steps=4 --run a run"
        assert (status, calls) == (75, [train, "scontrol requeue 71"])
        assert "continues from its checkpoint" in output

    @pytest.mark.parametrize("final", [0, 1, WRONG_INPUT, 130, 137])
    def test_every_other_status_is_final(self, final, job):
        status, calls, _ = job(final)
        assert status == final
        assert len(calls) == 1

    def test_a_job_that_ends_at_once_again_and_again_stays_as_it_is(self, job):
        status, calls, output = job(PREEMPTED, restarts=3)
        assert (status, len(calls)) == (75, 1)
        assert "was started again 3 times before" in output

    def test_slurm_may_start_it_again_and_warns_it_before_the_time_limit(self):
        text = (DEPLOY / "slurm.sh").read_text()
        options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", text, re.MULTILINE))
        assert "requeue" in options
        assert options["signal"].partition("@")[0] == "USR1"
        assert int(options["signal"].partition("@")[2]) >= 60
        first = text.index("set -u")
        assert "#SBATCH" not in text[first:], "SLURM reads options only before the first command"


@pytest.fixture(scope="module")
def documents():
    """The objects of the file for Kubernetes, by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}


@pytest.fixture(scope="module")
def pod(documents):
    """The pods of its Job."""
    return documents["Job"]["spec"]["template"]["spec"]


class TestKubernetes:
    def test_75_is_no_failure_and_a_wrong_input_is_final(self, documents, pod):
        (container,) = pod["containers"]
        rules = documents["Job"]["spec"]["podFailurePolicy"]["rules"]
        actions = {
            status: rule["action"]
            for rule in rules
            if "onExitCodes" in rule and rule["onExitCodes"]["containerName"] == container["name"]
            for status in rule["onExitCodes"]["values"]
        }
        assert actions == {PREEMPTED: "Ignore", 1: "FailJob", WRONG_INPUT: "FailJob"}
        # Kubernetes takes such a policy only with this.
        assert pod["restartPolicy"] == "Never"

    @pytest.mark.parametrize("index", [0, 1])
    def test_each_pod_is_the_worker_of_its_number(self, index, documents, pod, tmp_path):
        job, (container,) = documents["Job"], pod["containers"]
        fake = tmp_path / "dcgan-kit"
        fake.write_text('#!/bin/sh\nprintf "%s" "$TF_CONFIG"\n')
        fake.chmod(0o755)
        given = {one["name"]: one["value"] for one in container["env"]}
        variables = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "JOB_COMPLETION_INDEX": str(index)}
        ended = subprocess.run(
            [*container["command"], *container["args"]],
            env=variables | given, capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        from dcgan_kit.distributed.tf_config import workers_of

        config = json.loads(ended.stdout)
        workers = job["spec"]["completions"]
        name, domain = job["metadata"]["name"], pod["subdomain"]
        assert config["cluster"]["worker"] == [f"{name}-{one}.{domain}:22220" for one in range(workers)]
        assert config["task"] == {"type": "worker", "index": index}
        assert workers_of(ended.stdout) == (tuple(config["cluster"]["worker"]), index)
        assert job["spec"]["parallelism"] == workers == int(given["WORKERS"])
        assert job["spec"]["completionMode"] == "Indexed"

    def test_the_pods_have_the_names_of_the_service(self, documents, pod):
        service = documents["Service"]
        assert service["metadata"]["name"] == pod["subdomain"]
        assert service["spec"]["selector"] == {"job-name": documents["Job"]["metadata"]["name"]}
        assert service["spec"]["clusterIP"] == "None"


class TestDockerfile:
    LINES = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    IGNORED = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()

    def copied(self):
        return [name for line in self.LINES if line.startswith("COPY ") for name in line.split()[1:-1]]

    def test_everything_that_it_copies_is_there_and_enters_the_build(self):
        assert self.copied()
        for name in self.copied():
            assert (ROOT / name).exists()
            assert f"!{name}" in self.IGNORED

    def test_it_copies_all_that_the_wheel_is_made_of(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        setuptools = project["tool"]["setuptools"]
        needed = {"pyproject.toml", project["project"]["readme"], "LICENSE"}
        needed |= {f"{name}.py" for name in setuptools["py-modules"]}
        needed |= {setuptools["package-dir"].get(name, name) for name in setuptools["packages"] if "." not in name}
        assert needed == set(self.copied())

    def test_it_installs_the_package_and_runs_the_command_as_a_user(self):
        runs = [line for line in self.LINES if line.startswith("RUN ")]
        assert "pip install --no-cache-dir ." in runs[0]
        readme = (ROOT / "README.md").read_text()
        assert "pip install . &&" in readme
        user = next(index for index, line in enumerate(self.LINES) if line.startswith("USER "))
        assert not any(line.startswith("RUN ") for line in self.LINES[user:])
        assert 'ENTRYPOINT ["dcgan-kit"]' in self.LINES

    def test_its_python_is_one_that_the_package_takes(self):
        from packaging.specifiers import SpecifierSet

        (version,) = [line.partition("=")[2] for line in self.LINES if line.startswith("ARG PYTHON")]
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert version in SpecifierSet(project["requires-python"])


def test_the_page_names_every_file():
    page = (ROOT / "docs" / "export.md").read_text()
    for file in DEPLOY.iterdir():
        assert file.suffix == ".dockerignore" or f"deploy/{file.name}" in page
