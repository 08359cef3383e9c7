"""Records what Hugging Face tokenizers make of many texts, and the character classes of its regex engine.

    .venv/bin/python record_tokenizer.py              # model/src/test/resources/tokenizer/NAME
    .venv/bin/python record_tokenizer.py characters   # model/src/main/resources/.../characters.txt

Each folder holds a small tokenizer of one kind, trained here on the lines below, and `golden.json`: texts as base64 of their bytes, which
need not be valid UTF-8, the ids with and without special tokens, and what those ids (null for the text itself) and random ones decode to.
"""

import base64
import json
import random
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent.parent.parent / "model" / "src"
OUT = ROOT / "test" / "resources" / "tokenizer"

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"]
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])

LINES = """
The deer drinks at the river in the morning, and the river doesn't mind. It's early; they're quiet, we've time, I'll wait, you'd wait too.
A small model learns to write small programs. THE DEER'S RIVER, THE MODEL'S WEIGHTS, 1234567890 steps and 3.14159 turns.
public final class River { private final int width; River(int width) { this.width = width; } int width() { return width; } }
for (int i = 0; i < 100; i++) { if (i % 15 == 0) { System.out.println("deer " + i); } else { sum += values[i] * 0.5f; } }
import java.util.List; import java.util.Map; /** Gives the number of tokens. @return the number */ public static void main(String[] args) {}
def forward(x, weight): return x @ weight.T    # [batch, hidden]
\treturn null;\n\t\t} // end\n    }\n        continue;\n
Der Hirsch trinkt früh am Fluß, und die Bäume rauschen über ihm; größer wird der Tag, schöner das Licht.
Le cerf boit à la rivière, où l'eau coule déjà; l'été s'en va, ça ne fait rien, naïve façon d'être.
El ciervo bebe en el río por la mañana; ¿quién lo mira? ¡Nadie! El niño corrió después.
Олень пьёт из реки ранним утром, и река не против. Лес шумит, ветер стихает, день начинается.
小鹿在清晨的河边喝水，河水静静地流。模型学会写程序，一步一步，越来越好。今天天气很好，我们去看小鹿。
小鹿は朝の川で水を飲みます。モデルはプログラムを書くことを学びます。カタカナとひらがな。
사슴이 아침에 강에서 물을 마신다. 모형은 글을 배운다.
الغزال يشرب من النهر في الصباح، والنهر هادئ. النموذج يتعلم الكتابة.
हिरण सुबह नदी से पानी पीता है। मॉडल लिखना सीखता है।
Con hươu uống nước bên bờ sông vào buổi sáng sớm, và dòng sông chảy êm đềm.
🦌 drinks 💧 by the 🏞️; 👩‍💻 writes code 🎉🎉 and 👍🏽 says yes ❤️.
""".strip("\n").replace("\\t", "\t").replace("\\n", "\n").split("\n")

