/* SPDX-License-Identifier: MIT
 *
 * `oxigraph tokenize`: text from stdin as tokens: pieces (coloured on a terminal), ids, JSON. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "tools/cmd/cli.h"
#include "tools/cmd/tokenize_json.h"

typedef struct options {
    bool ids, json, jsonl, info, count, heal, no_add, no_parse;
    const char *verify, *text, *file;
    cli_list override;
} options;

static const int64_t max_text = (int64_t)1 << 30;

/* A piece with what a terminal could take for a command, and invalid UTF-8, escaped. */
static void print_piece(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        int len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
        bool whole = len > 0 && i + (size_t)len <= n;
        for (int k = 1; k < len && whole; k++)
            whole = ((unsigned char)s[i + (size_t)k] & 0xc0) == 0x80;
        if (len == 2 && c == 0xc2 && whole && (unsigned char)s[i + 1] < 0xa0) whole = false;
        if (c == '\n') {
            fputs("\\n", stdout);
        } else if (c == '\t') {
            fputs("\\t", stdout);
        } else if (!whole || c < 0x20 || c == 0x7f) {
            printf("\\x%02x", c);
        } else {
            fwrite(s + i, 1, (size_t)len, stdout);
            i += (size_t)len - 1;
        }
    }
}

/* One colour after the other, so that neighbours differ. */
static void print_pieces(const og_tokenizer *t, const og_tokens *ids)
{
    static const int colour[] = { 44, 42, 45, 43, 46, 41 };
    bool tty = cli_has_colour(stdout);
    for (int64_t i = 0; i < ids->n; i++) {
        size_t n;
        const char *piece = og_tokenizer_piece(t, ids->id[i], true, &n);
        if (tty) {
            printf("\033[%d;97m", colour[i % OGI_LEN(colour)]);
            print_piece(piece, n);
            printf("\033[0m");
        } else {
            printf("%d\t", (int)ids->id[i]);
            print_piece(piece, n);
            putchar('\n');
        }
    }
    if (tty) putchar('\n');
}

static void print_json(og_ctx *ctx, const og_tokenizer *t, const og_tokens *ids, size_t n_byte)
{
    ogi_buf b = { .ctx = ctx };
    ogi_buf_printf(&b, "{\"n_bytes\": %zu, \"n_tokens\": %lld, \"tokens\": [", n_byte,
                   (long long)ids->n);
    for (int64_t i = 0; i < ids->n; i++) {
        size_t n;
        const char *piece = og_tokenizer_piece(t, ids->id[i], true, &n);
        ogi_buf_printf(&b, "%s{\"id\": %d, \"piece\": ", i ? ", " : "", (int)ids->id[i]);
        tokenize_json_string(&b, piece, n);
        ogi_buf_putc(&b, '}');
    }
    ogi_buf_puts(&b, "]}");
    puts(ogi_buf_str(&b));
    ogi_buf_free(&b);
}

static void print_ids(const og_tokens *ids)
{
    for (int64_t i = 0; i < ids->n; i++) printf("%s%d", i ? " " : "", (int)ids->id[i]);
    putchar('\n');
}

/* Takes back what a continuation may spell with longer tokens; tells it on stderr. */
static og_status heal(og_ctx *ctx, const og_tokenizer *t, og_tokens *ids)
{
    enum { MOST = 8 };
    char *prefix;
    size_t n;
    int64_t n_before = ids->n;
    OG_TRY(og_tokenizer_heal(t, ctx, ids, 0, MOST, &prefix, &n));
    ogi_buf text = { .ctx = ctx };
    tokenize_json_string(&text, prefix, n);
    fprintf(stderr, "healed: %lld tokens taken back; what follows must begin with %s\n",
            (long long)(n_before - ids->n), ogi_buf_str(&text));
    ogi_buf_free(&text);
    og_text_free(ctx, prefix);
    return OG_OK;
}

