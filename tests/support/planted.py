"""Plant files in a working folder and a home folder that libraries would read, or Python would run."""

from pathlib import Path

CONTENT = "#!/bin/false\nplanted: true\n"
"""Valid YAML, so that a library goes on to read the next file; not a valid module, library or checkpoint."""
MODULES = (
    "json",
    "torch",
    "numpy",
    "argparse",
    "yaml",
    "sitecustomize",
    "usercustomize",
    "diarize_runner",
    "_ops",
    "_classes",
)
LIBRARIES = ("libcuda.so.1", "tls/libcuda.so.1", "glibc-hwcaps/x86-64-v3/libcuda.so.1", "libnvidia-ml.so.1")
MODEL_FILES = ("config.yaml", "pytorch_model.bin", "plda/plda.npz", "plda/xvec_transform.npz", "plda.npz")
SETTINGS = ("matplotlibrc", "database.yml", ".netrc", ".env", "sox.conf", "pyproject.toml", "lightning.yaml")
AT_HOME = (
    ".asoundrc",
    ".cache/fontconfig/cache",
    ".cache/huggingface/hub/version.txt",
    ".cache/huggingface/token",
    ".cache/matplotlib/fontlist-v3.11.0.json",
    ".cache/torch/hub/checkpoints/model.pt",
    ".config/fsspec/conf.json",
    ".config/matplotlib/matplotlibrc",
    ".config/pyannote/config.yaml",
    ".config/torch/config",
    ".fonts.conf",
    ".fonts/Planted.ttf",
    ".local/lib/python3.11/site-packages/usercustomize.py",
    ".local/share/fonts/Planted.ttf",
    ".matplotlib/matplotlibrc",
    ".netrc",
    ".nv/ComputeCache/index",
    ".pyannote/database.yml",
    ".pythonrc.py",
    ".triton/cache/kernel",
)


def plant_working_folder(folder, repo_ids):
    """Put modules, libraries, settings and a folder for each of the repositories into `folder`."""
    modules = [f"{name}.py" for name in MODULES]
    models = [f"{repo_id}/{name}" for repo_id in repo_ids for name in MODEL_FILES]
    _plant(folder, [*modules, *LIBRARIES, *SETTINGS, *models])


def plant_home(folder):
    """Put settings, caches and fonts into `folder`; return the variables that point to them."""
    named = ("database.yml", "matplotlibrc", "fsspec/conf.json", "torch/hub/x.pt", "hf/token", "data/fonts/P.ttf")
    _plant(folder, [*AT_HOME, *named, "bin/fc-list", "bin/latex"])
    (folder / "bin/fc-list").chmod(0o755)
    return {
        "HOME": str(folder),
        "PYTHONSTARTUP": str(folder / ".pythonrc.py"),
        "PYTHONUSERBASE": str(folder / ".local"),
        "PYANNOTE_DATABASE_CONFIG": str(folder / "database.yml"),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "MPLBACKEND": "module://planted",
        "FSSPEC_CONFIG_DIR": str(folder / "fsspec"),
        "TORCH_HOME": str(folder / "torch"),
        "HF_HOME": str(folder / "hf"),
        "HF_TOKEN_PATH": str(folder / "hf/token"),
        "XDG_DATA_HOME": str(folder / "data"),
    }


def _plant(folder, names):
    for name in names:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONTENT)
