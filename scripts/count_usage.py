"""Counts which operators follow which in the modules of torchvision and transformers: count_usage.py [--only NAME...] [-o FILE].

Each module is made with random weights and imported without data, as `convert` does it; nothing is downloaded.  Counted are the paths of up
to three operators along the tensors of its Program, glue left out, `^` standing for the module's inputs.  Every module weighs the
same (10,000 in all for paths of each length), however deep it is.  Paths that make up less than 1 in 10,000 of their length are left
out.  Writes src/synth/usage_table.cc, which the sampler's law `usage` is made of; needs torchvision and transformers beside PyTorch.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python" / "tests")]

import torch  # noqa: E402
import torchvision  # noqa: E402
import transformers  # noqa: E402

from drtriton.importer_errors import UserFile  # noqa: E402
from drtriton.importer_export import Exporter  # noqa: E402
from drtriton.importer_load import forget, load_module  # noqa: E402
from drtriton.importer_steps import run_context  # noqa: E402

# One of each family of torchvision, at the size of input that it is made for.
VISION = {
    name: "3, 224, 224"
    for name in (
        "alexnet vgg11_bn vgg16 resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 mobilenet_v2 mobilenet_v3_small "
        "mobilenet_v3_large mnasnet1_0 shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 efficientnet_b0 efficientnet_v2_s "
        "regnet_y_400mf regnet_x_400mf convnext_tiny vit_b_16 swin_t swin_v2_t maxvit_t googlenet"
    ).split()
} | {
    "inception_v3": "3, 299, 299", "fcn_resnet50": "3, 128, 128", "deeplabv3_resnet50": "3, 128, 128",
    "lraspp_mobilenet_v3_large": "3, 128, 128", "r3d_18": "3, 8, 64, 64", "mc3_18": "3, 8, 64, 64",
    "r2plus1d_18": "3, 8, 64, 64", "s3d": "3, 16, 224, 224", "mvit_v1_b": "3, 16, 224, 224",
}

# Architectures of transformers with two layers; a text model reads tokens, a vision model pixels, an audio model samples.
TEXT = (
    "Bert Roberta DistilBert Albert Electra MPNet DebertaV2 Deberta XLMRoberta Camembert RoFormer ConvBert "
    "GPT2 GPTNeo GPTNeoX GPTJ OPT Bloom Llama Mistral Qwen2 Qwen3 Gemma Gemma2 Phi Phi3 StableLm Falcon Olmo Olmo2 Cohere "
    "Granite Starcoder2 Nemotron Mixtral Qwen2Moe Mamba ModernBert FNet T5Encoder"
).split()
PIXELS = "ViT DeiT Beit Swin Swinv2 ConvNext ConvNextV2 ResNet RegNet Segformer PoolFormer MobileViT MobileNetV2 Dinov2 Hiera".split()
SAMPLES = "Wav2Vec2 Hubert WavLM".split()
LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers")

SOURCE = """
import torch
{imports}

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = {make}

    def forward(self, x):
        {forward}

def get_inputs():
    return [{inputs}]
"""


def vision_source(name: str) -> str:
    aux = ", init_weights=False, aux_logits=False" if name in ("googlenet", "inception_v3") else ""
    dense = "fcn" in name or "deeplab" in name or "lraspp" in name
    backbone = ", weights_backbone=None" if dense else ""
    return SOURCE.format(
        imports="import torchvision",
        make=f"torchvision.models.get_model('{name}', weights=None{backbone}{aux})",
        forward="return self.body(x)" + ("['out']" if dense else ""),
        inputs=f"torch.randn(2, {VISION[name]})",
    )


MAKE_BODY = """
def make_body(config_name, model_name):
    config = getattr(transformers, config_name + "Config")()
    for key in {layers!r}:
        if isinstance(getattr(config, key, None), int):
            setattr(config, key, 2)
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:2]
    return getattr(transformers, model_name + "Model")(config)