static og_status tokenize_text(og_ctx *ctx, const og_tokenizer *t, const options *o)
{
    ogi_buf text = { .ctx = ctx };
    og_tokens ids = { 0 };
    unsigned flags =
        (o->no_add ? 0 : OG_ENCODE_ADD_SPECIAL) | (o->no_parse ? 0 : OG_ENCODE_PARSE_SPECIAL);
    og_status status = OG_OK;
    if (o->text)
        ogi_buf_puts(&text, o->text);
    else
        status = ogi_file_read(ctx, o->file ? o->file : "-", max_text, &text);
    if (status == OG_OK)
        status = og_tokenizer_encode(t, ctx, ogi_buf_str(&text), text.n, flags, &ids);
    if (status == OG_OK && o->heal) status = heal(ctx, t, &ids);
    if (status == OG_OK) {
        if (o->json)
            print_json(ctx, t, &ids, text.n);
        else if (o->ids)
            print_ids(&ids);
        else if (!o->count)
            print_pieces(t, &ids);
        if (o->count || (!o->json && !o->ids && isatty(STDOUT_FILENO)))
            printf("%lld token%s, %zu byte%s, %.2f bytes a token\n", (long long)ids.n,
                   ids.n == 1 ? "" : "s", text.n, text.n == 1 ? "" : "s",
                   ids.n ? (double)text.n / (double)ids.n : 0.0);
    }
    og_tokens_free(ctx, &ids);
    ogi_buf_free(&text);
    return status;
}

int cmd_tokenize(int argc, char **argv)
{
    options o = { 0 };
    const cli_opt opt[] = {
        { "--ids", CLI_FLAG, &o.ids, NULL, "print ids alone, on one line" },
        { "--json", CLI_FLAG, &o.json, NULL, "print ids, pieces and counts as JSON" },
        { "--count", CLI_FLAG, &o.count, NULL, "print how many tokens and bytes" },
        { "--jsonl", CLI_FLAG, &o.jsonl, NULL, "answer one JSON request a line: docs/tokenize.md" },
        { "--info", CLI_FLAG, &o.info, NULL, "print special ids and flags, with --json as JSON" },
        { "--verify", CLI_STR, &o.verify, "FILE", "compare with the ids in FILE (.jsonl)" },
        { "--heal", CLI_FLAG, &o.heal, NULL,
          "take back tokens at the end that a longer one begins with" },
        { "-p|--text", CLI_STR, &o.text, "TEXT", "this text instead of stdin" },
        { "-f|--file", CLI_STR, &o.file, "FILE", "the text of this file, as it is" },
        { "--no-add-special", CLI_FLAG, &o.no_add, NULL, "do not add BOS, EOS or separator" },
        { "--no-parse-special", CLI_FLAG, &o.no_parse, NULL, "take <|control|> tokens as text" },
        { "--override-kv", CLI_LIST, &o.override, "KEY=TYPE:VALUE",
          "replace metadata (repeatable)" },
    };
    const cli_spec spec = { "oxigraph tokenize MODEL [TEXT] [options] < text",
                            "Prints the tokens of a text. MODEL is a GGUF file, a Hugging Face "
                            "tokenizer.json or the folder around it, or a .tiktoken file.",
                            opt,
                            OGI_LEN(opt),
                            1,
                            2 };
    const char *args[2] = { NULL, NULL };
    int n_args, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    if ((args[1] != NULL) + (o.text != NULL) + (o.file != NULL) > 1)
        return cli_usage_error("two texts: one alone is taken; the argument, -p TEXT or -f FILE");
    if (args[1] && strcmp(args[1], "-") != 0) o.text = args[1];
    og_ctx *ctx = cli_ctx();
    og_tokenizer *t = NULL;
    if (!ctx) return 1;
    if (og_tokenizer_open(ctx, args[0], o.override.item, o.override.n, &t) != OG_OK)
        return cli_fail(ctx);
    if (o.jsonl)
        status = tokenize_jsonl(ctx, t, stdin, stdout);
    else if (o.verify)
        status = tokenize_verify(ctx, t, o.verify);
    else if (o.info)
        status = tokenize_info(t, o.json);
    else
        status = tokenize_text(ctx, t, &o) == OG_OK ? 0 : -1;
    og_tokenizer_free(t);
    if (status < 0) return cli_fail(ctx);
    og_ctx_free(ctx);
    return status;
}
