"""The language model against transformers, and a training run that is killed, both through the built programs."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

from command_line import PROGRAMS, CommandLineCase

CONFIG = {"vocab_size": 120, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6,
          "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 128, "rope_theta": 5000.0, "rms_norm_eps": 1e-5}
TORCH_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "2"}   # other tests run beside these
LIMIT_S = 600   # far more than needed, on a loaded machine too
PROMPT = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32, 7]


def answers(folder: pathlib.Path, requests: list[dict]) -> list[dict]:
    """What the model in `folder` answers, its greeting first."""
    process = subprocess.run([os.path.join(PROGRAMS, "drtriton-policy"), "serve", str(folder), "cpu", "fp32", "4"],
                             input="".join(json.dumps(request) + "\n" for request in requests), capture_output=True, text=True,
                             timeout=LIMIT_S, env={**os.environ, **TORCH_ENVIRONMENT})
    if process.returncode != 0:
        raise AssertionError(process.stderr)
    return [json.loads(line) for line in process.stdout.splitlines()]


class HuggingFaceTest(CommandLineCase):
    def llama(self, tied: bool):
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM
        torch.set_num_threads(2)
        torch.manual_seed(5)
        model = LlamaForCausalLM(LlamaConfig(**CONFIG, tie_word_embeddings=tied)).eval()
        with torch.no_grad():  # far enough from nothing that every part of the model matters
            for parameter in model.parameters():
                parameter.mul_(4) if parameter.dim() == 2 else parameter.add_(torch.randn_like(parameter) * 0.2)
        return model

    def logits(self, model, tokens: list[int]):
        import torch
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0]

    def assert_same_model(self, model, folder: pathlib.Path) -> None:
        import torch
        greedy = {"id": 2, "generate": {"prompt": PROMPT, "most_tokens": 24, "temperature": 0}}
        greeting, logits, generated = answers(folder, [{"id": 1, "logits": PROMPT}, greedy])
        self.assertEqual(greeting["vocabulary"], CONFIG["vocab_size"])
        wanted = self.logits(model, PROMPT)
        self.assertGreater(wanted.abs().max().item(), 1.0)
        self.assertLess((torch.tensor(logits["logits"]) - wanted).abs().max().item(), 1e-4)
        with torch.no_grad():
            tokens = model.generate(torch.tensor([PROMPT]), max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0)
        self.assert_same_up_to_a_tie(model, generated["tokens"], tokens[0, len(PROMPT):].tolist())

    def assert_same_up_to_a_tie(self, model, tokens: list[int], wanted: list[int]) -> None:
        """Roundings decide between two tokens that are equally likely, and what follows is then another answer."""
        self.assertEqual(len(tokens), len(wanted))
        for place, (token, wanted_token) in enumerate(zip(tokens, wanted)):
            if token != wanted_token:
                largest = self.logits(model, PROMPT + wanted[:place])[-1].topk(2)
                self.assertIn(token, largest.indices.tolist(), f"token {place}")
                self.assertLess((largest.values[0] - largest.values[1]).item(), 1e-3, f"token {place}")
                return

    def test_a_transformers_model_is_read(self) -> None:
        for tied in (True, False):
            model = self.llama(tied)
            model.save_pretrained(self.folder / "hf")
            self.assert_same_model(model, self.folder / "hf")
            done = self.run_program("policy", "import", self.folder / "hf", "--weights", self.folder / "ours", "--format", "fp32")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_same_model(model, self.folder / "ours")

    def test_shards_of_a_transformers_model_are_read(self) -> None:
        model = self.llama(tied=False)
        model.save_pretrained(self.folder / "hf", max_shard_size="100KB")
        self.assertTrue((self.folder / "hf" / "model.safetensors.index.json").exists())
        self.assert_same_model(model, self.folder / "hf")

    def test_what_is_exported_transformers_reads(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM
        self.llama(tied=True).save_pretrained(self.folder / "hf")
        self.run_program("policy", "import", self.folder / "hf", "--weights", self.folder / "shards")
        done = self.run_program("policy", "export", self.folder / "bf16", "--weights", self.folder / "shards")
        self.assertEqual(done.returncode, 0, done.stderr)
        exported = AutoModelForCausalLM.from_pretrained(self.folder / "bf16").float().eval()
        self.assertEqual(type(exported).__name__, "LlamaForCausalLM")
        self.assert_same_model(exported, self.folder / "bf16")
        # Two roundings, to int8 and to bf16, leave the model what it is.
        original = self.logits(self.llama(tied=True), PROMPT)
        difference = (self.logits(exported, PROMPT) - original).norm() / original.norm()
        self.assertLess(difference.item(), 0.1)
        self.assertEqual(json.loads((self.folder / "bf16" / "config.json").read_text())["dtype"], "bfloat16")
        self.assertTrue(torch.equal(exported.get_input_embeddings().weight, exported.get_output_embeddings().weight))

    def test_bad_arguments_are_one_sentence(self) -> None:
        cases = [("cpu", "fp32", slots, "SLOTS") for slots in ("0", "-1", "abc", "4x", "", "99999999999999999999")]
        cases += [("gpu", "fp32", "4", "'gpu'"), ("cpu", "fp16", "4", "'fp16'")]
        for *arguments, mention in cases:
            done = subprocess.run([os.path.join(PROGRAMS, "drtriton-policy"), "serve", str(self.folder), *arguments],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(mention, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_a_damaged_model_is_one_sentence(self) -> None:
        self.llama(tied=True).save_pretrained(self.folder / "hf")
        self.run_program("policy", "import", self.folder / "hf", "--weights", self.folder / "shards")
        shard = self.folder / "shards" / "weights-1-of-1.int8"
        shard.write_bytes(shard.read_bytes()[:-100])
        done = self.run_program("policy", "export", self.folder / "out", "--weights", self.folder / "shards")
        self.assertEqual(done.returncode, 2)
        self.assertIn("weights-1-of-1.int8 is cut off", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertFalse((self.folder / "out").exists())


def write_tokens(path: pathlib.Path, sequences: list[tuple[list[int], list[int], list[int]]], vocabulary: int = 40) -> None:
    """A token file as docs/formats.md has it."""
    payload = b"".join(struct.pack("<3I", *map(len, spans)) for spans in sequences)
    payload += b"".join(struct.pack(f"<{len(span)}H", *span) for spans in sequences for span in spans)
    header = {"format": "drtriton.tokens/1", "tokenizer": "t", "vocabulary": vocabulary, "sequences": len(sequences),
              "tokens": sum(len(span) for spans in sequences for span in spans), "bytes": len(payload)}
    text = json.dumps(header, separators=(",", ":"))
    seal = hashlib.sha256((text + hashlib.sha256(payload).hexdigest()).encode()).hexdigest()
    line = text[:-1] + f',"sha256":"{seal}"' + "}"
    path.write_bytes((line.ljust(-(-(len(line) + 1) // 64) * 64 - 1) + "\n").encode() + payload)


RECIPE = """
[run]
out = "{out}"
device = "cpu"
precision = "fp32"
[model]
width = 32
layers = 2
heads = 2
kv_heads = 1
head_size = 16
hidden = 64
context = 64
[data]
train = ["train.tokens"]
longest = 32
[batch]
tokens = 256
[optimizer]
steps = 60
learning_rate = 0.01
warmup_steps = 5
[checkpoint]
every = 7
"""


class TrainingTest(CommandLineCase):
    def setUp(self) -> None:
        super().setUp()
        write_tokens(self.folder / "train.tokens", [([30, i % 20], [31, i % 20], [*range(i % 20, i % 20 + i % 5 + 1), 39]) for i in range(200)])

    def train(self, recipe: pathlib.Path) -> subprocess.CompletedProcess:
        return self.run_program("train", "sft", recipe, timeout_s=LIMIT_S, **TORCH_ENVIRONMENT)

    def curve(self, out: str) -> list[dict]:
        lines = [json.loads(line) for line in (self.folder / out / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in ("seconds", "tokens_per_s")} for line in lines]

    def kill_after_first_checkpoint(self, recipe: pathlib.Path) -> bool:
        """True when it was killed; false when it was done by then.  The process is drtriton-policy itself, without children."""
        process = self.start_rank(recipe, 0)
        deadline = time.monotonic() + 300
        try:
            while process.poll() is None and not list((self.folder / "killed").glob("*.checkpoint")):
                self.assertLess(time.monotonic(), deadline, "no checkpoint")
                time.sleep(0.005)
        finally:
            process.kill()
            status = process.wait()
        self.assertIn(status, (0, -signal.SIGKILL), (self.folder / "rank-0.stderr").read_text())
        return status != 0

    def test_a_killed_run_goes_on_bit_for_bit(self) -> None:
        whole = self.train(self.write("whole.toml", RECIPE.format(out="whole")))
        self.assertEqual(whole.returncode, 0, whole.stderr)
        recipe = self.write("killed.toml", RECIPE.format(out="killed"))
        for _ in range(10):   # where this process has to wait for its turn, the run may be over first
            killed = self.kill_after_first_checkpoint(recipe)
            if killed:
                break
            shutil.rmtree(self.folder / "killed")
        self.assertTrue(killed)
        again = self.train(recipe)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.curve("killed"), self.curve("whole"))
        self.assertEqual((self.folder / "killed" / "model" / "model.safetensors").read_bytes(),
                         (self.folder / "whole" / "model" / "model.safetensors").read_bytes())

    def start_rank(self, recipe: pathlib.Path, rank: int, **variables: str) -> subprocess.Popen:
        with open(self.folder / f"rank-{rank}.stderr", "wb") as errors:
            return subprocess.Popen([os.path.join(PROGRAMS, "drtriton"), "train", "sft", str(recipe)], cwd=self.folder, stderr=errors,
                                    env={**os.environ, **TORCH_ENVIRONMENT, **variables, "RANK": str(rank)})

    def try_together(self, recipe: pathlib.Path, processes: int) -> tuple[list[int | None], str]:
        """The exit statuses (None: still running when another had failed, or after a long time) and what was said."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        running = [self.start_rank(recipe, rank, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), WORLD_SIZE=str(processes))
                   for rank in range(processes)]
        deadline = time.monotonic() + LIMIT_S
        try:
            statuses = [process.poll() for process in running]
            while None in statuses and not any(statuses) and time.monotonic() < deadline:
                time.sleep(0.02)
                statuses = [process.poll() for process in running]
        finally:
            for process in running:
                process.kill()
                process.wait()
        return statuses, "".join(f"rank {rank}: {(self.folder / f'rank-{rank}.stderr').read_text()}" for rank in range(processes))

    def train_together(self, recipe: pathlib.Path, processes: int) -> None:
        """As torchrun starts processes.  Another program may take the free port before rank 0 does."""
        for _ in range(5):
            statuses, said = self.try_together(recipe, processes)
            if "cannot meet" not in said:
                break
        self.assertEqual(statuses, [0] * processes, said)

    def test_processes_together_learn_what_one_learns(self) -> None:
        short = RECIPE.replace("steps = 60", "steps = 12")
        alone = self.train(self.write("alone.toml", short.format(out="alone").replace("tokens = 256", "tokens = 256\naccumulate = 2")))
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.train_together(self.write("together.toml", short.format(out="together")), 2)
        for one, two in zip(self.curve("alone"), self.curve("together"), strict=True):
            self.assertEqual(one["tokens"], two["tokens"])
            self.assertAlmostEqual(one["loss"], two["loss"], delta=1e-3)

    def test_quiet_and_verbose_reach_the_run(self) -> None:
        recipe = self.write("quiet.toml", RECIPE.format(out="quiet").replace("steps = 60", "steps = 6"))
        quiet = self.run_program("train", "sft", recipe, "--quiet", timeout_s=LIMIT_S, **TORCH_ENVIRONMENT)
        self.assertEqual((quiet.returncode, quiet.stderr), (0, ""))
        again = self.run_program("-v", "train", "sft", recipe, timeout_s=LIMIT_S, **TORCH_ENVIRONMENT)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("continuing", again.stderr)

    def test_bad_input_is_one_sentence(self) -> None:
        truncated = self.folder / "cut.tokens"
        truncated.write_bytes((self.folder / "train.tokens").read_bytes()[:-1])
        cases = [(RECIPE.format(out="a").replace("steps =", "stepps ="), "optimizer.stepps is no key"),
                 (RECIPE.format(out="a").replace("train.tokens", "missing.tokens"), "missing.tokens"),
                 (RECIPE.format(out="a").replace("train.tokens", "cut.tokens"), "cut.tokens is cut off"),
                 (RECIPE.format(out="train.tokens/a"), "cannot write")]
        for text, mention in cases:
            done = self.train(self.write("bad.toml", text))
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(mention, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        missing = self.train(self.folder / "missing.toml")
        self.assertEqual(missing.returncode, 2)
        self.assertIn("missing.toml", missing.stderr)


if __name__ == "__main__":
    unittest.main()