TEXTS = LINES + [
    "", " ", "  ", "\n", "\r\n", "\t", "a", "a ", " a", "  a", "a  b", "a   b\n\n\nc", "\n\n  \n x", " \r\n\r\n\t y", "x \n", "x\n ", "   ",
    "\u3000全角\u3000空白\u3000", "no\u00a0break\u2003em\u2028line\u2029para\u0085next\u202fnarrow\u205fmath\u1680ogham", "\x0b\x0c\x1c\x1d\x1e\x1f\x00\x7f",
    "zero\u200bwidth\u200djoin\ufeffbom\u2060word", "it's IT'S It'S i'm I'M we'Re we'VE they'LL he'D x'\u017f y'\u017fa 'sir 'tis ''s 'S's 's's 'rep 'velvet 'lla 're've",
    "l'amour d'or n'est aujourd'hui ’s ’t", "a1b2c3 12 123 1234 12345 123456 1234567 1 2 3 1a 12ab3 a12 ½⅓ ²³ ٣٤٥٦ १२३४ 一二三四 Ⅷ ① 𝟘𝟙𝟚𝟛 100,000.50 0x1F 1e-9",
    "e\u0301 e\u0323\u0301 a\u030a \u0301x x\u0301\u0302\u0303\u0304y \u0301\u0302 ố o\u0302\u0301 \u1100\u1161\u11a8 Ω Å ﬁ ﬀ Å ①",
    "นี่คือภาษาไทย ภาษาลาวພາສາລາວ தமிழ் മലയാളം বাংলা ქართული Հայերեն עברית ܣܘܪܝܬ አማርኛ ᠮᠣᠩᠭᠣᠯ བོད་ཡིག ᏣᎳᎩ",
    "𐌰𐌱𐌲 𝒳𝓎𝓏 𠀀𠀁𪚥 🀄🂡 𓀀𓀁 \U0010ffff \ue000 \U000e0001 \u0378 \uffff \ufffe", "🇩🇪🇯🇵 👨‍👩‍👧‍👦 🏴\U000e0067\U000e0062\U000e007f 1️⃣ ☎️ ☺ ♥",
    "a.b.c(d)[e]{f}<g>;:!?\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "--- *** === >>> <<< /// \\\\\\ ... … — – ‘’ “” «» ¡¿ § ¶ † ‡ • ° ± × ÷ € £ ¥ ₹ ₿ ∑ ∫ ∞ ≠ ≤ → ⇒ ■ □ ★",
    "-word _name .method() ,next :key #tag @user /path/to/file \\escape $var %s &and *ptr +plus =eq ~tilde ^hat `tick` |pipe|",
    "x" * 300, "ab" * 200, " " * 200 + "x", "\n" * 150, "-" * 150 + "=" * 150, "小" * 120, "9" * 100, "é" * 100, "🦌" * 50, "aA" * 90 + "1" * 50 + "!" * 50,
    "q w e r t y " * 30, "The the THE tHe", "camelCaseWord HTTPServer snake_case_word kebab-case XMLHttpRequest iPhone McDonald's O'Neill's",
    "日本語ABC中文123かなカナ゛゜ー・〜～ 한국어 ﾊﾝｶｸ ＡＢＣ１２３ 、。「」『』", "\u3040\u3097\u3099a\u309a\u30a0・ー\u30ff龥龦鿿㐀",
    "http://example.org/a?b=c&d=e#f user@example.org 2024-01-02T03:04:05Z 1.2.3.4 ::1 C:\\dir\\file.txt", "<tag attr=\"v\">text</tag><!-- c -->&amp;",
    "if(a&&b||!c){return\tx?y:z;}//c\r\n\r\n#include <stdio.h>\r\n\tint\tmain(){}\r\n", "0\n1\n22\n333\n4444", " 1 22  333   4444", "\t\tx\t y\t\n\tz",
]
BROKEN = [b"\xff", b"a\xffb", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82a", b"\xf0\x9f\xa6", b"\xf0\x9f\xa6\x8c\xf0\x9f", b"\xed\xa0\x80\xed\xb0\x80", b"\xc0\x80",
          b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80\x80\x80", b"ok \xe2\x28\xa1 ok", b"\xfe\xff\x00a", b"caf\xe9 cr\xe8me",
          b"\xe5\xb0", b"\xe5\xb0\x8f\xe9\xb9", b"\xf0\x9f\xf0\x9f\xa6\x8c"]
POOLS = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ KLMNOPQRST", "0123456789", "     \n\n\t\r", "'\"!?.,;:-_()[]{}<>/\\@#$%^&*+=~`|", "'s't're've'm'll'd'S'T'RE'LL",
         "äöüßéèçñåøŁłŽžſK", "αβγδЖЗИйё", "的一是不了人我在有他这中大来上个", "あいうえおアイウエオー・゛", "가나다라마", "ابتثجح", "\u0301\u0302\u0323\u0308\u093e\u0e34",
         "①②½¾²³٣४Ⅷ", "€£¥§°±×÷→★", "\u00a0\u2003\u3000\u2028\u0085\u200b\u200d\ufeff", "😀🎉👍🏽🦌❤️\u200d", "\x00\x01\x1b\x7f\u0378\ue000", "ǅᾈʰªº〇〡"]


