"""What modules may do, one feature a case: each Program equals the module, and says what the case is about."""

import unittest

from importer_case import DEVICE, ImporterCase


def module(forward: str, inputs: str, init: str = "pass", arguments: str = "self, x", extra: str = "") -> str:
    return f"""
{extra}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {init}

    def forward({arguments}):
        {forward}

def get_inputs():
    return {inputs}
"""


class Features(ImporterCase):
    def test_composite_operators_stay_whole(self):
        program = self.run_import(
            module(
                "return F.softmax(self.norm(self.fc(F.gelu(x))), -1)",
                "[torch.randn(2, 5, 8)]",
                "self.fc = nn.Linear(8, 6); self.norm = nn.LayerNorm(6)",
            )
        )
        self.assertEqual(self.operators(program), ["gelu", "linear", "layer_norm", "softmax"])
        self.assertEqual(self.value(program, "p_fc_weight")["target"], "fc.weight")

    def test_several_positional_inputs_and_defaults(self):
        program = self.run_import(
            module(
                "return x * scale + y - (0 if z is None else z)",
                "[torch.randn(3), torch.ones(3)]",
                arguments="self, x, y, z=None, scale=2.5",
            )
        )
        self.assertEqual(program["arguments"], {"tuple": [{"value": 0}, {"value": 1}]})

    def test_keyword_inputs_in_another_order(self):
        program = self.run_import(
            module(
                "return x - y * k", "{'k': 3, 'y': torch.randn(4), 'x': torch.randn(4)}", arguments="self, x, y, *, k=1"
            )
        )
        self.assertEqual([key for key, _ in program["arguments"]["dict"]], ["k", "y", "x"])
        self.assertEqual(program["arguments"]["dict"][0][1], {"literal": 3})
        self.assertEqual([program["values"][index]["name"] for index in program["inputs"]], ["y", "x"])

    def test_python_scalars_and_none_among_the_inputs(self):
        program = self.run_import(
            module(
                "return (x * n + f) if flag and m is None else x",
                "[torch.randn(2), 3, 0.5, True, None]",
                arguments="self, x, n, f, flag, m",
            )
        )
        self.assertEqual([leaf.get("literal") for leaf in program["arguments"]["tuple"]], [None, 3, 0.5, True, None])

    def test_nested_inputs(self):
        program = self.run_import(
            module(
                "return x['a'] + x['b'][0] * x['b'][1][0]",
                "[{'a': torch.randn(3), 'b': [torch.randn(3), (torch.randn(3),)]}]",
            )
        )
        a, b = program["arguments"]["tuple"][0]["dict"]
        self.assertEqual((a[0], list(b[1])), ("a", ["list"]))

    def test_one_tensor_passed_twice_is_two_inputs(self):
        program = self.run_import(
            module("return x - y * 2", "[T, T]", arguments="self, x, y", extra="T = torch.randn(3)")
        )
        self.assertEqual(len(program["inputs"]), 2)

    def test_an_unused_input_stays_an_unused_parameter_goes(self):
        program = self.run_import(
            module(
                "return y + 1", "[torch.randn(2), torch.randn(3)]", "self.w = nn.Linear(2, 2)", arguments="self, x, y"
            )
        )
        self.assertEqual([value["kind"] for value in program["values"]], ["input", "input", "node"])

    def test_tuple_dict_and_literal_results(self):
        program = self.run_import(
            module("return {'a': x + 1, 'b': (x * 2, None, 4), 'c': [True, 'text', 1.5]}", "[torch.randn(3)]")
        )
        b, c = program["result"]["dict"][1][1], program["result"]["dict"][2][1]
        self.assertEqual(b["tuple"][1:], [{"literal": None}, {"literal": 4}])
        self.assertEqual(c, {"list": [{"literal": True}, {"literal": {"str": "text"}}, {"literal": 1.5}]})

    def test_named_tuples_and_dataclasses_are_named(self):
        extra = (
            "class Pair(typing.NamedTuple):\n    a: torch.Tensor\n    b: int\n"
            "@dataclasses.dataclass\nclass Out:\n    x: torch.Tensor\n    y: typing.Optional[torch.Tensor] = None\n"
        )
        program = self.run_import(
            module("return Pair(x + 1, 3), Out(x * 2), torch.sort(x)", "[torch.randn(3)]", extra=extra)
        )
        pair, out, found = program["result"]["tuple"]
        self.assertEqual((pair["class"], out["class"]), (":Pair", ":Out"))
        self.assertEqual([key for key, _ in out["dict"]], ["x", "y"])
        self.assertEqual(found["class"], "torch.return_types:sort")

    def test_results_that_share_memory(self):
        program = self.run_import(
            module(
                "y = x * 2; return y, y.view(-1), x.t(), self.w, y",
                "[torch.randn(2, 3)]",
                "self.w = nn.Parameter(torch.ones(2))",
            )
        )
        leaves = program["result"]["tuple"]
        names = [program["values"][leaf["alias_of"]]["name"] if "alias_of" in leaf else None for leaf in leaves]
        self.assertEqual(names, [None, "mul", "x", "p_w", "mul"])

    def test_inputs_changed_in_place(self):
        program = self.run_import(
            module("x.mul_(2).add_(y); y[0] = 7; return x", "[torch.randn(3), torch.randn(3)]", arguments="self, x, y")
        )
        self.assertEqual(sorted(program["values"][each["target"]]["name"] for each in program["mutations"]), ["x", "y"])
        self.assertEqual(program["values"][program["result"]["alias_of"]]["name"], "x")

    def test_buffers_changed_in_place_and_assigned(self):
        program = self.run_import(
            module(
                "self.a += 1; self.b = self.b * 2; return x + self.a + self.b",
                "[torch.randn(2)]",
                "self.register_buffer('a', torch.ones(2)); self.register_buffer('b', torch.ones(2), persistent=False)",
            )
        )
        self.assertEqual([program["values"][each["target"]]["target"] for each in program["mutations"]], ["a", "b"])

    def test_data_of_parameters_is_the_parameter(self):
        program = self.run_import(
            module(
                "self.a.data.add_(1); return x * self.w.data + self.a",
                "[torch.randn(2)]",
                "self.w = nn.Parameter(torch.ones(2)); self.register_buffer('a', torch.ones(2))",
            )
        )
        self.assertEqual([value["kind"] for value in program["values"][:3]], ["parameter", "buffer", "input"])
        self.assertEqual(len(program["mutations"]), 1)

    def test_batch_norm_in_train_mode(self):
        text = module("return self.bn(x)", "[torch.randn(4, 3, 5, 5)]", "self.bn = nn.BatchNorm2d(3)")
        trained = self.run_import(text, training=True)
        self.assertEqual(
            {trained["values"][each["target"]]["target"] for each in trained["mutations"]},
            {"bn.running_mean", "bn.running_var", "bn.num_batches_tracked"},
        )
        self.assertTrue(trained["context"]["training"])
        used = self.run_import(text)
        self.assertEqual(used["mutations"], [])
        self.assertEqual(used["nodes"][0]["outputs"][1:], [-1, -1])

    def test_dropout_is_carried_in_train_mode(self):
        program = self.run_import(
            module("return F.dropout(x, 0.5, self.training) + 1", "[torch.ones(50)]"), training=True
        )
        self.assertIn("add", self.operators(program))
        self.assertEqual(len(program["nodes"]), 2)

    def test_non_contiguous_inputs(self):
        program = self.run_import(
            module(
                "return a + 1, b * 2, c.exp(), d - 1",
                "[torch.randn(4, 3).t(), torch.randn(6, 8)[::2, 1:5], "
                "torch.randn(3, 1).expand(3, 4), torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)]",
                arguments="self, a, b, c, d",
            )
        )
        self.assertEqual(
            [program["values"][index]["strides"] for index in program["inputs"]],
            [[1, 3], [16, 1], [1, 0], [48, 1, 12, 3]],
        )

    def test_dtypes(self):
        program = self.run_import(
            module(
                "return a.float() + b, c * 2, d & e, torch.where(d, a, a * 2), f.to(torch.float64)",
                "[torch.randn(4).bfloat16(), torch.randn(4).half(), torch.arange(4), torch.arange(4) > 1, "
                "torch.arange(4) > 2, torch.arange(4, dtype=torch.uint8)]",
                arguments="self, a, b, c, d, e, f",
            )
        )
        self.assertEqual(
            [program["values"][index]["dtype"] for index in program["inputs"]],
            ["bfloat16", "float16", "int64", "bool", "bool", "uint8"],
        )

    def test_operators_with_several_results(self):
        program = self.run_import(
            module("a, b, c = x.split(2); v, i = c.topk(2); return a + b.max(0)[0], v", "[torch.randn(6, 4)]")
        )
        topk = next(node for node in program["nodes"] if node["op"] == "aten.topk.default")
        self.assertEqual(topk["outputs"][1], -1)

    def test_lists_of_tensors_with_none(self):
        program = self.run_import(
            module(
                "return torch.cat([x, x[:, i]], 1)", "[torch.randn(3, 4), torch.tensor([2, 0])]", arguments="self, x, i"
            )
        )
        index = next(node for node in program["nodes"] if node["op"] == "aten.index.Tensor")
        self.assertEqual(index["args"][1][0], None)

    @unittest.skipIf(DEVICE != "cpu", "the constants stay on the host")
    def test_constants_of_the_constructor_and_of_forward(self):
        program = self.run_import(
            module(
                "return x * self.scale + torch.tensor([1.0, 2.0]) + self.tables[0] + math.inf * 0.5 * torch.zeros(2)",
                "[torch.randn(2)]",
                "self.scale = torch.tensor(2.5); self.tables = [torch.arange(2.0)]",
            )
        )
        self.assertEqual([value["kind"] for value in program["values"]].count("constant"), 3)

    def test_infinite_and_nan_attributes(self):
        program = self.run_import(
            module("return x.masked_fill(x > 0, -math.inf).masked_fill(x > 1, math.nan)", "[torch.randn(9)]")
        )
        fills = [node["args"][2] for node in program["nodes"] if "masked_fill" in node["op"]]
        self.assertEqual(fills, [{"float": "-inf"}, {"float": "nan"}])

    def test_a_tied_parameter_is_one_value(self):
        program = self.run_import(
            module(
                "return self.b(self.a(x))",
                "[torch.randn(2, 4)]",
                "self.a = nn.Linear(4, 4); self.b = nn.Linear(4, 4); self.b.weight = self.a.weight",
            )
        )
        self.assertEqual([value["kind"] for value in program["values"]].count("parameter"), 3)

    def test_autocast_and_gradient_modes_inside_forward(self):
        program = self.run_import(
            module(
                "with torch.autocast(x.device.type, dtype=torch.bfloat16):\n            y = self.fc(x)\n"
                "        with torch.enable_grad():\n            z = y * 2\n        return z, y",
                "[torch.randn(2, 4)]",
                "self.fc = nn.Linear(4, 4)",
            )
        )
        self.assertEqual(self.value(program, "linear")["dtype"], "bfloat16")

    def test_recurrent_modules(self):
        self.run_import(
            module("y, (h, c) = self.lstm(x); return y, h", "[torch.randn(5, 2, 4)]", "self.lstm = nn.LSTM(4, 3, 2)")
        )

    def test_attention(self):
        program = self.run_import(
            module("return F.scaled_dot_product_attention(x, x, x, is_causal=True)", "[torch.randn(2, 3, 8, 4)]")
        )
        self.assertEqual(self.operators(program), ["scaled_dot_product_attention"])

    def test_results_lie_in_memory_as_when_run(self):
        self.tolerance = 1e-5  # attention's fast path, taken when run, rounds otherwise
        program = self.run_import(
            module(
                "return self.attention(x, x, x)[0]",
                "[torch.randn(2, 5, 16)]",
                "self.attention = nn.MultiheadAttention(16, 4, batch_first=True)",
            )
        )
        self.assertEqual(program["values"][program["result"]["value"]]["strides"], [80, 16, 1])

    def test_empty_tensors(self):
        self.run_import(module("return x * 2, x.sum()", "[torch.randn(0, 3)]"))

    def test_operators_stay_whole(self):
        program = self.run_import(
            module("return F.hardshrink(x), F.softshrink(y), F.mse_loss(x, y)", "[torch.randn(3), torch.randn(3)]", arguments="self, x, y")
        )
        operators = [node["op"] for node in program["nodes"]]
        self.assertEqual(operators, ["aten.hardshrink.default", "aten.softshrink.default", "aten.mse_loss.default"])

    def test_flags_are_read_after_the_import(self):
        program = self.run_import(
            module("return x + 1", "[torch.ones(2)]", extra="torch.backends.cuda.matmul.allow_tf32 = True")
        )
        self.addCleanup(
            self.run_import,
            module("return x + 1", "[torch.ones(2)]", extra="torch.backends.cuda.matmul.allow_tf32 = False"),
        )
        self.assertTrue(program["context"]["matmul_tf32"])

    def test_no_init_inputs_positional_and_keyword_ones(self):
        text = (
            module("return x * self.k", "[torch.ones(2)]")
            .replace("__init__(self):", "__init__(self, k=4):")
            .replace("pass", "self.k = k")
        )
        for given, expected in (
            ("", 4),
            ("def get_init_inputs():\n    return [5]", 5),
            ("def get_init_inputs():\n    return {'k': 6}", 6),
        ):
            self.assertEqual(self.run_import(text + given)["nodes"][0]["args"][1], expected)


if __name__ == "__main__":
    unittest.main()
