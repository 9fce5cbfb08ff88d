"""Log each run to MLflow: recipe, metrics, scores, readings, sample grids, and at the end the generator.

    pip install mlflow-skinny
    export MLFLOW_TRACKING_URI=http://localhost:5000     or a folder, or sqlite:///mlflow.db with mlflow
    dcgan-kit train lecture-fashion28 --plugins-dir docs/examples/tracking

A resumed run goes on in the same run of MLflow. If MLflow cannot be reached at the beginning, the command ends. If it
fails later, there is one warning, and the next call sends what is missing.
"""

import os
import re
import time

from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_callbacks(recipe, run):
    import keras
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    from ._run_files import OnlyWarning, RunFiles, flat_recipe

    # By default MLflow tries for minutes, and training would wait.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

    class MlflowLogging(keras.callbacks.Callback):
        """Logs one run."""

        def on_train_begin(self, logs=None):
            self.files, self.client = RunFiles(run.path, "mlflow.json"), MlflowClient()
            self.guard = OnlyWarning("MLflow")
            if self.files.run_id:
                self.client.update_run(self.files.run_id, status="RUNNING")
                return
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "dcgan-kit")
            experiment = self.client.get_experiment_by_name(name)
            number = experiment.experiment_id if experiment else self.client.create_experiment(name)
            tags = {"dcgan_kit.folder": str(run.path.absolute())}
            self.files.run_id = self.client.create_run(number, tags=tags, run_name=run.path.name).info.run_id
            # MLflow takes 100 parameters at a time, and 6,000 characters each.
            params = [Param(_name(key), str(value)[:6000]) for key, value in flat_recipe(run.path).items()]
            for start in range(0, len(params), 100):
                self.client.log_batch(self.files.run_id, params=params[start : start + 100])
            self.files.remember()

        def on_train_batch_end(self, batch, logs=None):
            with self.guard:
                self.files.log_metrics(self._log)
                self.files.log_samples(lambda step, file: self._keep(file, "samples"))
                self.files.remember()

        def on_train_end(self, logs=None):
            self.on_train_batch_end(None)
            with self.guard:
                finished = (run.path / "generator.keras").exists()
                for name in ("recipe.yaml", "environment.json", "generator.keras") if finished else ():
                    self._keep(run.path / name, None)
                self.client.set_terminated(self.files.run_id, "FINISHED" if finished else "KILLED")

        def _log(self, step, numbers):
            now = int(1000 * time.time())
            metrics = [Metric(_name(key), value, now, step) for key, value in numbers.items() if _is_number(value)]
            # MLflow takes 1,000 metrics at a time.
            for start in range(0, len(metrics), 1000):
                self.client.log_batch(self.files.run_id, metrics=metrics[start : start + 1000])

        def _keep(self, file, folder):
            self.client.log_artifact(self.files.run_id, str(file), folder)

    return [MlflowLogging()]


def _name(key):
    """Return a name with the characters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", key)


def _is_number(value):
    return isinstance(value, int | float)
