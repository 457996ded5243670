"""Aliases and conveniences are imported as what they are made of; what the registry knows stays whole."""

from __future__ import annotations

import os
import re

from importer_case import ImporterCase

from drtriton.importer_composites import taken_apart

OPERATORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "operators.md")


def registry_rows() -> set[str]:
    with open(OPERATORS) as text:
        return set(re.findall(r"^\| `(aten\.[^`]+)` \| ", text.read(), re.MULTILINE))


class CompositesTest(ImporterCase):
    def test_no_row_of_the_registry_is_taken_apart(self):
        self.assertEqual(registry_rows() & {str(operator) for operator in taken_apart()}, set())

    def test_conveniences_become_rows_of_the_registry(self):
        program = self.run_import("""
            class Model(nn.Module):
                def forward(self, x, y):
                    joined = torch.hstack([torch.clip(x, 0, 1), torch.absolute(y)])
                    near = F.cosine_similarity(x, y) + F.pairwise_distance(x, y)
                    return torch.fliplr(joined), near, x.max(y), torch.diff(x), F.layer_norm(x, (4,))

            def get_inputs():
                return [torch.randn(3, 4), torch.randn(3, 4)]
        """)
        used = {node["op"] for node in program["nodes"]}
        self.assertLessEqual(used, registry_rows())
        self.assertLessEqual({"aten.clamp.default", "aten.flip.default", "aten.layer_norm.default"}, used)
