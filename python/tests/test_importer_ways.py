"""Ways to export: without data, from the real module, at reduced sizes, for a GPU that is not there, at real sizes."""

import importlib.util
import time
import unittest
from unittest import mock

import torch

from drtriton.importer_cost import estimate_flops
from drtriton.importer_errors import ModuleProblem
from drtriton.importer_export import Exporter
from importer_case import DEVICE, ImporterCase
from test_importer_features import module


class Fallbacks(ImporterCase):
    def run_for_real(self, text: str) -> dict:
        """Imports a module that cannot be exported without data; fails where it could."""
        with mock.patch.object(Exporter, "for_real", autospec=True, side_effect=Exporter.for_real) as for_real:
            program = self.run_import(text)
        self.assertEqual(for_real.call_count, 1)
        return program

    def test_values_read_in_the_constructor(self):
        program = self.run_for_real(
            module("return x * self.rate", "[torch.randn(3)]", "self.rate = torch.linspace(0, 1, 3)[1].item()")
        )
        self.assertEqual(program["nodes"][0]["args"][1], 0.5)

    @unittest.skipIf(DEVICE != "cpu", "a tensor in a list stays on the host")
    def test_tensors_kept_in_a_list(self):
        program = self.run_for_real(
            module("return x + self.tables[0]", "[torch.randn(3)]", "self.tables = [torch.arange(3.0)]")
        )
        self.assertEqual(program["values"][0]["kind"], "constant")

    @unittest.skipIf(DEVICE != "cpu", "the cache stays on the host")
    def test_a_cache_filled_during_export_is_forgotten(self):
        program = self.run_import(
            module(
                "CACHE.setdefault('one', torch.ones(3)); return x + CACHE['one']",
                "[torch.randn(3)]",
                extra="CACHE = {}",
            )
        )
        self.assertEqual(len(program["nodes"]), 1)

    def test_conversions_in_the_constructor_need_no_data(self):
        with mock.patch.object(Exporter, "for_real", side_effect=AssertionError):
            program = self.run_import(
                module(
                    "return self.b(self.a(x)) + self.rnn(x)[0]",
                    "[torch.randn(2, 4).half()]",
                    "self.a = nn.Linear(4, 4); self.b = nn.Linear(4, 4); self.b.weight = self.a.weight; "
                    "self.rnn = nn.GRU(4, 4); self.to(torch.bfloat16).half()",
                )
            )
        parameters = [value["dtype"] for value in program["values"] if value["kind"] == "parameter"]
        self.assertEqual(parameters, ["float16"] * (3 + 4))

    def test_tensors_made_when_the_file_is_imported(self):
        self.run_import(
            module(
                "return x + self.w", "[X]", "self.w = nn.Parameter(W)", extra="W = torch.arange(3.0)\nX = torch.ones(3)"
            )
        )

    def test_numpy_in_the_constructor(self):
        self.run_import(
            module(
                "return x + self.t",
                "[torch.randn(3)]",
                "import numpy; self.register_buffer('t', torch.from_numpy(numpy.ones(3, dtype='float32')))",
            )
        )

    def test_control_flow_on_values_is_refused(self):
        with self.assertRaisesRegex(ModuleProblem, "case.py, line 17: .*control flow on values of a tensor"):
            self.run_import(module("return x if x.sum() > 0 else -x", "[torch.randn(3)]"))


@unittest.skipIf(DEVICE != "cpu", "only a CPU run is reduced")
class Reduced(ImporterCase):
    def test_the_shared_leading_dimension_is_cut(self):
        program = self.run_import(
            module(
                "return self.fc(x) * y, x.view(-1)",
                "[torch.randn(64, 8), torch.randn(64, 4)]",
                "self.fc = nn.Linear(8, 4)",
                "self, x, y",
            ),
            max_cpu_flops=10,
        )
        self.assertIsNone(self.done["tensors"])
        reduced = self.load("reduced_program.json")
        self.assertEqual([program["values"][index]["shape"] for index in program["inputs"]], [[64, 8], [64, 4]])
        self.assertEqual([reduced["values"][index]["shape"] for index in reduced["inputs"]], [[4, 8], [4, 4]])
        self.assertEqual(program["values"][program["result"]["tuple"][1]["alias_of"]]["name"], "x")

    def test_square_matrices_cut_the_first_alone(self):
        self.run_import(
            module("return x @ y", "[torch.randn(32, 32), torch.randn(32, 32)]", arguments="self, x, y"),
            max_cpu_flops=10,
        )
        reduced = self.load("reduced_program.json")
        self.assertEqual([reduced["values"][index]["shape"] for index in reduced["inputs"]], [[4, 32], [32, 32]])

    def test_a_module_that_takes_no_other_size_runs_at_its_own(self):
        self.run_import(module("return x.view(64, 2, 4) * 2", "[torch.randn(64, 8)]"), max_cpu_flops=10)
        self.assertIsNone(self.done["reduced_program"])
        self.assertIsNotNone(self.done["tensors"])


