"""Log each run to Weights & Biases: recipe, metrics, scores, readings, sample grids, and at the end the generator.

    pip install wandb
    export WANDB_MODE=offline     or `wandb login`
    dcgan-kit train lecture-fashion28 --plugins-dir docs/examples/tracking

A resumed run goes on under the same id. If Weights & Biases cannot start a run, the command ends. If it fails later,
there is one warning, and the next call sends what is missing.
"""

import os
import secrets

from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_callbacks(recipe, run):
    import keras
    import wandb

    from ._run_files import OnlyWarning, RunFiles, flat_recipe

    class WandbLogging(keras.callbacks.Callback):
        """Logs one run."""

        def on_train_begin(self, logs=None):
            self.files, self.guard = RunFiles(run.path, "wandb.json"), OnlyWarning("Weights & Biases")
            self.files.run_id = self.files.run_id or secrets.token_hex(4)
            self.run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "dcgan-kit"),
                id=self.files.run_id,
                resume="allow",
                name=run.path.name,
                dir=run.path,
                config=flat_recipe(run.path),
            )
            # The step is a number like the others, because a run may go back to a checkpoint.
            self.run.define_metric("step")
            self.run.define_metric("*", step_metric="step")
            self.files.remember()

        def on_train_batch_end(self, batch, logs=None):
            with self.guard:
                self.files.log_metrics(lambda step, numbers: self.run.log({"step": step, **numbers}))
                self.files.log_samples(
                    lambda step, file: self.run.log({"step": step, "samples": wandb.Image(str(file))})
                )
                self.files.remember()

        def on_train_end(self, logs=None):
            self.on_train_batch_end(None)
            with self.guard:
                if (run.path / "generator.keras").exists():
                    artifact = wandb.Artifact(f"generator-{self.files.run_id}", type="model")
                    for name in ("recipe.yaml", "environment.json", "generator.keras"):
                        artifact.add_file(str(run.path / name))
                    self.run.log_artifact(artifact)
                self.run.finish(quiet=True)

    return [WandbLogging()]