"""


def transformer_source(name: str, inputs: str) -> str:
    config = name.removesuffix("Encoder")
    return MAKE_BODY.format(layers=LAYERS) + SOURCE.format(
        imports="import transformers",
        make=f"make_body('{config}', '{name}')",
        forward="return self.body(x, return_dict=False)[0]",
        inputs=inputs,
    )


def sources() -> dict[str, str]:
    found = {f"torchvision.{name}": vision_source(name) for name in VISION}
    found |= {f"transformers.{name}": transformer_source(name, "torch.randint(0, 500, (2, 32))") for name in TEXT}
    found |= {f"transformers.{name}": transformer_source(name, "torch.randn(2, 3, 224, 224)") for name in PIXELS}
    found |= {f"transformers.{name}": transformer_source(name, "torch.randn(2, 8000)") for name in SAMPLES}
    return found


def imported(name: str, source: str, folder: str) -> dict:
    path = pathlib.Path(folder) / "counted_module.py"
    path.write_text(source)
    file = UserFile(str(path), name)
    with torch.no_grad():
        module = load_module(file)
        try:
            request = {"device": "cpu", "seed": 0, "training": False}
            return Exporter(file, module, request, run_context(False)).under_fake_tensors().json
        finally:
            forget(module, file)


def value_ids(argument: object) -> list[int]:
    if isinstance(argument, dict):
        return [argument["v"]] if "v" in argument else []
    return [index for item in argument for index in value_ids(item)] if isinstance(argument, list) else []


def paths(program: dict, glue: set[str]) -> list[tuple[str, ...]]:
    """All paths of one to three operators, each of the longer ones also with `^` in front where it begins at an input."""
    # By value: the operators that it comes from, glue looked through.
    origins: list[set[int]] = [{-1} if value["kind"] == "input" else set() for value in program["values"]]
    before: list[set[int]] = []  # by node: the nodes that it reads from; -1: an input
    for index, node in enumerate(program["nodes"]):
        read = set().union(*[origins[value] for argument in node["args"] for value in value_ids(argument)] or [set()])
        before.append(read)
        for value in node["outputs"]:
            if value >= 0:
                origins[value] = read if node["op"] in glue else {index}
    name = ["^" if node["op"] in glue else node["op"] for node in program["nodes"]] + ["^"]
    found: list[tuple[str, ...]] = []
    for index, node in enumerate(program["nodes"]):
        if node["op"] in glue:
            continue
        found.append((node["op"],))
        for previous in before[index]:
            found.append((name[previous], node["op"]))
            if previous >= 0:
                found += [(name[first], name[previous], node["op"]) for first in before[previous]]
    return found


def weighed(found: list[tuple[str, ...]]) -> collections.Counter:
    """10,000 in all for each length."""
    totals = collections.Counter(len(path) for path in found)
    counts: collections.Counter = collections.Counter()
    for path in found:
        counts[path] += 10000 / totals[len(path)]
    return counts


def table_text(counts: collections.Counter, modules: int) -> str:
    least = {length: sum(n for path, n in counts.items() if len(path) == length) / 10000 for length in (1, 2, 3)}
    kept = {path: round(count) for path, count in counts.items() if count >= least[len(path)] and round(count) > 0}
    names = sorted({name for path in kept for name in path} - {"^"})
    number = {"^": -1, **{name: index for index, name in enumerate(names)}}
    rows = [
        "{" + ", ".join(str(number[name]) for name in path) + ", -2" * (3 - len(path)) + f", {count}}},"
        for path, count in sorted(kept.items(), key=lambda item: (len(item[0]), [number[name] for name in item[0]]))
    ]
    lines, line = [], "   "
    for row in rows:
        if len(line) + len(row) > 118:
            lines.append(line)
            line = "   "
        line += " " + row
    lines.append(line)
    quoted = "\n".join(f'    "{name}",' for name in names)
    return (
        f"// Written by scripts/count_usage.py from {modules} modules of torchvision {torchvision.__version__} and transformers "
        f"{transformers.__version__},\n// exported by PyTorch {torch.__version__}; do not edit.\n"
        '#include "synth/usage_table.h"\n\nnamespace drtriton {\n\n'
        f"const std::vector<const char*>& UsageNames() {{\n  static const std::vector<const char*> names = {{\n{quoted}\n  }};\n"
        "  return names;\n}\n\n// clang-format off\n"
        "const std::vector<UsagePath>& UsagePaths() {\n  static const std::vector<UsagePath> paths = {\n" + "\n".join(lines) +
        "\n  };\n  return paths;\n}\n// clang-format on\n\n}  // namespace drtriton\n"
    )


def glue_operators() -> set[str]:
    rows = (ROOT / "docs" / "operators.md").read_text().splitlines()
    return {row.split("`")[1] for row in rows if row.startswith("| `aten") and "glue" in row}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("-o", "--output", default=str(ROOT / "src/synth/usage_table.cc"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    glue = glue_operators()
    counts: collections.Counter = collections.Counter()
    counted = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, source in sources().items():
            if options.only and name.rsplit(".", 1)[1] not in options.only:
                continue
            try:
                found = paths(imported(name, source, folder), glue)
            except Exception as error:  # a module that cannot be exported is told and left out
                print(f"{name}: left out: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", file=sys.stderr)
                continue
            counts.update(weighed(found))
            counted += 1
            print(f"{name}: {sum(1 for path in found if len(path) == 1)} operators", file=sys.stderr)
    pathlib.Path(options.output).write_text(table_text(counts, counted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
