#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py write [NAME...]     writes part-*.json and part-*.jsonl beside this file
make.py check PROGRAM [--texts N] [--seed S] [NAME... | FILE.json...]

One small tokenizer.json for each model, normalizer, pre-tokenizer, decoder and post-processor of
Hugging Face's `tokenizers` (run by hand, with that library from PyPI), with the ids and decoded
texts that the library gives. `check` compares the program with the library on random texts.

A case: text; ids (control tokens parsed); a: with special tokens, if other ids; d: text of ids or
a, control tokens left out, true if as before; s: the same with them, true if as d."""
import base64, json, os, random, subprocess, sys

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))

TEXTS = [
    "Hello, World!  It's 3.50$ (or 10%).",
    " don't  STOP\tme\n\n now ",
    "Ünïcödé é e\u0301 ﬁ Ⅷ ½ İstanbul ŒUVRE",
    "漢字かなカナー 한국어 日本 mixed語",
    "Привет мир Γειά שלום नमस्ते ١٢٣",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 a\u200bb\u00adc\ufeff\u0007\u2028z",
    "<s>abc<z> [X]abcabc[X] abba abcd",
    "a  b   c\u00a0d\u3000e_f-g+h|i 1234567",
]


def word_texts():
    return ["the king said", "The kings, the king's thing", " unthinkable ##ing xyzzy", "", "kinging theking"]


def probe(whole=False):
    """A model that shows where its pieces begin: bytes, with @ before what continues a piece; the
    bytes of TEXTS and what they become, or all."""
    used = sorted({b for t in TEXTS + word_texts() for b in t.encode()} | set(b"@"))
    extra = sorted({b for t in ("▁ĠĊĉÂÃâãäåæçèéêëìíïðÐÑÎÏ×àÙØÄÅĀĢģĤĥ", "éàüöï", "ﬁ")
                    for b in t.encode()} | set(range(0x80, 0xc0)) | set(b"xyzuei "))
    tokens = BYTES if whole else ["<0x%02X>" % b for b in sorted(set(used) | set(extra))]
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": "@",
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(["<unk>"] + tokens)}, "merges": []}


def bpe(tokens, merges, **more):
    m = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
         "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
         "ignore_merges": False, "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges}
    m.update(more)
    return m


def words(tokens, kind="WordLevel", **more):
    m = {"type": kind, "vocab": {t: i for i, t in enumerate(tokens)}, "unk_token": "[UNK]"}
    m.update(more)
    return m


def added(id, content, **more):
    t = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": False}
    t.update(more)
    return t


LETTERS = list("abcdefghijklmnopqrstuvwxyz ")
ABC = ["<unk>", "<s>", "<z>"] + LETTERS + ["ab", "bc", "abc", "th", "the", "in", "ing", "▁"]
ABC_MERGES = [["a", "b"], ["b", "c"], ["ab", "c"], ["t", "h"], ["th", "e"], ["i", "n"], ["in", "g"]]
BYTES = ["<0x%02X>" % b for b in range(256)]
WORDS = ["[UNK]", "[CLS]", "[SEP]", "the", "king", "said", "un", "think", "a", "abc", "s", ",", "'",
         "##ing", "##s", "##able", "##a", "##b", "##c", "b", "c", ".", "do", "not", "n't", "don", "t",
         "!", "?", "is", "##th", "##i", "##n", "##g", "##e", "x"]
ALPHABET = [chr(c) for c in list(range(33, 127)) + list(range(0xa1, 0xad)) + list(range(0xae, 0x100))
            + list(range(0x100, 0x144))]
SPACES = {"type": "WhitespaceSplit"}


def seq(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def norm(*parts):
    return {"normalizer": parts[0] if len(parts) == 1 else seq("normalizers", *parts)}


def pre(*parts):
    return {"pre_tokenizer": parts[0] if len(parts) == 1 else seq("pretokenizers", *parts)}


def dec(*parts):
    return {"decoder": parts[0] if len(parts) == 1 else seq("decoders", *parts)}


def split(pattern, behavior, invert=False):
    return pre({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert})


def with_words(decoder):
    return {"model": words(WORDS, "WordPiece", continuing_subword_prefix="##",
                           max_input_chars_per_word=12), **pre(SPACES), **(decoder or {}),
            "added_tokens": [added(0, "[UNK]", special=True)], "texts": word_texts()}


def with_bytes(*decoders, **more):
    return {"model": bpe(["<unk>", "▁"] + BYTES + ["a", "b", "▁a", "é"], [["▁", "a"]],
                         unk_token="<unk>", byte_fallback=True, **more),
            **norm({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
            **(dec(*decoders) if decoders else {})}


# Names of parts: what they replace of {model: probe()}.
PARTS = {
    # models
    "bpe-drop": {"model": bpe(LETTERS + ["ab", "bc", "abc"], ABC_MERGES[:3])},
    "bpe-unk": {"model": bpe(ABC, ABC_MERGES, unk_token="<unk>")},
    "bpe-fuse-unk": {"model": bpe(ABC, ABC_MERGES, unk_token="<unk>", fuse_unk=True)},
    "bpe-string-merges": {"model": bpe(ABC, [" ".join(m) for m in ABC_MERGES], unk_token="<unk>")},
    "bpe-ignore-merges": {"model": bpe(ABC + ["abba", "abcabc"], ABC_MERGES, unk_token="<unk>",
                                       ignore_merges=True), **pre(SPACES)},
    "bpe-affixes": {"model": bpe(["<unk>"] + LETTERS + ["##" + c for c in LETTERS]
                                 + [c + "</w>" for c in LETTERS] + ["##" + c + "</w>" for c in LETTERS]
                                 + ["ab", "abc</w>", "##bc</w>", "ab</w>"],
                                 [["a", "##b"], ["##b", "##c</w>"], ["ab", "##c</w>"], ["a", "##b</w>"]],
                                 unk_token="<unk>", continuing_subword_prefix="##",
                                 end_of_word_suffix="</w>"), **pre(SPACES)},
    "bpe-fallback": with_bytes(),
    "bpe-fallback-some": {"model": bpe(["u", "a", "b", "<0xC3>", "<0xA9>", "<0x20>", "ab", "u<0x20>"],
                                       [["a", "b"], ["u", "<0x20>"]], unk_token="u", byte_fallback=True,
                                       fuse_unk=True)},
    "bpe-spaces-in-merges": {"model": bpe(ABC + ["  ", " the", "   "],
                                          [["t", "h"], ["th", "e"], [" ", "the"], [" ", " "], ["  ", " "]],
                                          unk_token="<unk>")},
    "unigram": {"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab":
                          [["<unk>", 0.0]] + [[t, -2.0 - i / 7] for i, t in enumerate(ABC[3:])]}},
    "unigram-bytes": {"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True, "vocab":
                                [["<unk>", 0.0]] + [[t, -2.0 - i / 7] for i, t in enumerate(ABC[3:])]
                                + [[t, -20.0] for t in BYTES]}},
    "unigram-no-unk": {"model": {"type": "Unigram", "unk_id": None, "byte_fallback": False, "vocab":
                                 [[t, -1.0 - i / 7] for i, t in enumerate(LETTERS + ["the", "abc"])]},
                       "texts": ["the abc", "abab thethe"]},
    "wordpiece": with_words(None),
    "wordpiece-prefix": {"model": words([w.replace("##", "+") for w in WORDS], "WordPiece",
                                        continuing_subword_prefix="+", max_input_chars_per_word=100),
                         **pre(SPACES), "texts": word_texts()},
    "wordlevel": {"model": words(WORDS), **pre(SPACES), "texts": word_texts()},
    # normalizers
    "norm-nfc": norm({"type": "NFC"}), "norm-nfd": norm({"type": "NFD"}),
    "norm-nfkc": norm({"type": "NFKC"}), "norm-nfkd": norm({"type": "NFKD"}),
    "norm-lowercase": norm({"type": "Lowercase"}),
    "norm-strip": norm({"type": "Strip", "strip_left": True, "strip_right": True}),
    "norm-strip-left": norm({"type": "Strip", "strip_left": True, "strip_right": False}),
    "norm-strip-accents": norm({"type": "NFD"}, {"type": "StripAccents"}),
    "norm-nmt": norm({"type": "Nmt"}),
    "norm-prepend": norm({"type": "Prepend", "prepend": "▁"}),
    "norm-replace": norm({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
    "norm-replace-regex": norm({"type": "Replace", "pattern": {"Regex": "[0-9]+|\\s{2,}"}, "content": "#"}),
    "norm-replace-empty": norm({"type": "Replace", "pattern": {"Regex": "b*"}, "content": "-"}),
    "norm-bert": norm({"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True}),
    "norm-bert-cased": norm({"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False,
                             "strip_accents": False, "lowercase": False}),
    "norm-byte-level": norm({"type": "ByteLevel"}),
    "norm-byte-level-bpe": {"model": bpe(ALPHABET + ["Ġa"], [["Ġ", "a"]]), **norm({"type": "ByteLevel"}),
                            **dec({"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                                   "use_regex": True})},
    "norm-sequence": norm({"type": "NFKC"}, {"type": "Lowercase"}, seq("normalizers", {"type": "Strip",
                          "strip_left": True, "strip_right": True}, {"type": "Prepend", "prepend": "_"})),
    # pre-tokenizers
    "pre-bert": pre({"type": "BertPreTokenizer"}),
    "pre-byte-level": pre({"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                           "use_regex": True}),
    "pre-byte-level-plain": {"model": bpe(ALPHABET + ["Ġa", "he"], [["Ġ", "a"], ["h", "e"]]),
                             **pre({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                    "use_regex": False})},
    "pre-byte-level-first": pre({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                 "use_regex": False}, {"type": "Digits", "individual_digits": True}),
    "pre-char-delimiter": pre({"type": "CharDelimiterSplit", "delimiter": "b"}),
    "pre-digits": pre({"type": "Digits", "individual_digits": False}),
    "pre-digits-each": pre({"type": "Digits", "individual_digits": True}),
    "pre-fixed-length": pre({"type": "FixedLength", "length": 5}),
    "pre-metaspace": pre({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}),
    "pre-metaspace-first": {**pre({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first",
                                   "split": False}), "added_tokens": [added(900, "<s>", special=True)]},
    "pre-metaspace-never": pre({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never",
                                "split": True}),
    "pre-metaspace-words": pre(SPACES, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
                                        "split": True}),
    "pre-punctuation": pre({"type": "Punctuation", "behavior": "Isolated"}),
    "pre-punctuation-contiguous": pre({"type": "Punctuation", "behavior": "Contiguous"}),
    "pre-punctuation-removed": pre({"type": "Punctuation", "behavior": "Removed"}),
    "pre-sequence": pre({"type": "Whitespace"}, seq("pretokenizers", {"type": "Digits", "individual_digits":
                        True}, {"type": "Punctuation", "behavior": "MergedWithNext"})),
    "pre-split-removed": split({"String": "ab"}, "Removed"),
    "pre-split-isolated": split({"Regex": "\\w+|[^\\w\\s]"}, "Isolated"),
    "pre-split-previous": split({"Regex": "[ab]"}, "MergedWithPrevious"),
    "pre-split-next": split({"Regex": "[ab ]"}, "MergedWithNext"),
    "pre-split-contiguous": split({"Regex": "\\s|b"}, "Contiguous"),
    "pre-split-empty": split({"Regex": "(?=[A-Z0-9])|b*"}, "Isolated"),
    "pre-split-inverted": split({"Regex": "\\p{L}+"}, "Removed", True),
    "pre-split-inverted-previous": split({"Regex": "\\p{L}"}, "MergedWithPrevious", True),
    "pre-split-inverted-next": split({"Regex": "\\p{N}"}, "MergedWithNext", True),
    "pre-split-inverted-contiguous": split({"Regex": "[^a]"}, "Contiguous", True),
    "pre-split-string": split({"String": "."}, "MergedWithPrevious"),
    "pre-split-cl100k": split({"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                                        " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "Isolated"),
    "pre-split-han": split({"Regex": "[\\p{Han}\\p{Katakana}&&[^カ]]+|\\bdon|^a|c$"}, "Isolated"),
    "pre-scripts": pre({"type": "UnicodeScripts"}),
    "pre-whitespace": pre({"type": "Whitespace"}),
    "pre-whitespace-split": pre(SPACES),
    # decoders
    "dec-none": with_words(None),
    "dec-bpe": {"model": bpe(["<unk>"] + LETTERS + [c + "</w>" for c in LETTERS] + ["ab"],
                             [["a", "b"]], unk_token="<unk>", end_of_word_suffix="</w>"),
                **pre(SPACES), **dec({"type": "BPEDecoder", "suffix": "</w>"})},
    "dec-byte-level": {"model": bpe(ALPHABET + ["Ġa", "don"], [["Ġ", "a"]]),
                       **pre({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}),
                       "added_tokens": [added(500, "é語"), added(501, "<s>", special=True)],
                       **dec({"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})},
    "dec-ctc": {"model": words(["<pad>", "|", "a", "b", "n't", ".", "<unk>", "do not"], unk_token="<unk>"),
                **split({"Regex": "<pad>|\\||a|b|\\.|n't|do not| "}, "Removed", True),
                **dec({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}),
                "texts": ["aab<pad>b|ba<pad><pad>|.|a", "a|n't||b", "", "do not|do not"]},
    "dec-ctc-raw": {"model": words(["<pad>", "|", "a", "b", "<unk>"], unk_token="<unk>"),
                    **split({"Regex": "<pad>|\\||a|b"}, "Isolated"),
                    **dec({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": False}),
                    "texts": ["aab<pad>b|ba<pad><pad>|a", "abab"]},
    "dec-fuse": with_bytes({"type": "Fuse"}),
    "dec-metaspace": with_bytes({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}),
    "dec-metaspace-never": with_bytes({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True}),
    "dec-wordpiece": with_words(dec({"type": "WordPiece", "prefix": "##", "cleanup": True})),
    "dec-wordpiece-raw": with_words(dec({"type": "WordPiece", "prefix": "##", "cleanup": False})),
    "dec-strip": with_bytes({"type": "Strip", "content": "a", "start": 1, "stop": 0}),
    "dec-replace": with_bytes({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
    "dec-replace-regex": with_bytes({"type": "Replace", "pattern": {"Regex": "[ab]|▁"}, "content": "+"}),
    "dec-byte-fallback": with_bytes({"type": "ByteFallback"}),
    "dec-llama": with_bytes({"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                            {"type": "ByteFallback"}, {"type": "Fuse"},
                            {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
    # post-processors
    "post-bert": {**with_words(None), "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2],
                                                         "cls": ["[CLS]", 1]}},
    "post-roberta": {**with_words(None), "post_processor": {"type": "RobertaProcessing", "sep": ["[SEP]", 2],
                     "cls": ["[CLS]", 1], "trim_offsets": True, "add_prefix_space": True}},
    "post-byte-level": {**with_words(None), "post_processor": {"type": "ByteLevel", "add_prefix_space": True,
                        "trim_offsets": False, "use_regex": True}},
    "post-template": {**with_words(None), "post_processor": {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"SpecialToken": {"id": "two", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                           "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]},
                           "two": {"id": "two", "ids": [3, 4], "tokens": ["the", "king"]}}}},
    "post-sequence": {**with_words(None), "post_processor": seq("processors",
        {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}},
         {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "y", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"x": {"id": "x", "ids": [3], "tokens": ["the"]},
                            "y": {"id": "y", "ids": [4], "tokens": ["king"]}}})},
    # added tokens
    "added": {"model": bpe(ABC, ABC_MERGES, unk_token="<unk>"), **norm({"type": "Lowercase"}),
              "added_tokens": [added(1, "<s>", special=True), added(2, "<z>", special=True, normalized=True),
                               added(37, "[X]", lstrip=True, rstrip=True), added(38, "ABC", normalized=True),
                               added(39, "abba", single_word=True), added(40, "stop", single_word=True, normalized=True),
                               added(41, "abb"), added(99, "語", lstrip=True)],
              "texts": TEXTS + ["abba abbaa éabba", "aABCb ABC  [X] [X]\u00a0 x", "stop stops  STOP语stop",
                                "<S> <s> </S> <z>x", "abb abbabba", "a  語 語b"]},
}
BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None}


def file_of(name, whole=False):
    part = dict(PARTS[name])
    texts = part.pop("texts", TEXTS)
    out = dict(BASE)
    out.update(part)
    if "model" not in out:
        out["model"] = probe(whole)
    return out, texts


def case_of(t, text):
    c = {"text": text, "ids": t.encode(text, add_special_tokens=False).ids}
    a = t.encode(text).ids
    if a != c["ids"]:
        c["a"] = a
    d, s = t.decode(a, skip_special_tokens=True), t.decode(a, skip_special_tokens=False)
    c["d"] = True if d == text else d
    c["s"] = True if s == d else s
    return c


def write(names):
    for name in names or PARTS:
        parts, texts = file_of(name)
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        t = Tokenizer.from_str(text)
        path = os.path.join(HERE, "part-" + name)
        open(path + ".json", "w").write(text + "\n")
        with open(path + ".jsonl", "w") as f:
            for x in texts:
                f.write(json.dumps(case_of(t, x), ensure_ascii=False, separators=(",", ":")) + "\n")


RUNS = ["the king", "don't", "'S", "\u017f", "K", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "▁", "_", "@", "##",
        "ab", "abc", "ABC", "abba", "stop", "<s>", "<z>", "[X]", "<unk>", "[UNK]", "[CLS]", "<pad>", "|", ".", " .", "'m",
        "123", "٣", "½", "é", "e\u0301", "a\u0323\u0301", "ﬁ", "Å", "İ", "ß", "漢", "々", "。", "ー", "ア", "ひ", "한",
        "\u1112\u1161\u11ab", "नि", "ก็", "\u200d", "\u200b", "\ufeff", "\ufffd", "\u0000", "\u0007", "\u0085", "\u00ad",
        "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\U00020000", "\U0001d400", "Ǆ", "ᾳ",
        "Σς", "\u2028", "king's", "ing", "语", "語", "é語", "0", "9", "A", "z", "-", "+", "$", "(", ")", "~", "\\", "`", "^"]


def random_text(rng):
    out = []
    for _ in range(rng.randrange(1, 14)):
        k = rng.random()
        if k < 0.75:
            out.append(rng.choice(RUNS))
        elif k < 0.9:
            out.append(chr(rng.randrange(32, 127)))
        else:
            c = rng.randrange(0x110000) if k > 0.97 else rng.randrange(0x3100)
            out.append("" if 0xd800 <= c < 0xe000 else chr(c))
    return "".join(out)


def requests_of(t, texts, rng):
    """(request, expected answer), what the library cannot do left out"""
    n = t.get_vocab_size()
    out = []
    for x in texts:
        for add in (False, True):
            try:
                ids = t.encode(x, add_special_tokens=add).ids
            except BaseException:
                continue
            out.append(({"text": x, "add_special": add, "parse_special": True}, ids))
            if rng.random() < 0.3:
                ids = [rng.randrange(n) for _ in range(rng.randrange(6))]
            ids = [i for i in ids if t.id_to_token(i) is not None]
            for skip in (False, True):
                try:
                    d = t.decode(ids, skip_special_tokens=skip)
                except BaseException:
                    continue
                out.append(({"ids": ids, "unparse_special": not skip}, d))
    return out


def check(program, names, n, seed):
    bad = 0
    for name in names or PARTS:
        rng = random.Random(seed)
        path = name if name.endswith(".json") else "/tmp/oxigraph-part.json"
        if name.endswith(".json"):
            texts = list(TEXTS)
        else:
            parts, texts = file_of(name, True)
            json.dump(parts, open(path, "w"), ensure_ascii=False)
        t = Tokenizer.from_file(path)
        q = requests_of(t, list(texts) + [random_text(rng) for _ in range(n)], rng)
        p = subprocess.run([program, "tokenize", path, "--jsonl"], capture_output=True,
                           input="".join(json.dumps(r) + "\n" for r, _ in q).encode())
        answers = [json.loads(l) for l in p.stdout.splitlines()]
        wrong = []
        for (r, e), o in zip(q, answers):
            got = o.get("ids") if "text" in r else base64.b64decode(o.get("b64", "")).decode("utf-8", "replace")
            if got != e or "error" in o:
                wrong.append((r, e, o if "error" in o else got))
        if len(answers) != len(q):
            wrong.append((p.stderr.decode()[-200:], len(q), len(answers)))
        print("%-30s %d of %d differ" % (os.path.basename(name), len(wrong), len(q)))
        for r, e, o in wrong[:3]:
            print("   %s\n   library %s\n   program %s" % tuple(ascii(v)[:300] for v in (r, e, o)))
        bad += bool(wrong)
    return bad


def main():
    args = sys.argv[1:]
    if args[:1] == ["write"]:
        write(args[1:])
    elif args[:1] == ["check"] and len(args) > 1:
        n, seed, names = 200, 1, []
        it = iter(args[2:])
        for a in it:
            if a == "--texts":
                n = int(next(it))
            elif a == "--seed":
                seed = int(next(it))
            else:
                names.append(a)
        sys.exit(min(check(args[1], names, n, seed), 100))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
