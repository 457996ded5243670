"""Tensor files: what is written is what is read, strides and bits included."""

import os
import tempfile
import unittest

import torch

from drtriton.tensors import TensorWriter, read_tensors, value_bytes, write_tensors


class TensorFile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "values.tensors")

    def tearDown(self):
        self.folder.cleanup()

    def test_round_trip_keeps_bits_and_strides(self):
        generator = torch.Generator().manual_seed(1)
        base = torch.randn(6, 8, generator=generator)
        tensors = {
            "plain": base,
            "transposed": base.t(),
            "sliced": base[::2, 1:5],
            "expanded": base[:, :1].expand(6, 5),
            "scalar": torch.tensor(2.5),
            "empty": torch.empty(0, 3),
            "bf16": base.bfloat16(),
            "half": base.half(),
            "bool": base > 0,
            "int": torch.arange(7),
            "u8": torch.arange(3, dtype=torch.uint8),
            "complex": torch.complex(base, base),
            "nan": torch.tensor([float("nan"), float("inf"), -0.0]),
            "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        }
        write_tensors(self.path, tensors)
        read = read_tensors(self.path)
        self.assertEqual(list(read), list(tensors))
        for name, tensor in tensors.items():
            self.assertEqual(read[name].stride(), tensor.stride(), name)
            self.assertEqual(read[name].dtype, tensor.dtype, name)
            self.assertTrue(torch.equal(read[name].nan_to_num(7), tensor.nan_to_num(7)), name)

    def test_offsets_are_aligned(self):
        write_tensors(self.path, {f"t{i}": torch.full((i,), i) for i in range(200)})
        with open(self.path, "rb") as file:
            header = file.readline()
        self.assertLess(len(header), os.path.getsize(self.path))
        self.assertTrue(torch.equal(read_tensors(self.path)["t199"], torch.full((199,), 199)))

    def test_bytes_of_any_rank_and_layout(self):
        matrix = torch.arange(6, dtype=torch.int16).reshape(2, 3)
        self.assertEqual(value_bytes(matrix.t()).tolist(), [0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 0])
        self.assertEqual(value_bytes(torch.tensor(1.0)).tolist(), [0, 0, 128, 63])
        self.assertEqual(value_bytes(torch.empty(0, 3)).tolist(), [])

    def test_an_exception_leaves_no_file(self):
        with self.assertRaises(RuntimeError):
            with TensorWriter(self.path, ["a", "b"]) as writer:
                writer.add("a", torch.ones(3))
                raise RuntimeError
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_readers_do_not_share_writes(self):
        write_tensors(self.path, {"a": torch.zeros(4)})
        read_tensors(self.path)["a"].fill_(1)
        self.assertEqual(read_tensors(self.path)["a"].sum().item(), 0)


if __name__ == "__main__":
    unittest.main()
