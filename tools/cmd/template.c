/* SPDX-License-Identifier: MIT
 *
 * `oxigraph template`: renders chat templates. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "text/chat/model.h"
#include "tools/chat/chat.h"

enum { MAX_JSON = 256 << 20, MAX_LINE = 256 << 20 };

typedef struct options {
    const char *messages, *tools, *kwargs, *now, *choice;
    bool jsonl, spans, generation, abilities;
    og_template_time time;
    og_template_options limits;
} options;

/* ---- output ---- */

static void print_json_string(const char *s, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c == '\n')
            printf("\\n");
        else if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_text_object(const og_template_text *t, bool spans)
{
    printf("{\"text\": ");
    print_json_string(t->text, t->size);
    if (spans) {
        printf(", \"has_bos\": %s, \"spans\": [", t->has_bos ? "true" : "false");
        for (size_t i = 0; i < t->n_span; i++)
            printf("%s[%zu, %zu, %s]", i ? ", " : "", t->span[i].begin, t->span[i].end,
                   t->span[i].is_trusted ? "true" : "false");
        printf("]");
    }
    printf("}\n");
}

/* ---- one context a line ---- */

static int run_lines(og_ctx *ctx, const og_template *t, const options *o)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while (!ferror(stdout) && (n = getline(&line, &cap, stdin)) >= 0) {
        og_template_text text;
        if (n > 0 && line[n - 1] == '\n') n--;
        og_status status =
            n > MAX_LINE ? ogi_fail(ctx, OG_E_LIMIT, __FILE__, __LINE__, "the line is too long")
                         : og_template_render(ctx, t, line, (size_t)n, &o->limits, &text);
        if (status == OG_OK) {
            print_text_object(&text, o->spans);
            og_template_text_free(ctx, &text);
        } else {
            printf("{\"error\": ");
            print_json_string(og_error(ctx), strlen(og_error(ctx)));
            printf("}\n");
            og_error_clear(ctx);
        }
        fflush(stdout);
    }
    free(line);
    return 0;
}

/* ---- one conversation ---- */

static void print_abilities(const og_chat *chat)
{
    const og_chat_abilities *can = og_chat_abilities_of(chat);
    const ogi_toolcall_format *calls = ogi_chat_toolcalls(chat);
    const struct {
        const char *name;
        bool yes;
    } rows[] = { { "system_role", can->system_role },
                 { "text_content", can->text_content },
                 { "part_content", can->part_content },
                 { "null_content", can->null_content },
                 { "tools", can->tools },
                 { "tool_calls", can->tool_calls },
                 { "object_arguments", can->object_arguments },
                 { "text_arguments", can->text_arguments } };
    printf("{");
    for (int i = 0; i < OGI_LEN(rows); i++)
        printf("%s\"%s\": %s", i ? ", " : "", rows[i].name, rows[i].yes ? "true" : "false");
    printf(", \"call_format\": ");
    if (calls)
        print_json_string(ogi_toolcall_format_name(calls), strlen(ogi_toolcall_format_name(calls)));
    else
        printf("null");
    printf("}\n");
}

static og_status render_chat(og_ctx *ctx, og_chat *chat, const options *o, const char *messages,
                             const char *tools)
{
    og_template_text text;
    og_chat_request req = { .messages = messages,
                            .tools = tools,
                            .kwargs = o->kwargs,
                            .no_generation_prompt = !o->generation,
                            .limits = o->limits };
    OG_TRY(og_chat_render(ctx, chat, &req, &text));
    if (o->spans)
        print_text_object(&text, true);
    else
        run_print_to(stdout, false, text.text, text.size);
    og_template_text_free(ctx, &text);
    return OG_OK;
}

static og_status run_chat(og_ctx *ctx, const ogi_gguf *model, const options *o)
{
    static const char greeting[] = "[{\"role\": \"user\", \"content\": \"Hello\"}]";
    ogi_buf messages = { .ctx = ctx }, tools = { .ctx = ctx };
    og_chat *chat = NULL;
    og_status status = ogi_chat_open(ctx, model, o->choice, o->tools != NULL, &chat);
    if (status == OG_OK && o->messages)
        status = ogi_file_read(ctx, o->messages, MAX_JSON, &messages);
    if (status == OG_OK && o->tools) status = ogi_file_read(ctx, o->tools, MAX_JSON, &tools);
    if (status == OG_OK && o->abilities)
        print_abilities(chat);
    else if (status == OG_OK)
        status = render_chat(ctx, chat, o, o->messages ? ogi_buf_str(&messages) : greeting,
                             o->tools ? ogi_buf_str(&tools) : NULL);
    ogi_buf_free(&messages);
    ogi_buf_free(&tools);
    og_chat_free(chat);
    return status;
}

/* ---- command ---- */

static bool is_gguf(const char *path)
{
    char magic[4] = { 0 };
    FILE *f = fopen(path, "rb");
    bool yes = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "GGUF", 4);
    if (f) fclose(f);
    return yes;
}

static og_status run(og_ctx *ctx, const char *path, options *o)
{
    ogi_gguf *model = NULL;
    og_template *t = NULL;
    ogi_buf name = { .ctx = ctx };
    if (o->now) {
        OG_TRY(og_template_time_parse(ctx, o->now, &o->time));
        o->limits.now = &o->time;
    }
    if (is_gguf(path))
        OG_TRY(ogi_gguf_open(ctx, path, NULL, 0, &model));
    else if (!o->choice)
        o->choice = path;
    og_status status;
    if (o->jsonl) {
        status = ogi_template_choose(ctx, model, o->choice, false, &t, &name);
        if (status == OG_OK) run_lines(ctx, t, o);
    } else {
        status = run_chat(ctx, model, o);
    }
    ogi_buf_free(&name);
    og_template_free(t);
    ogi_gguf_close(model);
    return status;
}

int cmd_template(int argc, char **argv)
{
    options o = { .generation = true };
    const cli_opt opts[] = {
        { "--messages", CLI_STR, &o.messages, "FILE", "JSON array of messages; - is stdin" },
        { "--tools", CLI_STR, &o.tools, "FILE", "JSON array of tools" },
        { "--template-kwargs", CLI_STR, &o.kwargs, "JSON", "object of further variables" },
        { "--chat-template", CLI_STR, &o.choice, "NAME|FILE",
          "a template of the model, a built-in one (chatml), or a file" },
        { "--no-generation-prompt", CLI_NOFLAG, &o.generation, NULL,
          "do not open the assistant's turn" },
        { "--now", CLI_STR, &o.now, "TIME", "what strftime_now tells: 2026-03-07T09:05:04" },
        { "--jsonl", CLI_FLAG, &o.jsonl, NULL,
          "contexts from stdin, one a line, taken as they are; one answer a line" },
        { "--spans", CLI_FLAG, &o.spans, NULL,
          "print JSON that tells which bytes the template wrote: [begin, end, trusted]" },
        { "--abilities", CLI_FLAG, &o.abilities, NULL, "print what the template can take" },
    };
    const cli_spec spec = {
        .usage = "oxigraph template MODEL|FILE [options]",
        .doc = "Renders the chat template of a model (or a template file) with messages. What the\n"
               "template cannot take is adapted, which is told; with --jsonl it never is.",
        .opt = opts,
        .n_opt = OGI_LEN(opts),
        .min_args = 1,
        .max_args = 1,
    };
    const char *args[1];
    int n_args, exit_status = cli_parse(&spec, argc, argv, args, &n_args);
    if (exit_status >= 0) return exit_status;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    if (run(ctx, args[0], &o) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