def random_texts(seed, count):
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        text = []
        while len(text) < rng.randint(5, 60):
            pool = rng.choice(POOLS)
            text += [rng.choice(pool) for _ in range(rng.randint(1, 5))]
        made.append("".join(text))
    return made


def random_broken(seed, count):
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        data = bytearray("".join(rng.choice(rng.choice(POOLS)) for _ in range(20)).encode())
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(data))
            if rng.random() < 0.5:
                del data[at]
            else:
                data[at] = rng.randrange(256)
        made.append(bytes(data))
    return made


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(pattern if isinstance(pattern, str) else Regex(pattern[0]), behavior, invert)


def regex(pattern, behavior="isolated", invert=False):
    return split([pattern], behavior, invert)


def bytes_only():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def train(vocab, steps, normalizer=None, added=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = steps
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(LINES * 2, trainers.BpeTrainer(vocab_size=vocab, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


def special(*contents):
    return [AddedToken(c, special=True, normalized=False) for c in contents]


def llama3():
    steps = pre_tokenizers.Sequence([regex(LLAMA3), bytes_only()])
    tokenizer = train(1100, steps, added=special("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", *["<|reserved_special_token_%d|>" % i for i in range(12)]),
                      ignore_merges=True)
    bos = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=[("<|begin_of_text|>", bos)])])
    return tokenizer, {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}


def qwen():
    plain = [AddedToken(c, special=False, normalized=False) for c in ("<think>", "</think>", "<tool_call>")]
    tokenizer = train(1100, pre_tokenizers.Sequence([regex(QWEN), bytes_only()]), normalizers.NFC(),
                      special("<|endoftext|>", "<|im_start|>", "<|im_end|>") + plain, continuing_subword_prefix="", end_of_word_suffix="")
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    return tokenizer, {"bos_token": None, "eos_token": {"__type": "AddedToken", "content": "<|im_end|>"}, "pad_token": "<|endoftext|>", "add_bos_token": False}


def deepseek():
    steps = pre_tokenizers.Sequence([*map(regex, DEEPSEEK), bytes_only()])
    tokenizer = train(1100, steps, normalizers.Sequence([]),
                      special("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>") + [AddedToken("<｜User｜>", normalized=False), AddedToken("<｜Assistant｜>")])
    bos = "<｜begin▁of▁sentence｜>"
    tokenizer.post_processor = processors.TemplateProcessing(single=bos + ":0 $A:0", pair=bos + ":0 $A:0 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    text = json.loads(tokenizer.to_str())
    text["post_processor"] = json.loads(Tokenizer(models.BPE()).to_str())["post_processor"]        # the published file leaves it to the config
    config = {"add_bos_token": True, "add_eos_token": False, "bos_token": {"content": bos}, "eos_token": {"content": "<｜end▁of▁sentence｜>"}}
    return tokenizer, config, json.dumps(text, ensure_ascii=False)


def gpt2():
    tokenizer = train(1100, pre_tokenizers.ByteLevel(add_prefix_space=False), added=special("<|endoftext|>"))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    text = json.loads(tokenizer.to_str())
    text["model"]["merges"] = [" ".join(pair) for pair in text["model"]["merges"]]                 # the older way to write them
    return tokenizer, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}, json.dumps(text, ensure_ascii=False)


def prefix_space():
    steps = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)])
    return train(500, steps, added=special("<s>", "</s>")), None


def o200k():
    return train(700, pre_tokenizers.Sequence([regex(O200K), bytes_only()]), added=special("<|endoftext|>")), None


def added_tokens():
    tokens = [AddedToken("<left>", lstrip=True, special=True, normalized=False), AddedToken("<right>", rstrip=True, special=True, normalized=False),
              AddedToken("<both>", lstrip=True, rstrip=True, special=True, normalized=False), AddedToken("deer", single_word=True, normalized=False),
              AddedToken("river", single_word=True, lstrip=True, normalized=True), AddedToken("é", normalized=True), AddedToken("e\u0301e", normalized=True),
              AddedToken("ab", normalized=False), AddedToken("abc", normalized=False), AddedToken("bcd", normalized=False), AddedToken("  ", normalized=False),
              AddedToken("小鹿", special=True, normalized=True)]
    return train(500, pre_tokenizers.ByteLevel(add_prefix_space=True), normalizers.NFC(), tokens), None