class Cost(unittest.TestCase):
    def test_multiply_adds_count_twice_and_elements_count(self):
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.fc, self.conv = torch.nn.Linear(16, 8), torch.nn.Conv1d(4, 4, 3, padding=1)

            def forward(self, x):
                return self.conv(self.fc(x).relu())

        exported = torch.export.export(Model(), (torch.randn(2, 4, 16),)).run_decompositions({})
        written = 2 * 4 * 8
        linear, conv = 2 * written * 16, 2 * written * 4 * 3
        self.assertEqual(estimate_flops(exported.graph), linear + conv + 3 * 20 * written)


@unittest.skipIf(torch.cuda.is_available(), "there is a GPU")
class MissingGpu(ImporterCase):
    def import_for_gpu(self, text: str) -> dict:
        program = self.run_import(text, device="cuda")
        self.assertIsNone(self.done["tensors"])
        self.assertEqual(program["device"], "cuda")
        return program

    def test_a_program_without_values(self):
        program = self.import_for_gpu(
            module(
                "return self.fc(x) + torch.arange(4, device=x.device)",
                "[torch.randn(2, 3)]",
                "self.fc = nn.Linear(3, 4)",
            )
        )
        arange = next(node for node in program["nodes"] if "arange" in node["op"])
        self.assertIn({"device": "cuda"}, arange["args"])

    def test_strides_of_the_inputs_are_kept(self):
        program = self.import_for_gpu(module("return x + 1", "[torch.randn(8, 6)[::2, 1:5]]"))
        self.assertEqual(program["values"][0]["strides"], [12, 1])

    def test_bfloat16_autocast_takes_effect(self):
        program = self.import_for_gpu(
            module(
                "with torch.autocast(x.device.type, dtype=torch.bfloat16):\n            return self.fc(x)",
                "[torch.randn(2, 3)]",
                "self.fc = nn.Linear(3, 4)",
            )
        )
        self.assertEqual(self.value(program, "linear")["dtype"], "bfloat16")

    def test_recurrent_modules_find_their_weights(self):
        program = self.import_for_gpu(
            module("return self.rnn(x)", "[torch.randn(5, 2, 4)]", "self.rnn = nn.GRU(4, 3, 2)")
        )
        self.assertEqual([value["kind"] for value in program["values"]].count("parameter"), 8)

    def test_the_real_module_where_the_constructor_reads_values(self):
        program = self.import_for_gpu(
            module(
                "return self.fc(x) * self.rate",
                "[torch.randn(2, 3)]",
                "self.fc = nn.Linear(3, 4); self.rate = torch.ones(1).item()",
            )
        )
        self.assertEqual(len(program["nodes"]), 2)


class RealSizes(ImporterCase):
    def test_a_thousand_nodes(self):
        start = time.monotonic()
        program = self.run_import(
            module(
                "for layer in self.layers:\n            x = torch.relu(layer(x)) * 0.5 + x\n        return x",
                "[torch.randn(2, 16)]",
                "self.layers = nn.ModuleList([nn.Linear(16, 16) for _ in range(260)])",
            )
        )
        self.assertEqual(len(program["nodes"]), 1040)
        self.assertLess(time.monotonic() - start, 60)

    @unittest.skipUnless(importlib.util.find_spec("torchvision"), "torchvision is not installed")
    def test_resnet18(self):
        program = self.run_import(
            module(
                "return self.net(x)",
                "[torch.randn(2, 3, 224, 224)]",
                "import torchvision; self.net = torchvision.models.resnet18()",
            )
        )
        self.assertEqual(self.operators(program).count("conv2d"), 20)

    @unittest.skipUnless(importlib.util.find_spec("transformers"), "transformers is not installed")
    def test_a_transformers_model_with_its_output_class(self):
        program = self.run_import(
            module(
                "return self.net(ids, use_cache=False)",
                "[torch.randint(0, 100, (2, 16))]",
                "from transformers import GPT2Config, GPT2Model; "
                "self.net = GPT2Model(GPT2Config(n_layer=2, n_embd=32, n_head=4, vocab_size=100))",
                "self, ids",
            )
        )
        self.assertEqual(
            program["result"]["class"], "transformers.modeling_outputs:BaseModelOutputWithPastAndCrossAttentions"
        )
        self.assertEqual([key for key, _ in program["result"]["dict"]], ["last_hidden_state"])


if __name__ == "__main__":
    unittest.main()
