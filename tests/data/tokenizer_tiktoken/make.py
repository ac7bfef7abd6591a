#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py [PROGRAM]: writes ranks.tiktoken, whose ranks are those of tales/tokenizer.json, and for
each pattern NAME.jsonl with the ids that the `tiktoken` library (PyPI) gives; with PROGRAM, compares
it with the library on random texts."""
import base64, json, os, random, subprocess, sys

import tiktoken

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tokenizer_json"))
import make  # its texts

END = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORD = SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|"
UP, LOW = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k_base": WORD + r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + END,
    "qwen": WORD + r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + END,
    "o200k_base": r"[^\r\n\p{L}\p{N}]?" + UP + "*" + LOW + "+" + SHORT + r"?|[^\r\n\p{L}\p{N}]?" + UP + "+" + LOW
                  + "*" + SHORT + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + END,
}


def alphabet():
    own = [b for b in range(256) if 33 <= b <= 126 or 0xa1 <= b <= 0xac or b >= 0xae]
    rest = [b for b in range(256) if b not in own]
    return {**{chr(b): b for b in own}, **{chr(256 + i): b for i, b in enumerate(rest)}}


# Tokens that show where patterns cut.
TELLING = ["12", "123", "1234", "'S", "'s", "It", "It's", "ST", "OP", "STOP", "  ST", "\n\n", "\n\n ", ")/", ".\n", "ld", "dé",
           "Ld", " (", "%).", "$ (", "5", "50$", "3.", "\tm", "e_", "_f", "xs", "Wo", "World", "helloW", "Hel"]
TEXTS = make.TEXTS + ["HelloWorld xSTOP it'S 1234 a/b)/\n\n x", "DON'T e_f x12ab 12345678", "  \n\n   x\r\n. \n"]


def ranks(n):
    """All bytes, then tokens of the story models, then the telling ones."""
    char = alphabet()
    vocab = json.load(open(os.path.join(HERE, "..", "tokenizer_json", "tales", "tokenizer.json")))["model"]["vocab"]
    out = {bytes([b]): b for b in range(256)}
    for text, _ in sorted(vocab.items(), key=lambda v: v[1]):
        token = bytes(char[c] for c in text) if all(c in char for c in text) else b""
        if len(token) > 1 and len(out) < n:
            out.setdefault(token, len(out))
    for text in TELLING:
        out.setdefault(text.encode(), len(out))
    return out


def main():
    table = ranks(700)
    path = os.path.join(HERE, "ranks.tiktoken")
    open(path, "w").write("".join("%s %d\n" % (base64.b64encode(t).decode(), r) for t, r in table.items()))
    rng = random.Random(1)
    for name, pattern in PATTERNS.items():
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=table, special_tokens={})
        with open(os.path.join(HERE, name + ".jsonl"), "w") as f:
            for text in TEXTS:
                f.write(json.dumps({"text": text, "ids": encoding.encode_ordinary(text)}, ensure_ascii=False) + "\n")
        if len(sys.argv) < 2:
            continue
        texts = [make.random_text(rng) for _ in range(3000)]
        p = subprocess.run([sys.argv[1], "tokenize", path, "--override-kv", "tokenizer.ggml.pre=str:" + name, "--jsonl"],
                           input="".join(json.dumps({"text": t}) + "\n" for t in texts).encode(), capture_output=True)
        got = [json.loads(l).get("ids") for l in p.stdout.splitlines()]
        print(name, sum(g != encoding.encode_ordinary(t) for g, t in zip(got, texts)), "of", len(got), "differ")


main()