def unknown():
    tokenizer = Tokenizer.from_str(train(330, pre_tokenizers.ByteLevel(add_prefix_space=False)).to_str())
    text = json.loads(tokenizer.to_str())
    for gone in "zxqÃðĠ":
        del text["model"]["vocab"][gone]
    text["model"]["merges"] = [pair for pair in text["model"]["merges"] if not any(gone in "".join(pair) for gone in "zxqÃðĠ")]
    text["model"]["vocab"] = {token: i for i, token in enumerate(text["model"]["vocab"])}
    text["model"]["vocab"]["<unk>"] = len(text["model"]["vocab"])
    text["model"]["unk_token"] = "<unk>"
    text["model"]["fuse_unk"] = True
    return Tokenizer.from_str(json.dumps(text)), None


def splits():
    """One tokenizer of single bytes for each way to split, told apart by where merges may not reach: all pairs of letters merge."""
    steps = {
        "string_removed": split(" ", "removed"), "string_previous": split(" ", "merged_with_previous"), "string_next": split(" ", "merged_with_next"),
        "string_contiguous": split(" ", "contiguous"), "string_isolated": split("e", "isolated"), "string_invert": split(" ", "removed", True),
        "regex_removed": regex(r"\s+", "removed"), "regex_previous": regex(r"\s|\p{P}", "merged_with_previous"), "regex_next": regex(r"\s|\p{P}", "merged_with_next"),
        "regex_contiguous": regex(r"\d", "contiguous"), "regex_invert": regex(r"\p{L}+", "removed", True), "regex_invert_previous": regex(r"\w+", "merged_with_previous", True),
        "regex_empty": regex(r"x*", "isolated"), "regex_empty_next": regex(r"\b", "merged_with_next"), "line_end": regex(r"\s+$", "isolated"), "line_start": regex(r"^\s*", "isolated"),
        "possessive": regex(r"[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}+|[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"),
        "marks": regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        "han": regex(r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+|(?<!\S)\d{2,}|\p{N}+?"), "digits": pre_tokenizers.Digits(individual_digits=False),
        "lazy": regex(r"[a-z]+?(?=[aeiou]|\b)|(?>\d+)|(?<=[aeiou])[^a-z]"), "script": regex(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]+|\h+|[\x41-\x5A\u00e0-\u00ff]+"),
        "escapes": regex(r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]+|\P{L}|[^\S\n]|[\p{^N}a]{1,4}"),
    }
    vocab = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    pairs = set()
    for text in TEXTS:
        piece = "".join(w for w, _ in bytes_only().pre_tokenize_str(text))
        pairs.update(zip(piece, piece[1:]))
    for a, b in sorted(pairs):
        vocab[a + b] = len(vocab)
    merges = sorted(pairs, key=lambda pair: hash_of("".join(pair)))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = bytes_only()
    made = {}
    rng = random.Random(7)
    for name, step in steps.items():
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([step, bytes_only()])
        some = rng.sample(TEXTS[len(LINES):], 25) + random_texts(name, 15)
        made[name] = {"pre_tokenizer": json.loads(tokenizer.to_str())["pre_tokenizer"],
                      "texts": [base64.b64encode(text.encode()).decode() for text in some], "ids": [tokenizer.encode(text).ids for text in some]}
    tokenizer.pre_tokenizer = bytes_only()
    folder = OUT / "splits"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    write(folder / "golden.json", made)


def hash_of(text):
    value = 0
    for c in text:
        value = (value * 1000003 + ord(c)) % 4294967291
    return value


def other(text, usual):
    """Null where a text is as usual: the goldens stay small."""
    return None if text == usual else text


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))


def record(name, tokenizer, config, text=None):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(text or tokenizer.to_str(), encoding="utf-8")
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    tokens = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    rng = random.Random(name)
    mixed = []
    for _ in range(40 if len(tokens) > 2 else 10):
        parts = [rng.choice([rng.choice(tokens or ["x"]), rng.choice(["deer", "river", "abcd", "é", " ", "e\u0301", "x", "  \n", "1 2"]), rng.choice(TEXTS)[:8]])
                 for _ in range(rng.randint(2, 8))]
        mixed.append("".join(parts))
    texts = [t.encode() for t in TEXTS + mixed + random_texts(name, 60)] + BROKEN + random_broken(name, 20)
    decoded = [data.decode("utf-8", "replace") for data in texts]
    size = tokenizer.get_vocab_size()
    random_ids = [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(40)]
    write(folder / "golden.json", {
        "source": "tokenizers " + tokenizers.__version__, "recorder": "testkit/recorders/record_tokenizer.py", "vocab": size,
        "texts": [base64.b64encode(data).decode() for data in texts],
        "ids": [tokenizer.encode(t).ids for t in decoded], "plain": [tokenizer.encode(t, add_special_tokens=False).ids for t in decoded],
        "decoded": [other(tokenizer.decode(tokenizer.encode(t).ids, skip_special_tokens=False), t) for t in decoded],
        "skipped": [other(tokenizer.decode(tokenizer.encode(t).ids, skip_special_tokens=True), t) for t in decoded],
        "random": random_ids, "random_decoded": [tokenizer.decode(ids, skip_special_tokens=False) for ids in random_ids],
        "tokens": {token: tokenizer.token_to_id(token) for token in tokens}})


def normal_forms():
    """Normal forms of texts full of marks and of characters that are younger than the tables of Hugging Face."""
    rng = random.Random(5)
    changing = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and (unicodedata.combining(chr(c)) or unicodedata.normalize("NFKD", chr(c)) != chr(c))]
    young = [*range(0x105C0, 0x105F0), *range(0x11380, 0x113D1), *range(0x11930, 0x11944), *range(0x1611E, 0x16130), *range(0x16D60, 0x16D6B), 0x897, 0x89A, 0x1DF8, 0x8CA]
    pools = [changing, changing, range(0x300, 0x370), young, b"aeiouACENO", range(0xAC00, 0xD7A4), range(0x1100, 0x1200)]
    texts = ["".join(chr(rng.choice(rng.choice(pools))) for _ in range(rng.randint(1, 10))) for _ in range(250)]
    made = {form: [getattr(normalizers, form)().normalize_str(text) for text in texts] for form in ("NFC", "NFD", "NFKC", "NFKD")}
    write(OUT / "normal_forms.json", {"source": "tokenizers " + tokenizers.__version__, "texts": texts, **made})


def trained():
    """What the trainer of Hugging Face makes of the lines, to compare our own with: merges in order."""
    steps = pre_tokenizers.Sequence([regex(LLAMA3), bytes_only()])
    write(OUT / "trained.json", {"source": "tokenizers " + tokenizers.__version__, "documents": LINES,
                                 "merges": [list(pair) for pair in json.loads(Tokenizer.to_str(train_twice(steps)))["model"]["merges"]]})


def train_twice(steps):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = steps
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=900, min_frequency=2, show_progress=False,
                                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def characters():
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    text = "".join(map(chr, points))

    def runs(pattern):
        found = bytearray(0x110000)
        for _, (start, end) in regex(pattern, "removed", True).pre_tokenize_str(text):
            for i in range(start, end):
                found[points[i]] = 1
        return found

    names = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
    category = ["Cs"] * 0x110000
    for name in names:
        for point, found in enumerate(runs(r"\p{%s}+" % name)):
            if found:
                category[point] = name
    word = runs(r"\w+")
    lines = []
    before = None
    for point in range(0x110000):
        entry = category[point] + ("w" if word[point] else "")
        if entry != before:
            lines.append("%x %s" % (point, entry))
        before = entry
    (ROOT / "main" / "resources" / "dev" / "xiaolu" / "tokenizer" / "characters.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["characters"]:
        characters()
    else:
        for make in (llama3, qwen, deepseek, gpt2, prefix_space, o200k, added_tokens, unknown):
            record(make.__name__, *make())
        splits()
        normal_forms()
        trained()
